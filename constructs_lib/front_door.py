"""The way in for fleets, off by default: a Data Firehose stream that gathers records into few, large objects."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.landing_zone import LandingZone
from constructs_lib.stage.acknowledge import AWS_OWNED_KEY, NAMES_UNKNOWN, acknowledge
from constructs_lib.stage.settings import Settings
from lambdas.shared.names import FRONT_DOOR_FOLDER, INCOMING_PREFIX

# How late a reading may be for it, and the most that is gathered, before compression. Both are hints: Firehose takes
# more when it falls behind (Firehose Developer Guide, "Amazon Data Firehose quota"), which an object's 64 MiB allow.
_GATHERED_S, _GATHERED_MB = 60, 5
# Firehose appends `yyyy/MM/dd/HH/` to a prefix that names no time, and asks for the type of error in that of errors
# (Firehose Developer Guide, "Understand custom prefixes for Amazon S3 objects").
_DELIVERED = f"{INCOMING_PREFIX}{FRONT_DOOR_FOLDER}/"
_ERRORS = "firehose-errors/"


class FrontDoor(Construct):
    """A stream that producers put readings into, one or many a record; ingest takes in what it delivers.

    `policy` lets a producer put records into it, and nothing else: a program, or the role of an IoT rule. A record may
    be about any device, so whoever has it speaks for all of them. S3's trace begins with the delivery.
    The stream is an L1 resource: the L2's destination grants reading, writing and deleting in the whole bucket.
    """

    def __init__(self, scope: Construct, id: str, *, landing: LandingZone, settings: Settings) -> None:
        super().__init__(scope, id)
        self._landing = landing
        self.log_group = logs.LogGroup(self, "Logs")
        cast(logs.CfnLogGroup, self.log_group.node.default_child).retention_in_days = settings.log_retention_days
        acknowledge(self.log_group, AWS_OWNED_KEY, "CKV_AWS_158")
        log = logs.CfnLogStream(self, "Log", log_group_name=self.log_group.log_group_name, log_stream_name="delivery")
        self.role = self._role(f"{self.log_group.log_group_name}:log-stream:{log.ref}")
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            # By name, because producers have it in their settings.
            delivery_stream_name=f"sensor-fanout-{settings.stage}",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=_ENCRYPTED,
            extended_s3_destination_configuration=firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                bucket_arn=landing.bucket_arn,
                role_arn=self.role.role_arn,
                prefix=_DELIVERED,
                error_output_prefix=f"{_ERRORS}!{{firehose:error-output-type}}/",
                buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                    interval_in_seconds=_GATHERED_S, size_in_m_bs=_GATHERED_MB
                ),
                compression_format="GZIP",
                cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                    enabled=True,
                    log_group_name=self.log_group.log_group_name,
                    log_stream_name=log.ref,
                ),
            ),
        )
        # Without its rights the first delivery would fail.
        self.stream.add_resource_dependency(
            cast(iam.CfnPolicy, self.role.node.find_child("DefaultPolicy").node.default_child)
        )
        # Named by text, as everywhere, which CloudFormation would not wait for.
        self.stream.node.add_dependency(landing.bucket)
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="Lets a producer put records of any device into the front door, and nothing else.",
            statements=[
                iam.PolicyStatement(
                    sid="PutReadings",
                    actions=["firehose:PutRecord", "firehose:PutRecordBatch"],
                    resources=[self.stream.attr_arn],
                )
            ],
        )

    @property
    def stream_name(self) -> str:
        """Return the stream's name, which producers and metrics call it by."""
        return self.stream.ref

    def _role(self, log: str) -> iam.Role:
        """Return the role that Firehose delivers under.

        What it must be allowed is listed whole in Firehose Developer Guide, "Grant Firehose access to an Amazon S3
        destination"; what is about objects ends at the two prefixes here. The account's number keeps streams of others
        from using the role (CloudWatch Logs User Guide, "Step 1: Create a Firehose delivery stream").
        """
        landing = self._landing
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("firehose.amazonaws.com"),
            external_ids=[cdk.Aws.ACCOUNT_ID],
        )

        def grant(sid: str, *actions: str, on: str, when: dict[str, dict[str, str]] | None = None) -> None:
            role.add_to_policy(iam.PolicyStatement(sid=sid, actions=list(actions), resources=[on], conditions=when))

        for sid, prefix in (("DeliverReadings", _DELIVERED), ("DeliverErrors", _ERRORS)):
            below = f"{landing.bucket_arn}/{prefix}*"
            grant(sid, "s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject", on=below)
            acknowledge(role, NAMES_UNKNOWN, f"AwsSolutions-IAM5[Resource::{landing.readable_arn}/{prefix}*]")
        listing = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
        grant("FindBucket", *listing, on=landing.bucket_arn)
        arn = f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group:{log}"
        grant("WriteLogs", "logs:PutLogEvents", on=arn)
        key = landing.bucket.encryption_key
        if key is not None:
            when = {"StringEquals": {"kms:ViaService": f"s3.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"}}
            grant("UseBucketKey", "kms:GenerateDataKey", "kms:Decrypt", on=key.key_arn, when=when)
        return role


# Records wait encrypted too (Firehose Developer Guide, "Data protection in Amazon Data Firehose").
_ENCRYPTED = firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(key_type="AWS_OWNED_CMK")
