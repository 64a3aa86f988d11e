"""Every action of every role, taken away in turn: the embedded AWS then denies the flow that needs it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import pytest

from sensorctl.embedded.embedded_aws import EmbeddedAws
from tests.e2e.redeployment import without
from tests.grants import POLICIES

INGEST, ALERT = "IngestRoleDefaultPolicy", "AlertRoleDefaultPolicy"
# What the embedded AWS checks: the actions that a role's own code calls. What a service does under the role's name
# (grants.py says which, and why) is pinned by the exact policies of tests/infra/test_least_privilege.py.
OWN = [
    (policy, statement.sid, action)
    for policy in (INGEST, ALERT)
    for statement in POLICIES[policy]
    if statement.by_service is None
    for action in statement.actions
]


def ingest(aws: EmbeddedAws, body: bytes) -> dict[str, Any]:
    """Invoke ingest with an object of its own, as S3 would; return the function's answer."""
    key = f"incoming/grants/{uuid4().hex}.json"
    version = aws.access.client("s3").put_object(Bucket=aws.pipeline.landing_bucket, Key=key, Body=body)["VersionId"]
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "s3": {
            "bucket": {"name": aws.pipeline.landing_bucket},
            "object": {"key": quote_plus(key), "size": len(body), "versionId": version},
        },
    }
    return invoke(aws, aws.pipeline.ingest_function, {"Records": [record]})


def invoke(aws: EmbeddedAws, function: str, event: dict[str, Any]) -> dict[str, Any]:
    answer = aws.access.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    return result


def reading(temperature: float, device: str) -> bytes:
    now = datetime.now(UTC).isoformat()
    return json.dumps({"device_id": device, "timestamp": now, "metrics": {"temperature": temperature}}).encode()


def breach(device: str, *, at: datetime) -> dict[str, Any]:
    time = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    detail = {
        "schema": 1,
        "breach_id": uuid4().hex,
        "device_id": device,
        "metric": "temperature",
        "unit": "Cel",
        "severity": "critical",
        "bound": "above",
        "limit": 85,
        "value": 99,
        "count": 1,
        "first_at": time,
        "last_at": time,
        "object": {"bucket": "b", "key": f"incoming/{device}", "version_id": "v"},
        "trace_id": None,
    }
    return {"source": "sensors.ingest", "detail-type": "ThresholdBreached", "time": time[:19] + "Z", "detail": detail}


def alert(aws: EmbeddedAws) -> dict[str, Any]:
    device = f"grants-{uuid4().hex[:8]}"
    return invoke(aws, aws.pipeline.alert_function, breach(device, at=datetime.now(UTC) - timedelta(seconds=5)))


def sweep(aws: EmbeddedAws) -> dict[str, Any]:
    return invoke(aws, aws.pipeline.alert_function, {"sweep": True})


def thresholds(aws: EmbeddedAws, function: str) -> dict[str, Any]:
    """Read the thresholds anew, in a fresh environment; the log names a read that fails."""
    functions = aws.access.client("lambda")
    # A changed configuration ends the environments that are running; they would read again only after a minute.
    memory = functions.get_function_configuration(FunctionName=function)["MemorySize"]
    functions.update_function_configuration(FunctionName=function, MemorySize=memory)
    log = aws.folder / "emulator" / "emulator.log"
    before = log.stat().st_size
    if function == aws.pipeline.ingest_function:
        ingest(aws, reading(20, "grants-cool"))
    else:
        sweep(aws)
    return {"log": log.read_bytes()[before:].decode()}


FLOWS: dict[tuple[str, str | None, str], Callable[[EmbeddedAws], dict[str, Any]]] = {
    (INGEST, "ReadThresholds", "ssm:GetParameter"): lambda aws: thresholds(aws, aws.pipeline.ingest_function),
    (INGEST, "WriteReadings", "dynamodb:BatchWriteItem"): lambda aws: ingest(aws, reading(20, "grants-cool")),
    (INGEST, "EmitEvents", "events:PutEvents"): lambda aws: ingest(aws, reading(99, "grants-hot")),
    (INGEST, "ReadIncoming", "s3:GetObjectVersion"): lambda aws: ingest(aws, reading(20, "grants-cool")),
    (INGEST, "WriteQuarantine", "s3:PutObject"): lambda aws: ingest(aws, b"nonsense"),
    (ALERT, "ReadThresholds", "ssm:GetParameter"): lambda aws: thresholds(aws, aws.pipeline.alert_function),
    (ALERT, "KeepAlerts", "dynamodb:GetItem"): alert,
    (ALERT, "KeepAlerts", "dynamodb:PutItem"): alert,
    (ALERT, "KeepAlerts", "dynamodb:UpdateItem"): alert,
    (ALERT, "FindWork", "dynamodb:Query"): sweep,
    (ALERT, "ReadReadings", "dynamodb:Query"): lambda aws: alert(aws) and sweep(aws),
    (ALERT, "PublishAlerts", "sns:Publish"): alert,
    (ALERT, "PublishNotifications", "sns:Publish"): alert,
}


def test_every_action_that_code_calls_has_a_flow_that_needs_it() -> None:
    assert set(FLOWS) == set(OWN)


@pytest.mark.parametrize(("policy", "sid", "action"), OWN, ids=[f"{p[:6]}-{a}-{s}" for p, s, a in OWN])
def test_without_it_the_flow_that_needs_it_is_denied(
    aws: EmbeddedAws, policy: str, sid: str | None, action: str
) -> None:
    flow = FLOWS[policy, sid, action]
    assert "not authorized" not in json.dumps(flow(aws)), "with every action the flow works"
    with without(aws, policy, sid=sid, action=action):
        denied = json.dumps(flow(aws))
    assert "not authorized to perform" in denied
    assert action in denied
    assert "not authorized" not in json.dumps(flow(aws)), "and works again once it has it back"
