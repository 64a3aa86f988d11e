"""What the alert tests share: AWS around the function, events as ingest makes them, a clock, and calls that fail."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lambdas.alert.alerting import Alerting
from lambdas.alert.records import timestamp
from lambdas.alert.settings import Settings
from lambdas.shared.contracts import ObjectRef, ReadingsRejected, RejectExample, Severity, ThresholdBreached, breach_id
from lambdas.shared.threshold_source import ThresholdSource

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ALERTS, READINGS = "alerts", "readings"
PARAMETER = "/sensor-fanout/test/thresholds"
THRESHOLDS: dict[str, Any] = {
    "version": 1,
    "metrics": {
        "temperature": {
            "unit": "Cel",
            "warning": {"above": 70},
            "critical": {"above": 85},
            "clear": {"below": 65},
        },
        "slow": {"warning": {"above": 70}, "for": "5m"},
    },
    "silent_after": {"*": "15m"},
}


def breach(
    value: float = 92.4,
    *,
    at: datetime = NOON,
    first: datetime | None = None,
    device: str = "boiler-7",
    metric: str = "temperature",
    severity: Severity | None = None,
    key: str | None = None,
    count: int = 12,
) -> ThresholdBreached:
    """A breach as ingest emits it; its object is named after device and time unless a key is given."""
    severity = severity or ("critical" if value > 85 else "warning")
    source = ObjectRef(bucket="landing", key=key or f"incoming/{device}/{at:%H%M%S.%f}.json", version_id="v1")
    return ThresholdBreached(
        breach_id=breach_id(source, device_id=device, metric=metric, severity=severity),
        device_id=device,
        metric=metric,
        unit="Cel",
        severity=severity,
        bound="above",
        limit=85 if severity == "critical" else 70,
        value=value,
        count=count,
        first_at=timestamp(first or at),
        last_at=timestamp(at),
        object=source,
        trace_id="1-65a1b2c3-0123456789abcdef01234567",
    )


def rejected(key: str = "incoming/gateway-5/a.json", *, count: int = 3) -> ReadingsRejected:
    """Rejected records as ingest emits them."""
    return ReadingsRejected(
        object=ObjectRef(bucket="landing", key=key, version_id="v1"),
        stored=117,
        rejected=count,
        reasons={"invalid_timestamp": count - 1, "not_json": 1},
        examples=(RejectExample(position="line 4", reason="not_json", detail="Expecting value"),),
        quarantine_key=f"quarantine/{key.removeprefix('incoming/')}.rejected.ndjson",
        trace_id=None,
    )


def event(of: ThresholdBreached | ReadingsRejected, *, at: datetime = NOON) -> dict[str, Any]:
    """What EventBridge invokes the function with; through JSON, as everything goes there."""
    kind = "ThresholdBreached" if isinstance(of, ThresholdBreached) else "ReadingsRejected"
    whole = {"source": "sensors.ingest", "detail-type": kind, "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    loaded: dict[str, Any] = json.loads(json.dumps({**whole, "detail": of.to_detail()}))
    return loaded


SWEEP = {"sweep": True}


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def forward(self, **step: float) -> None:
        self.now += timedelta(**step)


class CrashError(Exception):
    """The process dies here: nothing behind it runs."""


class Wire:
    """The clients of one process, whose calls can be watched, crashed and interleaved; made once, used again."""

    def __init__(self, session: boto3.Session) -> None:
        self.clients: dict[str, Any] = {name: session.client(name) for name in ("dynamodb", "sns", "ssm")}
        for name in ("dynamodb", "sns"):
            self.clients[name].meta.events.register("before-call", self._before_call)
            self.clients[name].meta.events.register("after-call", self._after_call)
        self.reset()

    def reset(self) -> None:
        self.calls: list[str] = []
        self.before: Callable[[int, str], None] = lambda number, call: None
        self.after: Callable[[int, str], None] = lambda number, call: None

    def _before_call(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        self.before(len(self.calls), model.name)

    def _after_call(self, model: Any, **_: Any) -> None:
        self.after(len(self.calls), model.name)


class Wires:
    """Making clients takes longer than most tests: all tests share these."""

    def __init__(self) -> None:
        self.session = boto3.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1"
        )
        self.own: dict[str, Any] = {name: self.session.client(name) for name in ("dynamodb", "sns", "sqs", "ssm")}
        self._made: list[Wire] = []
        self._used = 0

    def free_all(self) -> None:
        self._used = 0

    def next(self) -> Wire:
        if self._used == len(self._made):
            self._made.append(Wire(self.session))
        wire = self._made[self._used]
        self._used += 1
        wire.reset()
        return wire


class World:
    """The tables, the topic with a mailbox behind it, the thresholds parameter, and functions on top of them."""

    def __init__(self, wires: Wires, *, emails_per_minute: int = 30) -> None:
        wires.free_all()
        self.wires = wires
        self.clock = Clock()
        self.dynamodb = wires.own["dynamodb"]
        self._sns, self._sqs, self._ssm = wires.own["sns"], wires.own["sqs"], wires.own["ssm"]
        leases = itertools.count(1)
        self.new_lease = lambda: f"lease-{next(leases)}"
        self.settings = Settings(
            stage="test",
            region="us-east-1",
            alerts_table=ALERTS,
            readings_table=READINGS,
            topic_arn=self._sns.create_topic(Name="alerts")["TopicArn"],
            thresholds_parameter=PARAMETER,
            emails_per_minute=emails_per_minute,
        )
        self._queue = self._sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        self._sns.subscribe(TopicArn=self.settings.topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
        self.set_thresholds(THRESHOLDS)
        self._create_tables()
        self.mails: list[dict[str, Any]] = []

    def function(self) -> Function:
        """A process of its own: own clients, own caches."""
        return Function(self)

    def set_thresholds(self, document: dict[str, Any] | str) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        self._ssm.put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)

    def store(
        self, device: str, value: float, *, at: datetime, metric: str = "temperature", tag: str = "0" * 16
    ) -> None:
        """A reading, as ingest stores it."""
        self.dynamodb.put_item(
            TableName=READINGS,
            Item={
                "device_id": {"S": device},
                "reading_id": {"S": f"{timestamp(at)}#{tag}"},
                "metrics": {"M": {metric: {"N": str(value)}}},
            },
        )

    def register(self, device: str, *, shard: int = 0) -> None:
        """The mark that ingest leaves for a device it has seen."""
        self.dynamodb.put_item(
            TableName=READINGS, Item={"device_id": {"S": f"#devices#{shard}"}, "reading_id": {"S": device}}
        )

    def new_mails(self) -> list[dict[str, Any]]:
        """What has come into the mailbox since the last look: kind, subject, body, attributes."""
        new = []
        while True:
            received = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
            if not received:
                self.mails += new
                return new
            for message in received:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                body = json.loads(message["Body"])
                attributes = {name: value["Value"] for name, value in body["MessageAttributes"].items()}
                new.append(
                    {
                        "kind": attributes["kind"],
                        "subject": body["Subject"],
                        "body": body["Message"],
                        "attributes": attributes,
                    }
                )

    def kinds(self) -> list[str]:
        """The kinds of the new mails, sorted (a queue keeps no order)."""
        return sorted(mail["kind"] for mail in self.new_mails())

    def items(self, kind: str) -> list[dict[str, Any]]:
        """All ledger items of one kind."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=ALERTS)
        return [item for page in pages for item in page["Items"] if item.get("record", {}).get("S") == kind]

    def statuses(self) -> Counter[str]:
        """How many messages of alerts stand in which status."""
        return Counter(message["M"]["status"]["S"] for item in self.items("alert") for message in item["outbox"]["L"])

    def _create_tables(self) -> None:
        self.dynamodb.create_table(
            TableName=ALERTS,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "alert_key", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("alert_key", "work", "due_at")
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "work",
                    "KeySchema": [
                        {"AttributeName": "work", "KeyType": "HASH"},
                        {"AttributeName": "due_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        self.dynamodb.create_table(
            TableName=READINGS,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "device_id", "KeyType": "HASH"},
                {"AttributeName": "reading_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("device_id", "reading_id")
            ],
        )


class Function:
    """One process of the alert function, with caches of its own."""

    def __init__(self, world: World) -> None:
        self.wire = world.wires.next()
        self.time_left: Callable[[], float] = lambda: 60.0
        self.alerting = Alerting.on_aws(
            world.settings,
            client=self.wire.clients.__getitem__,
            thresholds=ThresholdSource(
                self.wire.clients["ssm"],
                parameter=PARAMETER,
                fallback=json.dumps(THRESHOLDS),
                clock=world.clock.seconds,
            ),
            clock=world.clock,
            new_lease=world.new_lease,
        )

    def __call__(self, invocation: dict[str, Any]) -> dict[str, int]:
        return self.alerting.handle(invocation, time_left=self.time_left)

    @property
    def calls(self) -> list[str]:
        return self.wire.calls


def crash_at(number: int) -> Callable[[int, str], None]:
    """A hook that dies at the n-th call."""

    def hook(at: int, _call: str) -> None:
        if at == number:
            raise CrashError

    return hook


def fail_at(name: str) -> Callable[[int, str], None]:
    """A hook under which every call of that name fails."""

    def hook(_at: int, call: str) -> None:
        if call == name:
            raise ConnectionError(f"no {name}")

    return hook


def time_for(looks: int) -> Callable[[], float]:
    """A minute left at the first `looks` looks at the clock, a second after that."""
    times = itertools.chain([60.0] * looks, itertools.repeat(1.0))
    return lambda: next(times)


def settle(world: World) -> None:
    """Two ticks, each when every lease of before has run out: what was left behind is sent, and nothing more comes."""
    function = world.function()
    for _ in range(2):
        world.clock.forward(seconds=61)
        function(SWEEP)
