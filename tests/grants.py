"""Who may do what, written out by hand. Three kinds of tests use this list:

- tests/infra/test_least_privilege.py: both templates grant exactly this;
- tests/unit/*/test_*_grants.py: the functions call exactly what is granted to them for their own use;
- tests/e2e/test_missing_grants.py: without any one action of it, the embedded AWS denies what needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

LANDING = "arn:${{AWS::Partition}}:s3:::sensor-fanout-{stage}-landing-${{AWS::AccountId}}-${{AWS::Region}}-an"
PARAMETER = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${ThresholdsParameter}"
ALERTS_INDEX = "${StoreAlerts.Arn}/index/work"

_LAMBDA_LOGS = "Lambda writes what the function prints to its log group, under the function's role."
_LAMBDA_QUEUE = "Lambda hands an event that failed for good to the failure queue, under the function's role."
_XRAY = "The X-Ray daemon beside the function sends what the SDK hands it, under the function's role."
_SNS_KEY = "SNS uses the topic's key for whoever publishes to it."


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a role. `by_service` says which service uses it for the role; None is the role's own code."""

    sid: str | None
    actions: tuple[str, ...]
    resource: str
    condition: Any = None
    by_service: str | None = None


def _common(queue: str, logs: str) -> tuple[Statement, ...]:
    return (
        Statement(
            sid=None,
            actions=("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
            resource="*",
            by_service=_XRAY,
        ),
        Statement(sid="KeepFailures", actions=("sqs:SendMessage",), resource=queue, by_service=_LAMBDA_QUEUE),
        Statement(
            sid="WriteLogs",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resource=logs,
            by_service=_LAMBDA_LOGS,
        ),
        Statement(sid="ReadThresholds", actions=("ssm:GetParameter",), resource=PARAMETER),
    )


INGEST = (
    *_common("${DeadLettersIngest.Arn}", "${IngestLogs.Arn}"),
    Statement(sid="WriteReadings", actions=("dynamodb:BatchWriteItem",), resource="${StoreReadings.Arn}"),
    Statement(
        sid="EmitEvents",
        actions=("events:PutEvents",),
        resource="${FanoutBus.Arn}",
        condition={"StringEqualsIfExists": {"events:source": "sensors.ingest"}},
    ),
    Statement(sid="ReadIncoming", actions=("s3:GetObjectVersion",), resource=f"{LANDING}/incoming/*"),
    Statement(
        sid="TellGoneFromDenied",
        actions=("s3:ListBucket",),
        resource=LANDING,
        by_service="S3 answers GetObject with 404 and not 403 for what is gone where the caller may list the bucket.",
    ),
    Statement(sid="WriteQuarantine", actions=("s3:PutObject",), resource=f"{LANDING}/quarantine/*"),
)

ALERT = (
    *_common("${DeadLettersAlert.Arn}", "${AlertLogs.Arn}"),
    Statement(
        sid="KeepAlerts",
        actions=("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        resource="${StoreAlerts.Arn}",
    ),
    Statement(sid="FindWork", actions=("dynamodb:Query",), resource=ALERTS_INDEX),
    Statement(sid="ReadReadings", actions=("dynamodb:Query",), resource="${StoreReadings.Arn}"),
    Statement(sid="PublishAlerts", actions=("sns:Publish",), resource="${FanoutAlertsTopic}"),
    Statement(sid="PublishNotifications", actions=("sns:Publish",), resource="${FanoutAlertsNotificationsTopic}"),
    Statement(
        sid="EncryptAlerts",
        actions=("kms:Decrypt", "kms:GenerateDataKey"),
        resource="${FanoutAlertsKey.Arn}",
        condition={"StringEquals": {"kms:ViaService": "sns.${AWS::Region}.${AWS::URLSuffix}"}},
        by_service=_SNS_KEY,
    ),
)

SWEEP = (
    Statement(
        sid="StartSweep",
        actions=("lambda:InvokeFunction",),
        resource="${AlertFunction.Arn}",
        by_service="EventBridge Scheduler starts the sweep under this role, which only it may assume.",
    ),
    Statement(
        sid="KeepFailures",
        actions=("sqs:SendMessage",),
        resource="${DeadLettersSchedule.Arn}",
        by_service="EventBridge Scheduler keeps what it could not start.",
    ),
)

DEVICE = (
    Statement(
        sid="UploadOwnReadings",
        actions=("s3:PutObject",),
        resource=f"{LANDING}/incoming/${{{{aws:PrincipalTag/device}}}}/*",
        condition={
            "StringEqualsIfExists": {"s3:x-amz-storage-class": "STANDARD", "s3:x-amz-server-side-encryption": "AES256"},
            "Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"},
        },
    ),
)

POLICIES = {
    "IngestRoleDefaultPolicy": INGEST,
    "AlertRoleDefaultPolicy": ALERT,
    "FanoutSweepPolicy": SWEEP,
    "DevicesPolicy": DEVICE,
}

_FIREHOSE = "Firehose delivers under this role, which only it may assume."

# With the front door: its own, and a device that must not have its folder's name.
FRONT_DOOR_POLICIES = {
    "FrontDoorRoleDefaultPolicy": (
        *(
            Statement(
                sid=sid,
                actions=("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
                resource=f"{LANDING}/{prefix}*",
                by_service=_FIREHOSE,
            )
            for sid, prefix in (("DeliverReadings", "incoming/firehose/"), ("DeliverErrors", "firehose-errors/"))
        ),
        Statement(
            sid="FindBucket",
            actions=("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
            resource=LANDING,
            by_service=_FIREHOSE,
        ),
        Statement(
            sid="WriteLogs",
            actions=("logs:PutLogEvents",),
            resource="arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${FrontDoorLogs}"
            ":log-stream:${FrontDoorLog}",
            by_service=_FIREHOSE,
        ),
    ),
    "FrontDoorPolicy": (
        Statement(
            sid="PutReadings",
            actions=("firehose:PutRecord", "firehose:PutRecordBatch"),
            resource="${FrontDoorStream.Arn}",
        ),
    ),
    "DevicesPolicy": tuple(
        replace(s, condition={**s.condition, "StringNotEquals": {"aws:PrincipalTag/device": "firehose"}})
        for s in DEVICE
    ),
}


def at_stage(resource: str, stage: str) -> str:
    """Return the resource as the template of a stage names it."""
    return resource.format(stage=stage) if "{stage}" in resource else resource


def for_own_use(statements: tuple[Statement, ...]) -> set[tuple[str, str]]:
    """Return (action, resource) of what the role's own code calls."""
    return {(a, s.resource) for s in statements if s.by_service is None for a in s.actions}
