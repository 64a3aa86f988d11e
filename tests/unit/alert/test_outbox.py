"""The messages of one ledger item, each step by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from lambdas.alert.domain import outbox
from lambdas.alert.domain.models import MetricState, Record
from lambdas.alert.domain.notices import Message, MessageStatus, Notice
from tests.unit.alert.alert_kit import NOON

MINUTE = timedelta(minutes=1)
STATE = MetricState(device_id="d", metric="t")
NOTICE = Notice(kind="opened", alert_id="a1", severity="critical")


def message(name: str, status: MessageStatus, **members: Any) -> Message:
    return Message(message_id=name, kind="opened", status=status, created_at=NOON, **members)


def record(*messages: Message, version: int = 4) -> Record:
    return Record(key="d#t", version=version, state=STATE, outbox=messages)


def names(messages: tuple[Message, ...]) -> list[str]:
    return [each.message_id for each in messages]


LEASED = message("leased", "LEASED", lease="mine", lease_until=NOON + MINUTE)
WAITS = message("waits", "PENDING")
SENT = message("sent", "SENT", settled_at=NOON)
DIGESTED = message("digested", "DIGESTED", settled_at=NOON)
ALL = record(LEASED, WAITS, SENT, DIGESTED)


def test_a_lease_can_be_taken_again_from_the_moment_it_ends() -> None:
    assert names(outbox.to_send(ALL, now=NOON + MINUTE - timedelta(microseconds=1))) == []
    assert names(outbox.to_send(ALL, now=NOON + MINUTE)) == ["leased"]
    assert names(outbox.to_send(ALL, now=NOON + MINUTE, pending=True)) == ["leased", "waits"]
    assert outbox.to_send(record(message("odd", "LEASED")), now=NOON) == ()
    assert names(outbox.waiting(ALL)) == ["waits"]


def test_only_the_holder_of_a_lease_may_publish() -> None:
    assert names(outbox.held(ALL, lease="mine")) == ["leased"]
    assert outbox.held(ALL, lease="another") == ()
    assert outbox.held(record(message("w", "PENDING", lease="mine")), lease="mine") == ()


def test_the_budget_goes_to_what_waited_first_and_the_rest_waits() -> None:
    other = replace(WAITS, message_id="other")
    state = replace(STATE, settled_through=NOON)
    now = NOON + MINUTE
    found = outbox.advance(
        record(LEASED, other, SENT), state, notices=[NOTICE, NOTICE], again=[LEASED], budget=1, now=now, lease="new"
    )
    fresh = Message(
        message_id="a1-5-opened", kind="opened", severity="critical", status="PENDING", created_at=now, notice=NOTICE
    )
    taken = replace(LEASED, lease="new", lease_until=now + outbox.LEASE)
    assert found == Record(key="d#t", version=4, state=state, outbox=(taken, other, SENT, fresh, fresh))


def test_a_new_message_within_the_budget_is_leased() -> None:
    (new,) = outbox.advance(record(), STATE, notices=[NOTICE], again=[], budget=1, now=NOON, lease="new").outbox
    assert (new.status, new.lease, new.lease_until) == ("LEASED", "new", NOON + outbox.LEASE)


def test_what_the_budget_does_not_reach_gives_its_lease_back() -> None:
    found = outbox.advance(record(LEASED), STATE, notices=[], again=[LEASED], budget=0, now=NOON, lease="new")
    assert found.outbox == (replace(LEASED, status="PENDING", lease=None, lease_until=None),)


def test_what_sns_has_is_sent_whoever_holds_the_lease_and_nothing_else_is_touched() -> None:
    now = NOON + MINUTE
    leased = replace(LEASED, notice=NOTICE)
    found = outbox.sent(record(leased, WAITS), "leased", now=now, sns_message_id="sns-1")
    assert found.outbox == (message("leased", "SENT", settled_at=now, sns_message_id="sns-1"), WAITS)
    assert outbox.sent(record(WAITS), "waits", now=now, sns_message_id="s").outbox[0].status == "SENT"
    assert outbox.sent(ALL, "digested", now=now, sns_message_id="s") == ALL


def test_only_what_waits_is_counted_in_a_digest() -> None:
    now = NOON + MINUTE
    found = outbox.digested(record(WAITS, LEASED), "waits", digest_id="d1", now=now)
    assert found.outbox == (replace(WAITS, status="DIGESTED", digest_id="d1", settled_at=now), LEASED)
    assert outbox.digested(ALL, "leased", digest_id="d1", now=now) == ALL


def test_attention_is_due_when_the_first_lease_ends_or_at_once_where_one_waits() -> None:
    later = replace(LEASED, lease_until=NOON + 2 * MINUTE)
    assert outbox.due_at(record(later, LEASED, SENT)) == NOON + MINUTE
    assert outbox.due_at(record(LEASED, WAITS)) == NOON
    assert outbox.due_at(record(SENT, DIGESTED)) is None
    assert outbox.due_at(record(message("odd", "LEASED"))) == NOON


def test_the_newest_six_settled_are_kept_and_what_was_digested_for_an_hour() -> None:
    hour = timedelta(hours=1)
    settled = [message(f"s{age}", "SENT", settled_at=NOON - age * MINUTE) for age in range(1, 8)]
    young = message("young", "DIGESTED", settled_at=NOON + MINUTE - hour)
    old = replace(young, message_id="old", settled_at=NOON + MINUTE - hour - timedelta(microseconds=1))
    found = outbox.sent(record(old, young, *settled, WAITS), "waits", now=NOON + MINUTE, sns_message_id="s")
    assert names(found.outbox) == ["young", "s1", "s2", "s3", "s4", "s5", "waits"]
    found = outbox.digested(record(old, young, *settled, WAITS), "waits", digest_id="d1", now=NOON + MINUTE)
    assert names(found.outbox) == ["young", "s1", "s2", "s3", "s4", "s5", "waits"]
