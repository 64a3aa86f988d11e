"""A whole stage on moto for commands that look at all of it: what devices, queues and the ledger hold is put there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws
from moto.xray import responses as _opens_a_socket_when_imported  # noqa: F401

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import alert_key
from lambdas.alert.domain.models import Alert, MetricState, Record
from lambdas.shared.events import ObjectRef, ThresholdBreached
from lambdas.shared.keys import registry_partition
from lambdas.shared.times import timestamp
from sensorctl.aws.outputs import Pipeline
from tests.deployed import table
from tests.unit.sensorctl.command_kit import connect_to, kit_client, stage

QUEUES = ("ingest_failures", "alert_failures", "rule_dead_letters", "mail_dead_letters", "schedule_dead_letters")


@contextmanager
def whole_stage(monkeypatch: Any) -> Iterator[Pipeline]:
    """Every part that a command asks for, on a moto of its own, and the command line connected to it."""
    with mock_aws():
        queues = {name: kit_client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
        kit_client("dynamodb").create_table(**{**table("Readings"), "TableName": "readings"})
        kit_client("s3").create_bucket(Bucket="landing")
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
    """Store a reading and register its device, as ingest does; `severity` is of its temperature."""
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
    put = kit_client("dynamodb").put_item
    put(TableName="readings", Item={name: serialise(value) for name, value in item.items()})
    put(TableName="readings", Item={"device_id": {"S": registry_partition(device)}, "reading_id": {"S": device}})


def note(record: Record, *, at: datetime | None = None) -> None:
    """Write a record of the ledger as alert does."""
    Ledger(kit_client("dynamodb"), table="alerts").put(record, now=at or datetime.now(UTC))


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
    kit_client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))
