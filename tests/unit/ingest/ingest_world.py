"""A bucket, a table, a bus with a queue behind it and a parameter in moto, and the function under test on top."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from botocore.exceptions import ClientError

# Imported here, before sockets are off: the X-Ray SDK makes one when it is imported, and sends nothing without a trace.
import lambdas.ingest.ingest_object  # noqa: F401
from lambdas.shared.backoff import Backoff
from tests import ROOT
from tests.deployed import table

BUCKET, TABLE, BUS, PARAMETER = "landing-zone", "readings", "sensors", "/sensor-fanout/test/thresholds"
THRESHOLDS = (ROOT / "thresholds.json").read_text()


@dataclass
class Clock:
    """A retry policy that waits for nothing, and counts."""

    left_ms: int = 60_000
    waits: list[float] = field(default_factory=list)

    def backoff(self) -> Backoff:
        return Backoff(remaining_ms=lambda: self.left_ms, pause=self._sleep, uniform=lambda low, high: high)

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.left_ms -= round(seconds * 1000)


class World:
    def __init__(self, session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.s3: Any = session.client("s3")
        self.dynamodb: Any = session.client("dynamodb")
        self.events: Any = session.client("events")
        self.sqs: Any = session.client("sqs")
        self.ssm: Any = session.client("ssm")
        self.environment = {
            "STAGE": "test",
            "READINGS_TABLE": TABLE,
            "EVENT_BUS": BUS,
            "THRESHOLDS_PARAMETER": PARAMETER,
            "INCOMING_PREFIX": "incoming/",
            "QUARANTINE_PREFIX": "quarantine/",
        }
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb.create_table(**{**table("Readings"), "TableName": TABLE})
        self.ssm.put_parameter(Name=PARAMETER, Value=THRESHOLDS, Type="String")
        self.events.create_event_bus(Name=BUS)
        self._queue = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        self.events.put_rule(
            Name="alert",
            EventBusName=BUS,
            EventPattern=json.dumps(
                {"source": ["sensors.ingest"], "detail-type": ["ThresholdBreached", "ReadingsRejected"]}
            ),
        )
        arn = self.sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.events.put_targets(Rule="alert", EventBusName=BUS, Targets=[{"Id": "1", "Arn": arn}])

    def handler(self) -> Callable[[Any, Any], dict[str, int]]:
        """A fresh execution environment."""
        for name, value in self.environment.items():
            self._monkeypatch.setenv(name, value)
        sys.modules.pop("lambdas.ingest.handler", None)
        handler: Callable[[Any, Any], dict[str, int]] = importlib.import_module("lambdas.ingest.handler").handler
        return handler

    def upload(self, key: str, body: bytes) -> dict[str, Any]:
        """Put an object; return the record that S3 would send of it."""
        answer = self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return {
            "eventName": "ObjectCreated:Put",
            "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "s3": {
                "bucket": {"name": BUCKET},
                "object": {
                    "key": quote_plus(key),
                    "size": len(body),
                    "eTag": answer["ETag"].strip('"'),
                    "versionId": answer["VersionId"],
                },
            },
        }

    def stored(self) -> list[dict[str, Any]]:
        """The readings in the table, without the names of devices that stand beside them."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        return [item for page in pages for item in page["Items"] if not item["device_id"]["S"].startswith("#")]

    def heard(self) -> list[dict[str, Any]]:
        """What arrived on the bus since the last time, in any order."""
        events = []
        while messages := self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                events.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return events

    def quarantined(self, key: str) -> list[dict[str, Any]]:
        body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def keys(self) -> set[str]:
        return {entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def refusal(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as the test wants it"}}, operation)
