"""The alerts table: what is written over what, and what becomes of an item that cannot be read."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.alert.adapters.ledger import ATTEMPTS, Conflict, ContentionError, Ledger
from lambdas.alert.adapters.ledger_items import item_of
from lambdas.alert.domain.models import Record, Silence
from tests.unit.alert.alert_kit import ALERTS, HOUR, NOON
from tests.unit.alert.ledger_kit import CLOSED, WAITS, Table

# One record.


def test_what_is_not_stored_is_blank_and_of_version_0(ledger: Ledger) -> None:
    assert ledger.get("d#t", blank=CLOSED) == Record(key="d#t", version=0, state=CLOSED)


def test_a_record_is_read_as_it_is_now(table: Table) -> None:
    """moto's reads are all consistent: only the request tells that DynamoDB is asked for one."""
    requests: list[dict[str, Any]] = []
    with table.before("GetItem", requests.append):
        table.ledger.get("d#t", blank=CLOSED)
    assert [request["ConsistentRead"] for request in requests] == [True]


def test_a_record_is_written_over_the_version_it_was_read_as_and_no_other(ledger: Ledger) -> None:
    new = Record(key="d#t", state=CLOSED, outbox=(WAITS,))
    first = ledger.put(new, now=NOON)
    assert first == replace(new, version=1) == ledger.get("d#t", blank=Silence(device_id="?"))
    with pytest.raises(Conflict, match="d#t"):
        ledger.put(new, now=NOON)
    second = ledger.put(replace(first, outbox=()), now=NOON)
    assert second == replace(new, version=2, outbox=()) == ledger.get("d#t", blank=Silence(device_id="?"))
    with pytest.raises(Conflict, match="d#t"):
        ledger.put(first, now=NOON)


def test_a_record_that_is_gone_is_a_conflict(ledger: Ledger) -> None:
    with pytest.raises(Conflict):
        ledger.put(Record(key="d#t", version=1, state=CLOSED), now=NOON)


def test_what_is_kept_for_90_days_is_kept_from_the_write(table: Table) -> None:
    table.ledger.put(Record(key="silent#device#d", state=Silence(device_id="d")), now=NOON)
    assert table.expires("silent#device#d") == (NOON + timedelta(days=90)).timestamp()


def test_a_change_is_made_of_what_others_have_written_meanwhile(ledger: Ledger) -> None:
    old = ledger.put(Record(key="d#t", state=CLOSED), now=NOON)
    ledger.put(replace(old, outbox=(WAITS,)), now=NOON)

    def settle(record: Record) -> Record:
        return replace(record, state=replace(CLOSED, settled_through=NOON))

    changed = ledger.rewrite(old, settle, now=NOON)
    assert changed == Record(key="d#t", version=3, state=replace(CLOSED, settled_through=NOON), outbox=(WAITS,))
    assert ledger.rewrite(changed, settle, now=NOON) == changed == ledger.get("d#t", blank=CLOSED)


def test_a_change_of_what_has_expired_meanwhile_begins_anew(ledger: Ledger) -> None:
    gone = Record(key="d#t", version=4, state=CLOSED)
    changed = ledger.rewrite(gone, lambda record: replace(record, outbox=(WAITS,)), now=NOON)
    assert changed == Record(key="d#t", version=1, state=CLOSED, outbox=(WAITS,))


def test_what_is_changed_is_kept_from_the_change(table: Table) -> None:
    silence = Record(key="silent#device#d", state=Silence(device_id="d"))
    table.ledger.rewrite(silence, lambda record: replace(record, state=Silence(device_id="d", source="s")), now=NOON)
    assert table.expires("silent#device#d") == (NOON + timedelta(days=90)).timestamp()


def test_after_ten_conflicts_in_a_row_it_is_left_to_lambda_to_try_again(ledger: Ledger) -> None:
    calls = []

    def change(record: Record) -> Record:
        calls.append(record.version)
        ledger.put(record, now=NOON)
        return replace(record, outbox=(WAITS,))

    with pytest.raises(ContentionError) as refused:
        ledger.rewrite(Record(key="d#t", state=CLOSED), change, now=NOON)
    assert str(refused.value) == "d#t: written by others 10 times in a row"
    assert calls == list(range(ATTEMPTS))


# Items that cannot be read.


