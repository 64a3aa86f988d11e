"""A whole stage on moto for commands that look at all of it: what devices, queues and the ledger hold is put there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
from boto3.dynamodb.types import TypeSerializer
from command_kit import connect_to, stage
from moto import mock_aws
from moto.xray import responses as _opens_a_socket_when_imported  # noqa: F401

from lambdas.alert.ledger import Ledger, alert_key
from lambdas.alert.records import Alert, MetricState, Record
from lambdas.shared.contracts import ObjectRef, ThresholdBreached
from lambdas.shared.registry import partition_of
from lambdas.shared.times import timestamp
from sensorctl.pipeline import Pipeline

QUEUES = ("ingest_failures", "alert_failures", "rule_dead_letters", "mail_dead_letters", "schedule_dead_letters")


@contextmanager
def whole_stage(monkeypatch: Any) -> Iterator[Pipeline]:
    """Every part that a command asks for, on a moto of its own, and the command line connected to it."""
    with mock_aws():
        queues = {name: boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
        keys = ("device_id", "reading_id")
        boto3.client("dynamodb").create_table(
            TableName="readings",
            KeySchema=[{"AttributeName": keys[0], "KeyType": "HASH"}, {"AttributeName": keys[1], "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("s3").create_bucket(Bucket="landing")
        deployed = replace(
            stage("dynamodb", "ssm", "sns"),
            readings_table="readings",
            landing_bucket="landing",
            ingest_function="ingest-function",
            alert_function="alert-function",
            **queues,
        )
        connect_to(deployed, monkeypatch)
        yield deployed


def keep(device: str, at: datetime, *, severity: str | None = None, **more: Any) -> None:
    """Store a reading as ingest does, with the device's name in the registry; `severity` is of its temperature."""
    serialise = TypeSerializer().serialize
    item: dict[str, Any] = {
        "device_id": device,
        "reading_id": f"{timestamp(at)}#0123456789abcdef",
        "metrics": {"temperature": 20},
        "source": {"bucket": "landing", "key": f"incoming/{device}/a.json", "version_id": "v1"},
        "uploaded_at": timestamp(at),
        **more,
    }
    if severity is not None:
        item["breaches"] = [{"metric": "temperature", "severity": severity, "bound": "above", "limit": 70}]
    put = boto3.client("dynamodb").put_item
    put(TableName="readings", Item={name: serialise(value) for name, value in item.items()})
    put(TableName="readings", Item={"device_id": {"S": partition_of(device)}, "reading_id": {"S": device}})


def note(record: Record, *, at: datetime | None = None) -> None:
    """Write a record of the ledger as alert does."""
    Ledger(boto3.client("dynamodb"), table="alerts").put(record, now=at or datetime.now(UTC))


def open_alert(device: str, *, at: datetime | None = None) -> Record:
    """Return the record of a critical alert on the device's temperature; `at` is of its last breach."""
    last_at = at or datetime.now(UTC)
    worst = ThresholdBreached(
        breach_id="b",
        device_id=device,
        metric="temperature",
        unit="Cel",
        severity="critical",
        bound="above",
        limit=85,
        value=92,
        count=1,
        first_at=timestamp(last_at),
        last_at=timestamp(last_at),
        object=ObjectRef(bucket="landing", key="incoming/a", version_id="v1"),
        trace_id=None,
    )
    alert = Alert(
        alert_id="i",
        phase="open",
        severity="critical",
        noticed_at=last_at,
        since=last_at,
        last_at=last_at,
        worst=worst,
    )
    state = MetricState(device_id=device, metric="temperature", alert=alert)
    return Record(key=alert_key(device, "temperature"), state=state)


def fail_event(queue: str, *, key: str = "incoming/b/a.json", error: str = "AccessDenied: no") -> None:
    """Let an event of ingest wait in a failure queue as Lambda's destination writes it."""
    body = {
        "requestPayload": {"Records": [{"s3": {"object": {"key": key}}}]},
        "responsePayload": {"errorType": error.partition(":")[0], "errorMessage": error.partition(": ")[2]},
    }
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))
