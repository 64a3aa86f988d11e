"""`sensorctl alerts` over what alert's own ledger wrote, and the preview."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import boto3
import pytest
from command_kit import connect_to, sensorctl, stage
from moto import mock_aws

from lambdas.alert import outbox
from lambdas.alert.ledger import Ledger, alert_key, digest_key, rejection_key, silence_key
from lambdas.alert.records import (
    Alert,
    Digest,
    Kind,
    Member,
    Message,
    MetricState,
    Notice,
    Record,
    Rejection,
    Silence,
    State,
)
from lambdas.shared.contracts import ObjectRef, Severity, ThresholdBreached
from sensorctl.alert_preview import mails

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIGEST = "2026-11-22T12:00Z"


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    with mock_aws():
        connect_to(stage("dynamodb"), monkeypatch)
        yield Ledger(boto3.client("dynamodb"), table="alerts")


def breach(value: float, severity: Severity) -> ThresholdBreached:
    return ThresholdBreached(
        breach_id="b",
        device_id="d",
        metric="temperature",
        unit="Cel",
        severity=severity,
        bound="above",
        limit=70,
        value=value,
        count=1,
        first_at="2026-11-22T12:00:00.000000Z",
        last_at="2026-11-22T12:00:00.000000Z",
        object=ObjectRef(bucket="landing", key="incoming/a", version_id="v1"),
        trace_id=None,
    )


def running(device: str, *, severity: Severity = "warning", at: datetime = NOON, pending: bool = False) -> MetricState:
    alert = Alert(
        alert_id=f"id{device}",
        phase="pending" if pending else "open",
        severity=severity,
        noticed_at=at,
        since=at,
        last_at=at,
        worst=breach(92.4, severity),
    )
    return MetricState(device_id=device, metric="temperature", alert=alert)


def keep(ledger: Ledger, key: str, state: State, *messages: Message) -> None:
    ledger.put(Record(key=key, state=state, outbox=messages), now=NOON)


def message(kind: Kind, *, name: str = "id-1", at: datetime = NOON, **others: Any) -> Message:
    settled = {"status": "SENT", "settled_at": at, **others}
    return Message(message_id=f"{name}-{kind}", kind=kind, created_at=at, **settled)


def a_day(ledger: Ledger) -> None:
    """An alert of each state, a silence, rejections, and items that are no records."""
    old, new, warning = (
        running("b-old", severity="critical"),
        running("b-new", severity="critical", at=NOON + HOUR),
        running("b-w"),
    )
    keep(ledger, alert_key("b-old", "temperature"), old, message("opened"))
    keep(ledger, alert_key("b-new", "temperature"), new, message("opened", at=NOON + HOUR))
    keep(ledger, alert_key("b-w", "temperature"), warning, message("opened"))
    keep(ledger, alert_key("b-p", "temperature"), running("b-p", pending=True))
    closed = MetricState(device_id="b-c", metric="temperature", settled_through=NOON - HOUR)
    keep(ledger, alert_key("b-c", "temperature"), closed, message("resolved", at=NOON - HOUR))
    keep(ledger, silence_key("b-s"), Silence(device_id="b-s", since=NOON - HOUR, noticed_at=NOON), message("silent"))
    keep(ledger, rejection_key("gw", "2026-11-22T12Z"), Rejection(prefix="gw", hour="2026-11-22T12Z"))
    put = boto3.client("dynamodb").put_item
    put(TableName="alerts", Item={"alert_key": {"S": "budget#minute#2026-11-22T12:00Z"}, "taken": {"N": "3"}})
    ledger.move(ledger.bookmark("watch"), None, now=NOON)


def listed(*options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sensorctl("alerts", "--json", *options).out.splitlines()]


def test_what_goes_on_comes_first_then_the_gravest_then_the_newest(ledger: Ledger) -> None:
    a_day(ledger)
    assert [(line["device_id"], line["state"]) for line in listed()] == [
        ("b-new", "open"),
        ("b-old", "open"),
        ("b-w", "open"),
        ("b-s", "silent"),
        ("b-p", "pending"),
        ("b-c", "closed"),
    ]


def test_open_leaves_out_what_is_closed_or_pending(ledger: Ledger) -> None:
    a_day(ledger)
    assert [line["device_id"] for line in listed("--open")] == ["b-new", "b-old", "b-w", "b-s"]


def test_since_leaves_out_what_has_not_changed(ledger: Ledger) -> None:
    a_day(ledger)
    assert [line["device_id"] for line in listed("--since", "2026-11-22T12:30:00Z")] == ["b-new"]
    assert "b-c" not in [line["device_id"] for line in listed("--since", "2026-11-22T12:00:00Z")]


def test_a_line_tells_severity_worst_and_last_mail(ledger: Ledger) -> None:
    a_day(ledger)
    first = listed()[0]
    assert first["severity"] == "critical"
    assert first["since"] == "2026-11-22T13:00:00.000000Z"
    assert first["worst"] == {"value": 92.4, "unit": "Cel", "bound": "above", "limit": 70}
    assert first["last_mail"]["kind"] == "opened"
    (row,) = [line for line in sensorctl("alerts").out.splitlines() if line.startswith("b-new")]
    for part in ("open", "critical", "2026-11-22 13:00", "92.4 Cel above 70", "opened 2026-11-22 13:00"):
        assert part in row


def test_an_item_that_cannot_be_read_is_named_and_holds_up_nothing(ledger: Ledger) -> None:
    a_day(ledger)
    item = {"alert_key": {"S": "x#y"}, "record": {"S": "of the future"}}
    boto3.client("dynamodb").put_item(TableName="alerts", Item=item)
    said = sensorctl("alerts", "--json")
    assert "'x#y' cannot be read" in said.out
    assert len([line for line in said.out.splitlines() if line.startswith("{")]) == 6


def test_an_empty_ledger_says_so(ledger: Ledger) -> None:
    assert sensorctl("alerts").out == "No alerts.\n"
    assert sensorctl("alerts", "--json").out == ""


def test_a_digest_lists_what_it_counts_and_nothing_else(ledger: Ledger) -> None:
    members = []
    for device, ends in (("b-1", "digested"), ("b-2", "digested"), ("b-3", "sent by itself"), ("b-4", "forgotten")):
        severity: Severity = "critical" if device == "b-2" else "warning"
        waiting = message("opened", name=f"id{device[2]}-1", status="PENDING", settled_at=None, severity=severity)
        record = Record(key=alert_key(device, "temperature"), state=running(device, severity=severity))
        record = replace(record, outbox=(replace(waiting, notice=Notice(kind="opened", alert_id="id")),))
        members.append(Member(key=record.key, message_id=waiting.message_id))
        if ends == "digested":
            record = outbox.digested(record, waiting.message_id, digest_id=DIGEST, now=NOON)
        elif ends == "sent by itself":
            record = replace(record, outbox=(message("opened", name="id3-1"),))
        else:
            record = replace(record, outbox=())
        ledger.put(record, now=NOON)
    keep(ledger, digest_key(DIGEST), Digest(digest_id=DIGEST, members=tuple(members), counted=3))
    found = listed("--digest", DIGEST)
    assert [line["device_id"] for line in found] == ["b-2", "b-1", "b-4"]
    assert {line["last_mail"]["kind"] for line in found} == {"opened"}
    assert {line["last_mail"]["digest_id"] for line in found} == {DIGEST}
    assert found[0]["alert_id"] == "id2"


def test_a_digest_that_is_not_there_is_named(ledger: Ledger) -> None:
    assert sensorctl("alerts", "--digest", "x").error == "the ledger has no digest x; it keeps them for 90 days"


def test_the_preview_shows_one_of_each_kind_and_asks_no_aws() -> None:
    said = sensorctl("alerts", "preview")
    shown = [line.split()[1] for line in said.out.splitlines() if line.startswith("--- ")]
    assert sorted(shown) == sorted(get_args(Kind))
    assert said.out.count("Subject: [") == len(shown)


def test_the_preview_never_changes() -> None:
    assert list(mails()) == list(mails())
