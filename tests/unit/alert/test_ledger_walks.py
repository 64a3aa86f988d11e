"""The alerts table: walks through what needs attention, and where they stopped."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lambdas.alert.adapters.ledger import Bookmark, Cursor, Ledger, Watched
from lambdas.alert.domain.models import MetricState, Record, Silence
from tests.unit.alert.alert_kit import MINUTE, NOON
from tests.unit.alert.ledger_kit import CLOSED, WAITS, Table


def keys(walked: Iterator[tuple[Any, Cursor]]) -> list[str]:
    return [each.key for each, _ in walked]


# Walks.


def test_a_walk_goes_through_what_is_due_the_longest_due_first_and_shard_by_shard(table: Table) -> None:
    devices = [f"d{number}" for number in range(12)]
    for minute, device in enumerate(reversed(devices)):
        table.open(device, at=NOON - minute * MINUTE)
    reads: list[dict[str, Any]] = []
    with table.before("GetItem", reads.append):
        walked = list(table.ledger.walk("watch", now=NOON))
    assert reads == []
    assert sorted(record.key for record, _ in walked) == sorted(f"{device}#t" for device in devices)
    places = [(cursor.shard, cursor.due_at) for _, cursor in walked]
    assert places == sorted(places)
    assert {shard for shard, _ in places} == {0, 1, 2, 3}
    assert [cursor.after for _, cursor in walked] == [record.key for record, _ in walked]
    for number, (_, cursor) in enumerate(walked, start=1):
        assert list(table.ledger.walk("watch", now=NOON, after=cursor)) == walked[number:]
    assert keys(table.ledger.walk("watch", now=NOON, after=Cursor(shard=2))) == [
        record.key for record, cursor in walked if cursor.shard >= 2
    ]
    assert keys(table.ledger.walk("send", now=NOON)) == []


def test_what_is_due_now_is_walked_and_what_is_due_later_is_not(table: Table) -> None:
    table.ledger.put(Record(key="d#t", state=CLOSED, outbox=(WAITS,)), now=NOON)
    assert keys(table.ledger.walk("send", now=NOON - timedelta(microseconds=1))) == []
    assert keys(table.ledger.walk("send", now=NOON)) == ["d#t"]
    assert keys(table.ledger.walk("watch", now=NOON)) == []


def test_an_item_that_cannot_be_read_does_not_hold_up_the_others(table: Table) -> None:
    table.open("d1", "d12")
    table.put(alert_key="e#t", work="watch#0", due_at="2026-11-22T11:00:00.000000Z", version={"N": "1"})
    walked = {record.key: record for record, _ in table.ledger.walk("watch", now=NOON)}
    assert walked["e#t"] == Record(key="e#t", version=2, state=MetricState(device_id="e", metric="t"))
    assert walked.keys() == {"d1#t", "d12#t", "e#t"}
    assert len(table.ledger.set_aside) == 1


def test_what_cannot_be_read_and_expires_before_it_is_looked_at_is_blank(table: Table) -> None:
    table.put(alert_key="d#t", work="watch#0", due_at="2026-11-22T11:00:00.000000Z", version={"N": "1"})
    with table.before("GetItem", lambda _request: table.delete("d#t")):
        ((record, _),) = table.ledger.walk("watch", now=NOON)
    assert record == Record(key="d#t", state=CLOSED)


def test_of_more_than_500_watched_the_others_are_named_with_their_source_and_read_by_themselves(table: Table) -> None:
    silent = [Silence(device_id=f"s{number}", since=NOON, noticed_at=NOON - MINUTE) for number in range(590)]
    table.fill(*(Record(key=f"silent#device#{state.device_id}", version=1, state=state) for state in silent))
    table.open(*(f"d{number}" for number in range(30)))
    watched = [each for each, _ in table.ledger.watched(now=NOON)]
    assert all(each.record is not None for each in watched[:500])
    assert all(each.record is None for each in watched[-20:])
    assert len({each.key for each in watched}) == 620
    last = watched[-1]
    assert last.key == f"{last.source}#t"
    for each in (watched[0], last):
        record = table.ledger.read(each)
        assert record == table.ledger.get(each.key, blank=CLOSED)
        assert record.version == 1


def test_the_source_of_a_silence_is_who_uploaded_for_it(table: Table) -> None:
    silent = Silence(device_id="d", since=NOON, noticed_at=NOON, source="gateway-5")
    record = table.ledger.put(Record(key="silent#device#d", state=silent), now=NOON)
    ((found, cursor),) = table.ledger.watched(now=NOON)
    assert found == Watched(key="silent#device#d", source="gateway-5", record=record)
    assert [each for each, _ in table.ledger.watched(now=NOON, after=cursor)] == []
    assert [each for each, _ in table.ledger.watched(now=NOON - MINUTE)] == []


def test_what_is_watched_and_gone_reads_as_blank(ledger: Ledger) -> None:
    found = ledger.read(Watched(key="silent#device#d", source="d"))
    assert found == Record(key="silent#device#d", state=Silence(device_id="d"))


# Bookmarks.


def test_a_walk_goes_on_where_it_stopped_on_an_earlier_tick(table: Table) -> None:
    ledger = table.ledger
    new = ledger.bookmark("watch")
    assert new == Bookmark(name="watch", version=0, at=None)
    cursor = Cursor(shard=2, after="d#t", due_at="2026-11-22T12:00:00.000000Z")
    ledger.move(new, cursor, now=NOON)
    moved = ledger.bookmark("watch")
    assert moved == Bookmark(name="watch", version=1, at=cursor)
    assert ledger.bookmark("devices") == Bookmark(name="devices", version=0, at=None)
    assert table.expires("cursor#sweep#watch") == (NOON + timedelta(days=90)).timestamp()
    ledger.move(moved, None, now=NOON)
    assert ledger.bookmark("watch") == Bookmark(name="watch", version=2, at=None)


def test_a_bookmark_that_another_sweep_has_moved_stays_where_that_one_put_it(ledger: Ledger) -> None:
    new = ledger.bookmark("watch")
    ledger.move(new, Cursor(shard=1), now=NOON)
    ledger.move(new, Cursor(shard=3), now=NOON)
    first = ledger.bookmark("watch")
    assert first.at == Cursor(shard=1)
    ledger.move(first, Cursor(shard=2), now=NOON)
    ledger.move(first, Cursor(shard=3), now=NOON)
    assert ledger.bookmark("watch").at == Cursor(shard=2)


@pytest.mark.parametrize("spoilt", [{"version": {"S": "x"}}, {"version": {"N": "4"}, "shard": {"S": "x"}}])
def test_a_bookmark_that_cannot_be_read_begins_anew_and_is_written_over(table: Table, spoilt: dict[str, Any]) -> None:
    table.put(alert_key="cursor#sweep#watch", **spoilt)
    found = table.ledger.bookmark("watch")
    assert found == Bookmark(name="watch", version=None, at=None)
    table.ledger.move(found, Cursor(shard=1), now=NOON)
    assert table.ledger.bookmark("watch") == Bookmark(name="watch", version=1, at=Cursor(shard=1))
