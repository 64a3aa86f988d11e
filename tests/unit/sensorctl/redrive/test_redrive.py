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
from moto import mock_aws

from lambdas.alert.delivery.email_budget import EMAILS_PER_SECOND, EmailBudget
from lambdas.alert.mail.document import to_json
from sensorctl.alerts import preview
from sensorctl.aws import connection
from sensorctl.aws.connection import Connection
from sensorctl.aws.outputs import Pipeline, Queue
from sensorctl.redrive.redrive import Redrive, RedriveResult
from tests.unit.sensorctl.command_kit import OneSession, sensorctl, stage

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

    def put(self, url: str, body: dict[str, Any], *, times: int = 1) -> None:
        for _ in range(times):
            self.messages[f"m{len(self.messages)}"] = {"url": url, "body": body, "hidden_until": -1.0, "times": 0}

    def visible(self, url: str) -> list[str]:
        now = self._clock.monotonic()
        return [id for id, message in self.messages.items() if message["url"] == url and message["hidden_until"] <= now]

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        assert 1 <= asked["MaxNumberOfMessages"] <= 10
        found = self.visible(asked["QueueUrl"])[: asked["MaxNumberOfMessages"]]
        for id in found:
            message, now = self.messages[id], self._clock.monotonic()
            message.update(hidden_until=now + asked["VisibilityTimeout"], received=now, times=message["times"] + 1)
        return {
            "Messages": [
                {
                    "ReceiptHandle": f"{id}.{self.messages[id]['times']}",
                    "Body": json.dumps(self.messages[id]["body"]),
                    "Attributes": {"SentTimestamp": str(round(START.timestamp() * 1000))},
                    "MessageAttributes": {},
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
            message, now = self._held(entry["ReceiptHandle"]), self._clock.monotonic()
            if message is None or now + entry["VisibilityTimeout"] > message["received"] + LONGEST_S:
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": "InvalidParameterValue"})
            else:
                message["hidden_until"] = now + entry["VisibilityTimeout"]
        return {"Failed": failed}

    def delete_message(self, **asked: Any) -> None:
        assert self._held(asked["ReceiptHandle"]) is not None, "deleted after somebody else could receive it"
        del self.messages[asked["ReceiptHandle"].partition(".")[0]]

    def _held(self, receipt: str) -> dict[str, Any] | None:
        id, _, times = receipt.partition(".")
        message = self.messages.get(id)
        held = (
            message is not None and message["times"] == int(times) and message["hidden_until"] > self._clock.monotonic()
        )
        return message if held else None


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
        names = (
            "STAGE",
            "ALERTS_TABLE",
            "READINGS_TABLE",
            "TOPIC_ARN",
            "NOTIFICATION_TOPIC_ARN",
            "THRESHOLDS_PARAMETER",
        )
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


def redriven(
    world: Any, pipeline: Pipeline, clock: Clock, *queues: Queue, after_s: float = 0, sleep: Any = None
) -> RedriveResult:
    """Take what waits in the queues, and do it again so many seconds later."""
    work = Redrive(world, pipeline, clock=clock, monotonic=clock.monotonic, sleep=sleep or clock.sleep)
    with work.taken(queues, match="", most=1000) as held:
        clock.sleep(after_s)
        return work.run(held, tried=lambda: None)


def mail(number: int, *, topic: str = ALERTS) -> dict[str, Any]:
    return {"TopicArn": topic, "Subject": "[CRITICAL]", "Message": f"mail {number}"}


def failed_upload() -> dict[str, Any]:
    return {"requestPayload": {"Records": [{"s3": {"object": {"key": "incoming/a"}}}]}}


def test_a_document_goes_to_programs_again_with_its_own_id_and_never_to_people(
    world: Any, deployed: Pipeline, clock: Clock
) -> None:
    notice = next(preview.mails()).document
    world.client("sqs").put(deployed.mail_dead_letters, json.loads(to_json(notice, id="m-1")))
    assert redriven(world, deployed, clock, "mail").done == 1
    ((_, topic, document),) = world.client("sns").published
    assert topic == deployed.notification_topic
    assert json.loads(document)["id"] == "m-1"


def test_mail_leaves_within_the_budget_that_alert_takes_from_at_the_same_time(
    world: Any, deployed: Pipeline, clock: Clock
) -> None:
    for number in range(25):
        world.client("sqs").put(deployed.mail_dead_letters, mail(number))
    alert = EmailBudget(world.client("dynamodb"), table=deployed.alerts_table, per_minute=PER_MINUTE)
    by_alert: list[datetime] = []

    def advance(seconds: float) -> None:
        clock.sleep(seconds)
        while len(by_alert) < 20 and alert.take(clock()):
            by_alert.append(clock())

    result = redriven(world, deployed, clock, "mail", sleep=advance)
    published = [at for at, _, _ in world.client("sns").published]
    assert (result.done, len(published), world.client("sqs").messages) == (25, 25, {})
    sent = [*published, *by_alert]
    assert max(Counter(at.replace(second=0) for at in sent).values()) <= PER_MINUTE
    assert max(Counter(at.replace(microsecond=0) for at in sent).values()) <= EMAILS_PER_SECOND
    assert max(Counter(at.replace(second=0) for at in published).values()) <= PER_MINUTE // 2, "alert keeps a half"


def test_mail_goes_to_the_topic_that_could_not_deliver_it(world: Any, deployed: Pipeline, clock: Clock) -> None:
    for number, topic in enumerate((ALERTS, ALARMS, "arn:aws:sns:us-east-1:123456789012:somebody-elses")):
        world.client("sqs").put(deployed.mail_dead_letters, mail(number, topic=topic))
    redriven(world, deployed, clock, "mail")
    assert [topic for _, topic, _ in world.client("sns").published] == [ALERTS, ALARMS, ALERTS]


def test_what_waits_its_turn_stays_hidden_however_long_the_others_take(
    world: Any, deployed: Pipeline, clock: Clock
) -> None:
    world.client("sqs").put(deployed.ingest_failures, failed_upload(), times=64)
    # Eight at once, one after the other on this clock: 15 minutes a batch.
    world.client("lambda").takes_s = 900 / 8
    result = redriven(world, deployed, clock, "ingest")
    assert clock.monotonic() >= 2 * 3600
    assert (result.done, result.failed, world.client("sqs").messages) == (64, [], {})


def test_it_stops_before_sqs_gives_the_rest_to_others_after_12_hours(
    world: Any, deployed: Pipeline, clock: Clock
) -> None:
    world.client("sqs").put(deployed.ingest_failures, failed_upload(), times=500)
    world.client("lambda").takes_s = 900 / 8
    result = redriven(world, deployed, clock, "ingest")
    assert result.held_too_long
    assert 300 < result.done < 500
    assert clock.monotonic() < LONGEST_S
    assert len(world.client("sqs").visible(deployed.ingest_failures)) == 500 - result.done


def test_a_message_that_others_got_hold_of_is_left_to_them(world: Any, deployed: Pipeline, clock: Clock) -> None:
    world.client("sqs").put(deployed.ingest_failures, failed_upload())
    result = redriven(world, deployed, clock, "ingest", after_s=3601)
    assert (result.done, world.client("lambda").invoked) == (0, [])
    assert "hold" in result.failed[0][1].words


@pytest.fixture
def mounted(world: Any, deployed: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(connection, "connect", lambda **_: Connection(access=world, pipeline=deployed))
    return world


def test_it_says_what_it_will_run_and_asks(mounted: Any, deployed: Pipeline) -> None:
    mounted.client("sqs").put(deployed.ingest_failures, failed_upload(), times=2)
    result = sensorctl("redrive", answers="n\n")
    assert result.code == 1
    assert "ingest runs 2 times" in result.out
    assert mounted.client("lambda").invoked == []
    assert len(mounted.client("sqs").visible(deployed.ingest_failures)) == 2
    assert "2 of 2 done" in sensorctl("redrive", answers="y\n").out


def test_a_list_that_is_cut_says_how_much_of_it_is_shown_and_what_was_left(mounted: Any, deployed: Pipeline) -> None:
    mounted.client("sqs").put(deployed.ingest_failures, failed_upload(), times=23)
    result = sensorctl("redrive", "--dry-run", "--most", "22")
    assert "20 of 22 shown; --json lists all." in result.out
    assert "More may wait in ingest: at most 22 are taken of each" in result.out
    assert "More may wait" not in sensorctl("redrive", "--dry-run").out


def test_with_nobody_to_answer_nothing_is_run(mounted: Any, deployed: Pipeline) -> None:
    mounted.client("sqs").put(deployed.ingest_failures, failed_upload())
    assert sensorctl("redrive").code == 1
    assert mounted.client("lambda").invoked == []
    assert sensorctl("redrive", "--yes").code == 0


def test_it_says_whom_it_will_mail_and_how_fast(mounted: Any, deployed: Pipeline) -> None:
    mounted.client("sqs").put(deployed.mail_dead_letters, mail(1))
    result = sensorctl("redrive", "--queue", "mail", answers="n\n")
    assert "1 e-mail goes to every subscriber again, at most 15 a minute" in result.out
    assert mounted.client("sns").published == []


def test_the_budget_is_the_one_that_alert_counts_in(world: Any, deployed: Pipeline, clock: Clock) -> None:
    world.client("sqs").put(deployed.mail_dead_letters, mail(1))
    redriven(world, deployed, clock, "mail")
    (item,) = boto3.client("dynamodb").scan(TableName=deployed.alerts_table)["Items"]
    assert (item["alert_key"]["S"], item["spent"]["N"]) == ("budget#emails#2026-11-22T10:00", "1")
