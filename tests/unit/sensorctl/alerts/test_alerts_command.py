"""`sensorctl alerts` over what alert's own ledger wrote, and the preview."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import boto3
import pytest
from moto import mock_aws

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import alert_key, digest_key, rejection_key, silence_key
from lambdas.alert.domain import outbox
from lambdas.alert.domain.models import (
    Alert,
    Digest,
    EndedAlert,
    Member,
    MetricState,
    Record,
    Rejection,
    Silence,
    State,
)
from lambdas.alert.domain.notices import Kind, Message, Notice
from lambdas.shared.events import ObjectRef, Severity, ThresholdBreached
from sensorctl.alerts.preview import mails
from tests.unit.sensorctl.command_kit import calls_of_aws, connect_to, sensorctl, stage
from tests.unit.sensorctl.pipeline_kit import keep as store
from tests.unit.sensorctl.pipeline_kit import whole_stage

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
    sent = {"status": "SENT", "settled_at": at, **others}
    return Message(message_id=f"{name}-{kind}", kind=kind, created_at=at, **sent)


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


def test_what_goes_on_comes_first_then_the_most_severe_then_the_newest(ledger: Ledger) -> None:
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


def with_a_past(device: str, *, open_since: datetime | None = None) -> MetricState:
    """Return a metric with two alerts that have ended, at noon and at one."""
    ended = tuple(
        EndedAlert(
            alert_id=f"{device}-{hour}",
            severity="critical",
            since=NOON + (hour - 1) * HOUR,
            until=NOON + hour * HOUR,
            value=92.4,
            bound="above",
            limit=85,
            unit="Cel",
        )
        for hour in (0, 1)
    )
    state = running(device, at=open_since) if open_since is not None else MetricState(device_id=device, metric="t")
    return replace(state, metric="t", settled_through=NOON, ended=ended)


def test_since_lists_each_alert_that_is_open_or_has_ended_since(ledger: Ledger) -> None:
    keep(ledger, alert_key("b-1", "t"), with_a_past("b-1", open_since=NOON + 2 * HOUR))
    keep(ledger, alert_key("b-2", "t"), with_a_past("b-2"))
    keep(ledger, alert_key("b-p", "t"), running("b-p", pending=True))
    keep(ledger, silence_key("b-s"), Silence(device_id="b-s", since=NOON, noticed_at=NOON))
    since = ("--since", "2026-11-22T12:30:00Z")
    found = [(line["device_id"], line["state"], line["until"]) for line in listed(*since)]
    one = "2026-11-22T13:00:00.000000Z"
    assert found == [("b-1", "open", None), ("b-1", "closed", one), ("b-2", "closed", one), ("b-s", "silent", None)]
    assert [line["device_id"] for line in listed(*since, "--device", "b-[12]", "--open")] == ["b-1"]
    row = next(line for line in sensorctl("alerts", *since).out.splitlines() if line.startswith("b-2"))
    for part in ("t", "critical", "11-22 12:00:00", "1h", "92.4 Cel above 85"):
        assert part in row
    assert listed("--since", "2026-11-22T12:30:00Z", "--device", "b-2*")[0]["lasted_seconds"] == 3600


def test_the_alerts_of_one_device_are_read_by_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_stage(monkeypatch) as pipeline:
        ledger = Ledger(boto3.client("dynamodb"), table=pipeline.alerts_table)
        keep(ledger, alert_key("b-2", "temperature"), running("b-2"))
        keep(ledger, alert_key("b-2", "own"), replace(running("b-2"), metric="own"))
        keep(ledger, silence_key("b-2"), Silence(device_id="b-2", since=NOON, noticed_at=NOON))
        keep(ledger, alert_key("b-3", "temperature"), running("b-3"))
        store("b-2", NOON, metrics={"own": 1})
        with calls_of_aws() as called:
            metrics = [line["metric"] for line in listed("--device", "b-2")]
        assert metrics == ["own", "temperature", None]
        assert set(called) == {"GetParameter", "Query", "GetItem"}
        assert sensorctl("alerts", "--device", "b-9").out == "No alerts.\n"


def test_a_line_shows_severity_worst_and_last_mail(ledger: Ledger) -> None:
    a_day(ledger)
    first = listed()[0]
    assert first["severity"] == "critical"
    assert first["since"] == "2026-11-22T13:00:00.000000Z"
    assert first["worst"] == {"value": 92.4, "unit": "Cel", "bound": "above", "limit": 70}
    assert first["last_mail"]["kind"] == "opened"
    (row,) = [line for line in sensorctl("alerts").out.splitlines() if line.startswith("b-new")]
    for part in ("open", "critical", "11-22 13:00:00", "92.4 Cel above 70", "opened 11-22 13:00:00"):
        assert part in row


def test_an_item_that_cannot_be_read_is_named_and_holds_up_nothing(ledger: Ledger) -> None:
    a_day(ledger)
    item = {"alert_key": {"S": "x#y"}, "record": {"S": "of the future"}}
    boto3.client("dynamodb").put_item(TableName="alerts", Item=item)
    result = sensorctl("alerts", "--json")
    assert "'x#y' cannot be read" in result.out
    assert len([line for line in result.out.splitlines() if line.startswith("{")]) == 6


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
    result = sensorctl("alerts", "preview")
    shown = [line.split()[1] for line in result.out.splitlines() if line.startswith("--- ")]
    assert set(shown) == set(get_args(Kind))  # a device and a gateway fall silent
    assert result.out.count("Subject: [") == len(shown)


def test_the_preview_never_changes() -> None:
    assert list(mails()) == list(mails())


def test_a_closed_line_is_about_the_last_alert_that_has_ended(ledger: Ledger) -> None:
    earlier, last = (
        EndedAlert(
            alert_id=f"alert{number}", severity="critical", since=NOON - hours * HOUR, until=NOON - (hours - 1) * HOUR,
            value=90 + number, bound="above", limit=85, unit="Cel",
        )
        for number, hours in ((1, 9), (2, 3))
    )  # fmt: skip
    closed = MetricState(device_id="b-c", metric="temperature", settled_through=NOON, ended=(earlier, last))
    keep(ledger, alert_key("b-c", "temperature"), closed, message("resolved", at=NOON))
    (line,) = listed()
    assert (line["state"], line["alert_id"], line["severity"]) == ("closed", "alert2", "critical")
    assert (line["since"], line["until"]) == ("2026-11-22T09:00:00.000000Z", "2026-11-22T10:00:00.000000Z")
    assert line["worst"] == {"value": 92, "unit": "Cel", "bound": "above", "limit": 85}
