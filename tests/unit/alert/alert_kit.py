"""AWS around the alert function: tables, a topic with a mailbox, a clock, and calls that fail or wait."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
from alert_events import NOON, SWEEP, THRESHOLDS
from botocore.exceptions import ClientError

from lambdas.alert.alerting import Alerting
from lambdas.alert.settings import Settings
from lambdas.shared.retrying import Retrying
from lambdas.shared.threshold_source import ThresholdSource
from lambdas.shared.times import timestamp

ALERTS, READINGS = "alerts", "readings"
PARAMETER = "/sensor-fanout/test/thresholds"


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
        self.clients["ssm"].meta.events.register("before-call", self._before_read)
        self.reset()

    def client(self, service: str, **_: Any) -> Any:
        """As `lambdas.shared.clients.client`."""
        return self.clients[service]

    def reset(self) -> None:
        self.throttled = False
        self.calls: list[str] = []
        self.before: Callable[[int, str], None] = lambda number, call: None
        self.after: Callable[[int, str], None] = lambda number, call: None

    def _before_call(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        self.before(len(self.calls), model.name)

    def _before_read(self, **_: Any) -> None:
        if self.throttled:
            refused = {"Code": "ThrottlingException", "Message": "Rate exceeded"}
            raise ClientError({"Error": refused}, "GetParameter")

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

    def client(self, service: str, **_: Any) -> Any:
        """As `lambdas.shared.clients.client`."""
        return self.own[service]

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
            stage="prod",
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
        self,
        device: str,
        value: float,
        *,
        at: datetime,
        uploaded_at: datetime | None = None,
        metric: str = "temperature",
        tag: str = "0" * 16,
    ) -> None:
        """A reading, as ingest stores it: uploaded when it was taken, or now if it is stamped hours ahead."""
        uploaded_at = uploaded_at or (at if at - self.clock.now <= timedelta(hours=1) else self.clock.now)
        self.dynamodb.put_item(
            TableName=READINGS,
            Item={
                "device_id": {"S": device},
                "reading_id": {"S": f"{timestamp(at)}#{tag}"},
                "metrics": {"M": {metric: {"N": str(value)}}},
                "uploaded_at": {"S": timestamp(uploaded_at)},
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
            client=self.wire.client,
            thresholds=ThresholdSource(
                self.wire.clients["ssm"],
                parameter=PARAMETER,
                fallback=json.dumps(THRESHOLDS),
                clock=world.clock.seconds,
                retrying=partial(Retrying, sleep=lambda _seconds: None),
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
