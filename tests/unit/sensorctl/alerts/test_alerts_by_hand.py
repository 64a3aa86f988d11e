"""`sensorctl alerts ack` and `close`, and `devices forget`, on the ledger and the registry of a stage."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import silence_key
from lambdas.alert.domain.models import MetricState, Record, Silence
from sensorctl.aws.access import Access
from sensorctl.aws.identity import caller
from tests.unit.sensorctl.command_kit import CommandResult, sensorctl
from tests.unit.sensorctl.pipeline_kit import keep, note, open_alert, whole_stage

NOW = datetime.now(UTC)
ID, OTHER = "0123456789ab", "ba9876543210"


@pytest.fixture(autouse=True)
def _stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with whole_stage(monkeypatch):
        yield


def alerting(device: str = "boiler-7", *, alert_id: str = ID, **members: Any) -> Record:
    record = open_alert(device)
    assert isinstance(record.state, MetricState)
    assert record.state.alert is not None
    alert = replace(record.state.alert, alert_id=alert_id, **members)
    return replace(record, state=replace(record.state, alert=alert))


def stored(key: str = "boiler-7#temperature") -> Record:
    ledger = Ledger(boto3.client("dynamodb"), table="alerts")
    return ledger.get(key, blank=MetricState(device_id="-", metric="-"))


def metric_state(key: str = "boiler-7#temperature") -> MetricState:
    state = stored(key).state
    assert isinstance(state, MetricState)
    return state


def acknowledged(*arguments: str) -> CommandResult:
    return sensorctl("alerts", "ack", *arguments)


def test_an_alert_is_acknowledged_in_the_callers_name() -> None:
    note(alerting())
    result = acknowledged(ID, "--note", "valve ordered", "--for", "2h")
    assert result.code == 0
    assert result.out.startswith("boiler-7 temperature: acknowledged by moto, ")
    alert = metric_state().alert
    assert alert is not None
    given = alert.acknowledged
    assert given is not None
    assert (given.by, given.note) == ("moto", "valve ordered")
    assert given.until == given.at + timedelta(hours=2)
    assert stored().version == 2
    assert "moto" in sensorctl("alerts", "--open").out
    line = json.loads(sensorctl("alerts", "--json").out)
    assert (line["acknowledged"]["by"], line["acknowledged_by"]) == ("moto", "moto")
    assert "1 open, the most severe critical, 1 acknowledged by moto" in " ".join(sensorctl("status").out.split())


def test_several_are_acknowledged_or_none() -> None:
    note(alerting())
    note(alerting("boiler-8", alert_id=OTHER))
    assert acknowledged(ID, "a" * 12).error.startswith(f"no alert with the id {'a' * 12} is running: ")
    assert stored().version == 1
    result = acknowledged(ID, OTHER)
    assert (result.code, result.out.count("acknowledged by moto")) == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((ID, "--for", "soon"), "--for soon: give a whole number"),
        ((ID, "--note", "a\nb"), "--note: give one line of at most 300 characters"),
        ((ID, "--note", "x" * 301), "--note: give one line"),
    ],
)
def test_wrong_use_is_one_sentence_and_writes_nothing(arguments: tuple[str, ...], sentence: str) -> None:
    note(alerting())
    result = acknowledged(*arguments)
    assert (result.code, result.error.startswith(sentence)) == (2, True)
    assert stored().version == 1


def test_a_pending_alert_has_nothing_to_acknowledge() -> None:
    note(alerting(phase="pending"))
    assert acknowledged(ID).error == f"{ID} is not open: it is pending and was not mailed yet, or has just ended"


def test_a_write_of_the_function_in_between_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    note(alerting())
    put = Ledger.put
    raced: list[Record] = []

    def race(self: Ledger, record: Record, *, now: datetime) -> Record:
        if not raced:
            raced.append(record)
            current = stored()
            assert isinstance(current.state, MetricState)
            assert current.state.alert is not None
            put(self, replace(current, state=replace(current.state, settled_through=NOW)), now=now)
        return put(self, record, now=now)

    monkeypatch.setattr(Ledger, "put", race)
    assert acknowledged(ID).code == 0
    state = metric_state()
    assert state.alert is not None
    assert (state.settled_through, state.alert.acknowledged is not None) == (NOW, True)


def test_closing_asks_then_ends_the_alert_and_leaves_its_mail_to_the_sweep() -> None:
    note(alerting())
    refused = sensorctl("alerts", "close", ID, "--why", "sensor replaced", answers="n\n")
    assert (refused.code, stored().version) == (1, 1)
    assert "Close the alert on boiler-7 temperature" in refused.out
    assert sensorctl("alerts", "close", ID, "--why", "sensor replaced", "--yes").code == 0
    record = stored()
    assert record.state.status == "closed"
    (message,) = record.outbox
    assert (message.kind, message.status, message.lease) == ("resolved", "PENDING", None)
    assert message.notice is not None
    assert message.notice.alert is not None
    assert message.notice.alert.reason == "closed by moto: sensor replaced"
    assert sensorctl("alerts", "close", ID, "--why", "again", "--yes").error.startswith(f"no alert with the id {ID}")


def test_closing_says_why() -> None:
    note(alerting())
    assert sensorctl("alerts", "close", ID, "--yes").code == 2
    assert sensorctl("alerts", "close", ID, "--why", " ", "--yes").error.startswith("--why: give one line")


def test_a_device_is_forgotten_with_what_it_has_open() -> None:
    keep("boiler-7", NOW)
    keep("boiler-8", NOW)
    note(alerting())
    note(alerting("boiler-8", alert_id=OTHER))
    silence = Silence(device_id="boiler-7", since=NOW, noticed_at=NOW, source="gateway-1")
    note(Record(key=silence_key("boiler-7"), state=silence))
    refused = sensorctl("devices", "forget", "boiler-7", answers="n\n")
    assert refused.code == 1
    assert "its alert on temperature is closed" in refused.out
    assert "its silence is not waited out" in refused.out
    assert sensorctl("devices", "forget", "boiler-7", "--yes").code == 0
    listed = [json.loads(line)["device_id"] for line in sensorctl("devices", "--json").out.splitlines()]
    assert listed == ["boiler-8"]
    assert (metric_state().status, metric_state("boiler-8#temperature").status) == ("closed", "open")
    assert stored(silence_key("boiler-7")).state == Silence(device_id="boiler-7", source="gateway-1")
    rows = boto3.client("dynamodb").query(
        TableName="readings",
        KeyConditionExpression="device_id = :device",
        ExpressionAttributeValues={":device": {"S": "boiler-7"}},
    )
    assert len(rows["Items"]) == 1, "its readings stay"
    assert "is not registered" in sensorctl("devices", "forget", "boiler-7", "--yes").error


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::123456789012:user/alice", "alice"),
        ("arn:aws:iam::123456789012:user/ops/alice", "ops/alice"),
        ("arn:aws:sts::123456789012:assumed-role/Admin/alice@example.org", "Admin/alice@example.org"),
        ("arn:aws:iam::123456789012:root", "root"),
    ],
)
def test_a_caller_is_named_as_in_its_arn(arn: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Arn": arn}

    monkeypatch.setattr(Access, "client", lambda _self, _service: Sts())
    assert caller(Access()) == name
