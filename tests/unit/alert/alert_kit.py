"""The alert function in AWS as moto plays it: tables of the template, a topic, a clock, and calls that fail or wait."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from lambdas.alert.function import Alerting
from lambdas.alert.settings import Settings
from lambdas.shared.backoff import Backoff
from lambdas.shared.events import ObjectRef, ReadingsRejected, RejectExample, Severity, ThresholdBreached, breach_id
from lambdas.shared.thresholds.parameter import ThresholdSource
from lambdas.shared.times import timestamp
from tests import deployed

ENVIRONMENT = {**deployed.variables("Alert"), "STAGE": "prod", "AWS_REGION": "us-east-1"}
ALERTS, READINGS = deployed.table("Alerts")["TableName"], deployed.table("Readings")["TableName"]
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SWEEP = {"sweep": True}
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

Hook = Callable[[int, str], None]


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
        breach_id=breach_id(source, device_id=device, metric=metric, severity=severity, bound="above"),
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


class Aws:
    """Clients, made once for all tests because that takes longer than most of them; `running` sees their calls."""

    def __init__(self) -> None:
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
        self.clients: dict[str, Any] = {name: session.client(name) for name in ("dynamodb", "sns", "ssm")}
        self.running: list[Function] = []
        for client in self.clients.values():
            client.meta.events.register("before-call", lambda model, **_: self._see(model.name, "before"))
            client.meta.events.register("after-call", lambda model, **_: self._see(model.name, "after"))

    def client(self, service: str, **_: Any) -> Any:
        """As `lambdas.shared.clients.client`."""
        return self.clients[service]

    def _see(self, call: str, when: str) -> None:
        if self.running:
            self.running[-1].see(call, when)


class World:
    """The tables, the topic, the thresholds parameter, and functions on top of them; `variables` replace some."""

    def __init__(self, aws: Aws, **variables: int) -> None:
        self.aws = aws
        self.clock = Clock()
        self.dynamodb = aws.clients["dynamodb"]
        self.settings = Settings.from_env({**ENVIRONMENT, **{name: str(value) for name, value in variables.items()}})
        self.leases = itertools.count(1)
        self._seen = 0
        aws.running.clear()
        for topic in (deployed.TOPIC, deployed.NOTIFICATION_TOPIC):
            aws.clients["sns"].create_topic(Name=topic)
        for id in ("Alerts", "Readings"):
            self.dynamodb.create_table(**deployed.table(id))
        self.set_thresholds(THRESHOLDS)

    def function(self) -> Function:
        """A process of its own, with caches of its own."""
        return Function(self)

    def set_thresholds(self, document: dict[str, Any] | str) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        name = self.settings.thresholds_parameter
        self.aws.clients["ssm"].put_parameter(Name=name, Value=text, Type="String", Overwrite=True)

    def store(
        self,
        device: str,
        value: float | str,
        *,
        at: datetime,
        uploaded_at: datetime | None = None,
        metric: str = "temperature",
        tag: str = "0" * 16,
        unit: str | None = None,
    ) -> None:
        """A reading, as ingest stores it: uploaded when it was taken, or now if it is stamped hours ahead.

        A text for a value is what ingest never writes.
        """
        uploaded_at = uploaded_at or (at if at - self.clock.now <= HOUR else self.clock.now)
        self.put(
            READINGS,
            device_id=device,
            reading_id=f"{timestamp(at)}#{tag}",
            metrics={"M": {metric: {"S" if isinstance(value, str) else "N": str(value)}}},
            uploaded_at=timestamp(uploaded_at),
            units={"M": {metric: {"S": unit}} if unit else {}},
        )

    def register(
        self, device: str, *, shard: int = 0, source: str | None = None, uploaded_at: datetime | None = None
    ) -> None:
        """The mark that ingest leaves for a device it has seen; without `uploaded_at` as an older version left it."""
        attributes = {"source": source, "uploaded_at": timestamp(uploaded_at) if uploaded_at else None}
        given = {name: value for name, value in attributes.items() if value is not None}
        self.put(READINGS, device_id=f"#devices#{shard}", reading_id=device, **given)

    def put(self, table: str, **item: Any) -> None:
        """Write an item; texts stand for themselves."""
        attributes = {name: {"S": value} if isinstance(value, str) else value for name, value in item.items()}
        self.dynamodb.put_item(TableName=table, Item=attributes)

    def new_mails(self) -> list[dict[str, Any]]:
        """What was published since the last look: kind, subject, body, attributes."""
        topic = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics[self.settings.topic_arn]
        new = topic.sent_notifications[self._seen :]
        self._seen += len(new)
        mails = []
        for _, body, subject, attributes, *_ in new:
            values = {name: attribute["Value"] for name, attribute in (attributes or {}).items()}
            mails.append({"kind": values["kind"], "subject": subject, "body": body, "attributes": values})
        return mails

    def documents(self) -> list[tuple[dict[str, Any], dict[str, str]]]:
        """All documents that were published, each with its message attributes."""
        topic = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics[self.settings.notification_topic_arn]
        return [
            (json.loads(body), {name: attribute["Value"] for name, attribute in (attributes or {}).items()})
            for _, body, _, attributes, *_ in topic.sent_notifications
        ]

    def kinds(self) -> list[str]:
        """The kinds of the new mails, sorted."""
        return sorted(mail["kind"] for mail in self.new_mails())

    def ledger(self) -> list[dict[str, Any]]:
        """All items of the ledger."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=ALERTS)
        return [item for page in pages for item in page["Items"]]

    def items(self, kind: str) -> list[dict[str, Any]]:
        """All items of one kind of record."""
        return [item for item in self.ledger() if item.get("record", {}).get("S") == kind]

    def statuses(self) -> Counter[str]:
        """How many messages of alerts stand in which status."""
        return Counter(message["M"]["status"]["S"] for item in self.items("alert") for message in item["outbox"]["L"])

    def ended(self) -> set[str]:
        """The devices whose alerts have ended."""
        return {item["device_id"]["S"] for item in self.items("alert") if item["status"]["S"] == "closed"}

    def settle(self) -> None:
        """Two ticks, each when every lease of before has run out: what was left behind is sent, and no more comes."""
        function = self.function()
        for _ in range(2):
            self.clock.forward(seconds=61)
            function(SWEEP)


