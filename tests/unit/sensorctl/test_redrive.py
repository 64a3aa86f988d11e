"""`sensorctl redrive`: what it does again, how fast it mails, and how long it holds what waits.

The queue here refuses what SQS refuses (SQS API Reference, "ChangeMessageVisibilityBatch" and "ReceiveMessage"; SQS
Developer Guide, "Amazon SQS visibility timeout"), and DynamoDB is moto's, which checks the budget's conditions.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from command_kit import OneSession, sensorctl, stage
from moto import mock_aws

from lambdas.alert.budget import EMAILS_PER_SECOND, EmailBudget
from sensorctl import connection
from sensorctl.connection import Connection
from sensorctl.pipeline import Pipeline
from sensorctl.redrive import Redrive

START = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
LONGEST_S = 12 * 60 * 60
ALERTS, ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts", "arn:aws:sns:us-east-1:123456789012:alarms"
PER_MINUTE = 30


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Sqs:
    """One queue a URL. A message is visible again once its timeout is over, and then its receipt is worth nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.messages: dict[str, dict[str, Any]] = {}

    def put(self, url: str, body: dict[str, Any], attributes: dict[str, Any] | None = None) -> None:
        number = f"m{len(self.messages)}"
        message = {"url": url, "body": body, "attributes": attributes or {}, "hidden_until": -1.0, "times": 0}
        self.messages[number] = message

    def visible(self, url: str) -> list[str]:
        now = self._clock.monotonic()
        return [id for id, one in self.messages.items() if one["url"] == url and one["hidden_until"] <= now]

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        assert 1 <= asked["MaxNumberOfMessages"] <= 10
        found = self.visible(asked["QueueUrl"])[: asked["MaxNumberOfMessages"]]
        for id in found:
            one, now = self.messages[id], self._clock.monotonic()
            one.update(hidden_until=now + asked["VisibilityTimeout"], received=now, times=one["times"] + 1)
        return {
            "Messages": [
                {
                    "ReceiptHandle": f"{id}.{self.messages[id]['times']}",
                    "Body": json.dumps(self.messages[id]["body"]),
                    "Attributes": {"SentTimestamp": str(round(START.timestamp() * 1000))},
                    "MessageAttributes": self.messages[id]["attributes"],
                }
                for id in found
            ]
        }

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        entries = asked["Entries"]
        assert 1 <= len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        failed = []
        for entry in entries:
            one, now = self._held(entry["ReceiptHandle"]), self._clock.monotonic()
            if one is None or now + entry["VisibilityTimeout"] > one["received"] + LONGEST_S:
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": "InvalidParameterValue"})
            else:
                one["hidden_until"] = now + entry["VisibilityTimeout"]
        return {"Failed": failed}

    def delete_message(self, **asked: Any) -> None:
        assert self._held(asked["ReceiptHandle"]) is not None, "deleted after somebody else could receive it"
        del self.messages[asked["ReceiptHandle"].partition(".")[0]]

    def _held(self, receipt: str) -> dict[str, Any] | None:
        id, _, times = receipt.partition(".")
        one = self.messages.get(id)
        held = one is not None and one["times"] == int(times) and one["hidden_until"] > self._clock.monotonic()
        return one if held else None