def test_an_item_that_cannot_be_read_is_set_aside_and_its_messages_go_on(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = item_of(Record(key="d#t", version=4, state=CLOSED, outbox=(WAITS,)), now=NOON)
    table.put(**{**waiting, "settled_through": "noon"})
    found = table.ledger.get("d#t", blank=Silence(device_id="?"))
    assert found == Record(key="d#t", version=5, state=CLOSED, outbox=(WAITS,))
    assert table.ledger.get("d#t", blank=Silence(device_id="?")) == found
    (error,) = table.ledger.set_aside
    (aside,) = (item for item in everything(table) if item["alert_key"]["S"].startswith("unreadable#"))
    key = aside["alert_key"]["S"]
    assert key.startswith("unreadable#d#t#")
    assert len(key) == len("unreadable#d#t#") + 12
    assert str(error).startswith("d#t could not be read (ValueError(")
    assert str(error).endswith(f"; it was set aside as {key}")
    line = json.loads(capsys.readouterr().out)
    assert {name: line[name] for name in ("level", "message", "key", "kept_as")} == {
        "level": "ERROR",
        "message": "a ledger item could not be read and was set aside",
        "key": "d#t",
        "kept_as": key,
    }
    assert line["error"].startswith("ValueError(")
    kept = {name: value for name, value in waiting.items() if name not in ("work", "due_at")}
    expected = {**kept, "settled_through": {"S": "noon"}, "alert_key": {"S": key}, "expires_at": aside["expires_at"]}
    assert aside == expected
    days = (datetime.fromtimestamp(table.expires(key), NOON.tzinfo) - datetime.now(NOON.tzinfo)) / timedelta(days=1)
    assert 89 < days <= 90


def test_the_same_key_is_set_aside_under_another_name_each_time(table: Table) -> None:
    for settled in ("noon", "midnight"):
        table.put(alert_key="d#t", record="alert", version={"N": "1"}, settled_through=settled)
        table.ledger.get("d#t", blank=CLOSED)
    aside = [item for item in everything(table) if item["alert_key"]["S"].startswith("unreadable#d#t#")]
    assert sorted(item["settled_through"]["S"] for item in aside) == ["midnight", "noon"]


def test_an_item_without_a_version_starts_afresh_too(table: Table) -> None:
    table.put(alert_key="silent#device#d", record="?", bytes={"B": b"?"})
    assert table.ledger.get("silent#device#d", blank=CLOSED) == Record(
        key="silent#device#d", version=1, state=Silence(device_id="d")
    )


@pytest.mark.parametrize("version", [{}, {"version": {"N": "1"}}])
def test_what_another_invocation_has_started_afresh_meanwhile_is_not_started_again(
    table: Table, version: dict[str, Any]
) -> None:
    table.put(alert_key="d#t", record="?", **version)
    theirs = Record(key="d#t", version=7, state=CLOSED, outbox=(WAITS,))

    def meanwhile(request: dict[str, Any]) -> None:
        if request["Item"]["alert_key"]["S"] == "d#t":
            table.fill(theirs)

    with table.before("PutItem", meanwhile):
        assert table.ledger.get("d#t", blank=Silence(device_id="?")) == theirs
    assert table.ledger.set_aside == []


def test_what_expires_before_it_is_started_afresh_is_blank(table: Table) -> None:
    table.put(alert_key="d#t", record="?", version={"N": "1"})

    def meanwhile(request: dict[str, Any]) -> None:
        if request["Item"]["alert_key"]["S"] == "d#t":
            table.delete("d#t")

    with table.before("PutItem", meanwhile):
        assert table.ledger.get("d#t", blank=Silence(device_id="?")) == Record(key="d#t", state=CLOSED)


def everything(table: Table) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = table.dynamodb.scan(TableName=ALERTS)["Items"]
    return items


# Counters.


def test_a_failure_is_reported_once_an_hour_for_each_key(table: Table) -> None:
    report = table.ledger.first_report
    assert report("d#t", now=NOON)
    assert not report("d#t", now=NOON + HOUR - timedelta(microseconds=1))
    assert report("e#t", now=NOON)
    assert report("d#t", now=NOON + HOUR)
    assert table.expires("reported#d#t#2026-11-22T12") == (NOON + 2 * HOUR).timestamp()


def test_the_alerts_that_a_source_opens_are_counted_by_the_hour_and_for_two_days(table: Table) -> None:
    count = table.ledger.count_opened
    assert [count("gateway-5", "12", now=NOON) for _ in range(3)] == [1, 2, 3]
    assert count("gateway-5", "13", now=NOON) == count("gateway-6", "12", now=NOON) == 1
    assert table.expires("opened#gateway-5#12") == (NOON + timedelta(days=2)).timestamp()
