"""The items of the alerts table: their keys, what stands in the index, and what becomes of one that cannot be read."""

import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.alert.adapters import ledger_items as items
from lambdas.alert.adapters.codec import size
from lambdas.alert.domain.lifecycle import on_breach
from lambdas.alert.domain.models import Digest, Flood, Member, MetricState, Record, Rejection, Silence, State
from lambdas.alert.domain.notices import Message
from lambdas.shared.times import timestamp
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON, breach

STATES: dict[str, State] = {
    items.alert_key("d", "t"): MetricState(device_id="d", metric="t"),
    items.silence_key("d"): Silence(device_id="d"),
    items.digest_key("202611221200"): Digest(digest_id="202611221200"),
    items.rejection_key("incoming/a#b", "2026-11-22T12"): Rejection(prefix="incoming/a#b", hour="2026-11-22T12"),
    items.flood_key("a#b", "2026-11-22T12"): Flood(source="a#b", hour="2026-11-22T12"),
}
WAITS = Message(message_id="m1", kind="opened", status="PENDING", created_at=NOON - MINUTE)
SENT = replace(WAITS, message_id="m2", status="SENT", settled_at=NOON)
OPEN = on_breach(MetricState(device_id="d", metric="t"), breach(device="d", metric="t"), rule=None, now=NOON).state


def item(state: State, *messages: Message, key: str = "d#t", version: int = 3) -> dict[str, Any]:
    return items.item_of(Record(key=key, version=version, state=state, outbox=messages), now=NOON)


def shard_of(key: str) -> int:
    return zlib.crc32(key.encode()) % 4


def test_each_kind_of_record_has_its_own_key_which_says_how_it_begins() -> None:
    assert list(STATES) == [
        "d#t",
        "silent#device#d",
        "digest#minute#202611221200",
        "rejected#incoming/a#b#2026-11-22T12",
        "flood#a#b#2026-11-22T12",
    ]
    assert {key: items.blank_state(key) for key in STATES} == STATES


@pytest.mark.parametrize("device", ["rejected", "flood", "silent", "digest"])
def test_a_device_may_be_called_as_a_kind_of_record_is(device: str) -> None:
    assert items.blank_state(items.alert_key(device, "t")) == MetricState(device_id=device, metric="t")


@pytest.mark.parametrize("key", STATES)
def test_a_record_is_read_from_its_item_as_it_was_written(key: str) -> None:
    record = Record(key=key, version=7, state=STATES[key], outbox=(WAITS, SENT))
    written = items.item_of(record, now=NOON)
    assert items.record_of(written) == items.readable_record(written) == record
    items.check(written, record)


def test_an_item_says_what_it_is() -> None:
    kinds = [item(state)["record"]["S"] for state in STATES.values()]
    assert kinds == ["alert", "silence", "digest", "rejected", "flood"]
    written = item(OPEN, version=12)
    assert (written["alert_key"], written["status"], written["version"]) == ({"S": "d#t"}, {"S": "open"}, {"N": "12"})
    assert written["outbox"] == {"L": []}
    assert item(STATES["d#t"])["status"] == {"S": "closed"}


@pytest.mark.parametrize("key", ["d#t", "d#humidity", "boiler-7#temperature"])
def test_what_waits_to_be_sent_stands_in_the_index_before_what_is_watched(key: str) -> None:
    unsent, watched = item(OPEN, SENT, WAITS, key=key), item(OPEN, SENT, key=key)
    assert (unsent["work"], unsent["due_at"]) == ({"S": f"send#{shard_of(key)}"}, {"S": timestamp(NOON - MINUTE)})
    assert (watched["work"], watched["due_at"]) == ({"S": f"watch#{shard_of(key)}"}, {"S": timestamp(NOON)})
    assert "expires_at" not in unsent
    assert "expires_at" not in watched


def test_the_index_is_spread_over_four_partitions() -> None:
    assert {item(OPEN, key=f"d{number}#t")["work"]["S"] for number in range(50)} == {f"watch#{n}" for n in range(4)}


@pytest.mark.parametrize("key", STATES)
def test_what_needs_no_attention_is_in_no_index_and_goes_after_90_days_but_alerts_stay(key: str) -> None:
    state = STATES[key]
    written = item(replace(state, counted=1) if isinstance(state, Digest) else state, SENT)
    assert not {"work", "due_at"} & written.keys()
    days = {"N": str(int((NOON + timedelta(days=90)).timestamp()))}
    assert written.get("expires_at") == (None if isinstance(state, MetricState) else days)


def test_an_item_that_cannot_be_read_is_none() -> None:
    for spoilt in ({}, {**item(OPEN), "record": {"S": "other"}}, {**item(OPEN), "outbox": {"S": "?"}}):
        assert items.readable_record(spoilt) is None
        with pytest.raises(items.UNREADABLE):
            items.record_of(spoilt)


def test_whose_an_item_is_can_be_told_from_a_part_of_it() -> None:
    assert items.source_in({"source": {"S": "gateway-5"}}) == "gateway-5"
    assert items.source_in({"alert": item(OPEN)["alert"]}) == "d"
    assert items.source_in({"source": {"N": "5"}}) == items.source_in({}) == ""


def test_the_messages_that_can_be_read_are_kept() -> None:
    written = item(OPEN, WAITS, SENT)
    written["outbox"]["L"].insert(1, {"M": {"message_id": {"S": "spoilt"}}})
    written["outbox"]["L"].insert(0, {"S": "?"})
    assert items.readable_messages(written) == (WAITS, SENT)
    assert items.readable_messages({}) == items.readable_messages({"outbox": {}}) == ()


@pytest.mark.parametrize(("version", "after"), [({"N": "7"}, 8), (None, 1), ({"S": "7"}, 1), ({"N": "x"}, 1), ({}, 1)])
def test_the_version_after_one_that_may_be_spoilt(version: dict[str, str] | None, after: int) -> None:
    assert items.next_version(version) == after


def test_an_item_may_take_nearly_400_kb() -> None:
    def digest(length: int) -> Record:
        members = (Member(key="k" * length, message_id="m"),)
        return Record(key="digest#minute#1", state=Digest(digest_id="1", members=members))

    def check(record: Record) -> None:
        items.check(items.item_of(record, now=NOON), record)

    overhead = size(items.item_of(digest(0), now=NOON))
    check(digest(400 * 1024 - 4096 - overhead))
    with pytest.raises(ValueError, match="ledger record") as refused:
        check(digest(400 * 1024 - 4096 - overhead + 1))
    assert str(refused.value) == (
        "digest#minute#1: its ledger record would take 405,505 bytes, and DynamoDB takes 400 KB"
    )


def test_an_item_that_would_be_another_record_is_refused() -> None:
    record = Record(key="d#t", state=OPEN)
    with pytest.raises(ValueError, match="ledger record") as refused:
        items.check(items.item_of(record, now=NOON), replace(record, version=9))
    assert str(refused.value) == "d#t: its ledger record would not be read back as it is"


def test_what_is_kept_has_the_clock_of_the_write() -> None:
    later = items.item_of(Record(key="k", state=Silence(device_id="d")), now=NOON + HOUR)
    assert int(later["expires_at"]["N"]) == int((NOON + timedelta(days=90) + HOUR).timestamp())