class Function:
    """One process of the alert function. `calls` are what it asked DynamoDB and SNS; `before` and `after` may fail."""

    def __init__(self, world: World) -> None:
        self._aws = world.aws
        self.calls: list[str] = []
        self.throttled = False
        self.before: Hook = lambda number, call: None
        self.after: Hook = lambda number, call: None
        self.time_left: Callable[[], float] = lambda: 60.0
        self.alerting = Alerting.on_aws(
            world.settings,
            client=world.aws.client,
            thresholds=ThresholdSource(
                world.aws.clients["ssm"],
                parameter=world.settings.thresholds_parameter,
                fallback=json.dumps(THRESHOLDS),
                clock=world.clock.seconds,
                backoff=partial(Backoff, pause=lambda _seconds: None),
            ),
            clock=world.clock,
            new_lease=lambda: f"lease-{next(world.leases)}",
        )

    def __call__(self, invocation: Any) -> dict[str, int]:
        counts: dict[str, int] = self.within(lambda: self.alerting.handle(invocation, time_left=self.time_left))
        return counts

    def within(self, work: Callable[[], Any]) -> Any:
        """Do something whose calls are this process's."""
        self._aws.running.append(self)
        try:
            return work()
        finally:
            self._aws.running.pop()

    def see(self, call: str, when: str) -> None:
        if call == "GetParameter":
            if self.throttled and when == "before":
                raise refused("ThrottlingException", "Rate exceeded", call)
            return
        if when == "before":
            self.calls.append(call)
        getattr(self, when)(len(self.calls), call)


def refused(code: str, message: str, operation: str) -> ClientError:
    """The error that a service answers."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def crash_at(number: int) -> Hook:
    """A hook that dies at the n-th call."""

    def hook(at: int, _call: str) -> None:
        if at == number:
            raise CrashError

    return hook


def fail_at(name: str, *, times: int | None = None) -> Hook:
    """A hook under which the calls of that name fail, or the first ones of them."""
    left = itertools.count() if times is None else iter(range(times))

    def hook(_at: int, call: str) -> None:
        if call == name and next(left, None) is not None:
            raise ConnectionError(f"no {name}")

    return hook


def once(name: str, function: Function, act: Callable[[], Any]) -> Hook:
    """A hook that lets something happen at the first call of that name, and is gone."""

    def hook(_at: int, call: str) -> None:
        if call == name:
            function.before = function.after = lambda number, call: None
            act()

    return hook


def time_for(looks: int) -> Callable[[], float]:
    """A minute left at the first `looks` looks at the clock, a second after that."""
    times = itertools.chain([60.0] * looks, itertools.repeat(1.0))
    return lambda: next(times)