class Functions:
    """Lambda: each invocation takes its time, and alert's settings are what the stack gave it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.takes_s = 0.0
        self.invoked: list[str] = []

    def invoke(self, **asked: Any) -> dict[str, Any]:
        self.invoked.append(asked["FunctionName"])
        self._clock.sleep(self.takes_s)
        return {"Payload": io.BytesIO(b"null")}

    def get_function_configuration(self, **asked: Any) -> dict[str, Any]:
        names = ("STAGE", "ALERTS_TABLE", "READINGS_TABLE", "TOPIC_ARN", "THRESHOLDS_PARAMETER")
        variables = {**dict.fromkeys(names, "x"), "EMAILS_PER_MINUTE": str(PER_MINUTE)}
        return {"FunctionName": asked["FunctionName"], "Environment": {"Variables": variables}}


class Sns:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.published: list[tuple[datetime, str, str]] = []

    def publish(self, **asked: Any) -> None:
        self.published.append((self._clock(), asked["TopicArn"], asked["Message"]))


class World(OneSession):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        clients = {"sqs": Sqs(clock), "sns": Sns(clock), "lambda": Functions(clock)}
        object.__setattr__(self, "clients", clients)

    def client(self, service: str, **_: Any) -> Any:
        return self.clients.get(service) or super().client(service)  # type: ignore[attr-defined]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deployed() -> Iterator[Pipeline]:
    with mock_aws():
        names = {name: name for name in Pipeline.__dataclass_fields__}
        yield Pipeline(
            **{**names, "alerts_table": stage("dynamodb").alerts_table, "alert_topic": ALERTS, "alarm_topic": ALARMS}
        )


@pytest.fixture
def world(clock: Clock) -> Any:
    return World(clock)


def redrive_of(world: Any, deployed: Pipeline, clock: Clock) -> Redrive:
    return Redrive(world, deployed, clock=clock, monotonic=clock.monotonic, sleep=clock.sleep)


def mail(number: int, *, topic: str = ALERTS) -> dict[str, Any]:
    return {"TopicArn": topic, "Subject": "[CRITICAL]", "Message": f"mail {number}"}


def failed_upload() -> dict[str, Any]:
    return {"requestPayload": {"Records": [{"s3": {"object": {"key": "incoming/a"}}}]}}


def test_mail_leaves_within_the_budget_that_alert_takes_from_at_the_same_time(
    world: Any, deployed: Pipeline, clock: Clock
) -> None:
    for number in range(25):
        world.client("sqs").put(deployed.mail_dead_letters, mail(number))
    alert = EmailBudget(world.client("dynamodb"), table=deployed.alerts_table, per_minute=PER_MINUTE)
    by_alert: list[datetime] = []

    def tick(seconds: float) -> None:
        clock.sleep(seconds)
        while len(by_alert) < 20 and alert.take(clock()):
            by_alert.append(clock())

    work = Redrive(world, deployed, clock=clock, monotonic=clock.monotonic, sleep=tick)
    with work.taken(["mail"], match="", most=1000) as held:
        outcome = work.run(held, each=lambda: None)
    published = [at for at, _, _ in world.client("sns").published]
    assert (outcome.done, len(published), world.client("sqs").messages) == (25, 25, {})
    sent = [*published, *by_alert]
    assert max(Counter(at.replace(second=0) for at in sent).values()) <= PER_MINUTE
    assert max(Counter(at.replace(microsecond=0) for at in sent).values()) <= EMAILS_PER_SECOND
    assert max(Counter(at.replace(second=0) for at in published).values()) <= PER_MINUTE // 2, "alert keeps a half"


def test_mail_goes_to_the_topic_that_could_not_deliver_it(world: Any, deployed: Pipeline, clock: Clock) -> None:
    for number, topic in enumerate((ALERTS, ALARMS, "arn:aws:sns:us-east-1:123456789012:somebody-elses")):
        world.client("sqs").put(deployed.mail_dead_letters, mail(number, topic=topic))
    work = redrive_of(world, deployed, clock)
    with work.taken(["mail"], match="", most=1000) as held:
        work.run(held, each=lambda: None)
    assert [topic for _, topic, _ in world.client("sns").published] == [ALERTS, ALARMS, ALERTS]


def test_what_waits_its_turn_stays_hidden_however_long_the_others_take(
    world: Any, deployed: Pipeline, clock: Clock
) -> None:
    for _ in range(64):
        world.client("sqs").put(deployed.ingest_failures, failed_upload())
    # Eight at once, one after the other on this clock: 15 minutes a batch.
    world.client("lambda").takes_s = 900 / 8
    work = redrive_of(world, deployed, clock)
    with work.taken(["ingest"], match="", most=1000) as held:
        outcome = work.run(held, each=lambda: None)
    assert clock.monotonic() >= 2 * 3600
    assert (outcome.done, outcome.failed, world.client("sqs").messages) == (64, [], {})


def test_it_stops_before_sqs_gives_the_rest_to_others_after_12_hours(
    world: Any, deployed: Pipeline, clock: Clock
) -> None:
    for _ in range(500):
        world.client("sqs").put(deployed.ingest_failures, failed_upload())
    world.client("lambda").takes_s = 900 / 8
    work = redrive_of(world, deployed, clock)
    with work.taken(["ingest"], match="", most=1000) as held:
        outcome = work.run(held, each=lambda: None)
    assert outcome.held_too_long
    assert 300 < outcome.done < 500
    assert clock.monotonic() < LONGEST_S
    assert len(world.client("sqs").visible(deployed.ingest_failures)) == 500 - outcome.done


def test_a_message_that_others_got_hold_of_is_left_to_them(world: Any, deployed: Pipeline, clock: Clock) -> None:
    world.client("sqs").put(deployed.ingest_failures, failed_upload())
    work = redrive_of(world, deployed, clock)
    with work.taken(["ingest"], match="", most=1000) as held:
        clock.sleep(3601)
        outcome = work.run(held, each=lambda: None)
    assert (outcome.done, world.client("lambda").invoked) == (0, [])
    assert "hold" in outcome.failed[0][1].words


@pytest.fixture
def mounted(world: Any, deployed: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(connection, "connect", lambda **_: Connection(access=world, pipeline=deployed))
    return world


def test_it_says_what_it_will_run_and_asks(mounted: Any, deployed: Pipeline) -> None:
    for _ in range(2):
        mounted.client("sqs").put(deployed.ingest_failures, failed_upload())
    said = sensorctl("redrive", answers="n\n")
    assert said.code == 1
    assert "ingest runs 2 times" in said.out
    assert mounted.client("lambda").invoked == []
    assert len(mounted.client("sqs").visible(deployed.ingest_failures)) == 2
    assert "2 of 2 done" in sensorctl("redrive", answers="y\n").out


def test_with_nobody_to_answer_nothing_is_run(mounted: Any, deployed: Pipeline) -> None:
    mounted.client("sqs").put(deployed.ingest_failures, failed_upload())
    assert sensorctl("redrive").code == 1
    assert mounted.client("lambda").invoked == []
    assert sensorctl("redrive", "--yes").code == 0


def test_it_says_whom_it_will_mail_and_how_fast(mounted: Any, deployed: Pipeline) -> None:
    mounted.client("sqs").put(deployed.mail_dead_letters, mail(1))
    said = sensorctl("redrive", "--queue", "mail", answers="n\n")
    assert "1 e-mail goes to every subscriber again, at most 15 a minute" in said.out
    assert mounted.client("sns").published == []


def test_the_budget_is_the_one_that_alert_counts_in(world: Any, deployed: Pipeline, clock: Clock) -> None:
    world.client("sqs").put(deployed.mail_dead_letters, mail(1))
    work = redrive_of(world, deployed, clock)
    with work.taken(["mail"], match="", most=1) as held:
        work.run(held, each=lambda: None)
    (item,) = boto3.client("dynamodb").scan(TableName=deployed.alerts_table)["Items"]
    assert item["alert_key"]["S"] == "budget#emails#2026-11-22T10:00"
    assert item["spent"]["N"] == "1"
