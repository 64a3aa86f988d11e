"""What a person does to an alert: acknowledge it, close it; and what happens when nobody does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.alert.adapters.codec import Attribute
from lambdas.alert.adapters.ledger_items import item_of, record_of
from lambdas.alert.domain import by_hand
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import Decision, MetricState, Record
from lambdas.alert.domain.notices import Acknowledgement
from lambdas.alert.mail.message import render
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON
from tests.unit.alert.lifecycle_kit import RULE, SLOW, STATE, TICK, after, alert_of, facts_in, past
from tests.unit.alert.test_lifecycle_ticks import read, tick

ID = "f13e5d9ae3a5"
ALICE = Acknowledgement(by="alice", at=NOON + MINUTE, note="valve ordered")
FOR_AN_HOUR = replace(ALICE, until=NOON + HOUR)
ESCALATING = replace(RULE, escalate_after=30 * MINUTE)


def acknowledged(state: MetricState, given: Acknowledgement = ALICE) -> MetricState:
    decision = by_hand.acknowledge(state, given, alert_id=ID)
    assert (decision.outcome, decision.notices) == ("acknowledged", ())
    return decision.state


def closed(state: MetricState, alert_id: str = ID, *, minute: int = 90) -> Decision[MetricState]:
    return by_hand.close(state, alert_id=alert_id, by="alice", why="sensor replaced", now=NOON + minute * MINUTE)


def kinds(state: MetricState, *minutes: int, rule: object = RULE) -> list[tuple[int, str]]:
    """Which e-mails ticks at these minutes after noon send, while the value stays out of bounds."""
    mailed: list[tuple[int, str]] = []
    for minute in minutes:
        decision = tick(state, read(75, at=NOON + minute * MINUTE), rule=rule)
        state = decision.state
        mailed += [(minute, notice.kind) for notice in decision.notices]
    return mailed


def test_an_acknowledgement_stops_reminders_and_nothing_else() -> None:
    state = acknowledged(after(75))
    assert alert_of(state) == replace(alert_of(after(75)), acknowledged=ALICE)
    assert tick(state, now=NOON + 9 * HOUR) == Decision(state=state, outcome="unchanged")
    worse = on_breach(state, past(90, at=NOON + MINUTE), rule=RULE, now=NOON + MINUTE)
    assert (worse.outcome, facts_in(worse).acknowledged) == ("escalated", ALICE)
    other = on_breach(worse.state, past(-1, at=NOON + MINUTE), rule=RULE, now=NOON + MINUTE)
    assert other.outcome == "crossed"
    calm = tick(other.state, read(75, at=NOON + 20 * MINUTE))
    assert calm.outcome == "deescalated"
    ended = tick(calm.state, read(20, at=NOON + 21 * MINUTE))
    assert (ended.outcome, ended.state.ended[0].acknowledged_by) == ("resolved", "alice")
    assert tick(after(75), read(20, at=NOON + MINUTE)).state.ended[0].acknowledged_by is None


def test_reminders_begin_again_when_an_acknowledgement_lapses() -> None:
    state = acknowledged(after(75), replace(ALICE, until=NOON + 5 * HOUR))
    assert tick(state, now=NOON + 5 * HOUR - TICK).outcome == "unchanged"
    reminded = tick(state, now=NOON + 5 * HOUR)
    assert (reminded.outcome, facts_in(reminded).acknowledged) == ("reminder", replace(ALICE, until=NOON + 5 * HOUR))


def test_only_the_open_alert_of_that_id_is_acknowledged_and_once() -> None:
    for state, alert_id in ((STATE, ID), (after(75), "0123456789ab"), (after(75, rule=SLOW), ID)):
        assert by_hand.acknowledge(state, ALICE, alert_id=alert_id) == Decision(state=state, outcome="unchanged")
    state = acknowledged(after(75))
    assert by_hand.acknowledge(state, ALICE, alert_id=ID) == Decision(state=state, outcome="unchanged")
    assert alert_of(acknowledged(state, FOR_AN_HOUR)).acknowledged == FOR_AN_HOUR


def test_nobody_having_acknowledged_it_for_so_long_is_mailed_once() -> None:
    assert kinds(after(75), 29, 30, 31, 119, 120, 121, rule=ESCALATING) == [(30, "unattended"), (120, "reminder")]
    assert kinds(after(75), 30, 600) == [(600, "reminder")]
    decision = tick(after(75, 92), read(80, at=NOON + 8 * MINUTE), rule=ESCALATING, now=NOON + 30 * MINUTE)
    facts = facts_in(decision)
    assert (facts.unattended_since, facts.until, facts.level) == (NOON, NOON + 30 * MINUTE, "critical")
    assert decision.notices[0].severity == "critical"
    assert alert_of(decision.state).unattended_at == NOON + 30 * MINUTE


def test_what_is_acknowledged_is_attended_until_the_acknowledgement_lapses() -> None:
    assert kinds(acknowledged(after(75)), 30, 90, rule=ESCALATING) == []
    lapsed = acknowledged(after(75), FOR_AN_HOUR)
    assert kinds(lapsed, 59, 60, 89, 90, 91, rule=ESCALATING) == [(90, "unattended")]
    again = tick(after(75), now=NOON + 30 * MINUTE, rule=ESCALATING).state
    assert kinds(acknowledged(again, FOR_AN_HOUR), 89, 90, rule=ESCALATING) == [(90, "unattended")]


def test_an_alert_that_only_its_flood_stands_for_is_not_unattended_before_it_is_mailed() -> None:
    flooded = replace(after(75), alert=replace(alert_of(after(75)), flood="2026-11-22T12Z"))
    assert kinds(flooded, 30, 119, rule=ESCALATING) == []
    reminded = tick(flooded, now=NOON + 2 * HOUR, rule=ESCALATING).state
    announced = replace(reminded, alert=replace(alert_of(reminded), flood=None))
    assert kinds(announced, 149, 150, rule=ESCALATING) == [(150, "unattended")]


def test_an_unattended_alert_says_so_in_its_subject_and_names_the_command() -> None:
    decision = tick(after(92), now=NOON + 30 * MINUTE, rule=replace(ESCALATING, runbook="Call 555-1234."))
    mail = render(decision.notices[0], stage="dev", region="eu-west-1")
    assert mail.subject == (
        "[dev] [UNATTENDED] boiler-7 temperature critical, nobody has acknowledged it for 30 minutes"
    )
    assert mail.attributes["kind"] == "unattended"
    assert f"\n\nAcknowledge it:\n  sensorctl alerts ack {ID} --stage dev --region eu-west-1\n" in mail.body
    assert "\n\nRunbook:\n  Call 555-1234.\n" in mail.body


def test_a_link_in_a_runbook_stays_one_and_a_device_named_like_one_does_not() -> None:
    state = replace(STATE, device_id="https://evil.example")
    event = replace(past(92), device_id="https://evil.example")
    decision = on_breach(state, event, rule=replace(RULE, runbook="See https://wiki.example.org/a now"), now=NOON)
    body = render(decision.notices[0], stage="dev", region="eu-west-1").body
    assert "\n  See https://wiki.example.org/a now\n" in body
    assert "https://evil" not in body


def test_an_acknowledged_alert_says_by_whom() -> None:
    decision = tick(acknowledged(after(75), FOR_AN_HOUR), now=NOON + 2 * HOUR)
    assert decision.outcome == "reminder"
    body = " ".join(render(decision.notices[0], stage="dev", region="eu-west-1").body.split())
    assert "by alice, 2026-11-22 12:01:00 UTC, until 2026-11-22 13:00:00 UTC: valve ordered" in body


def test_closing_by_hand_ends_it_and_says_by_whom_and_why() -> None:
    decision = closed(acknowledged(after(75, 92)))
    facts = facts_in(decision)
    assert (decision.outcome, decision.state.status, facts.level) == ("resolved", "closed", None)
    assert (facts.reason, facts.until) == ("closed by alice: sensor replaced", NOON + 90 * MINUTE)
    (ended,) = decision.state.ended
    assert (ended.alert_id, ended.until, ended.acknowledged_by) == (ID, NOON + 90 * MINUTE, "alice")
    mail = render(decision.notices[0], stage="prod", region="eu-west-1")
    assert mail.subject == "[RESOLVED] boiler-7 temperature closed after 1 hour 30 minutes"
    assert "alerts ack" not in mail.body


def test_what_was_known_when_it_was_closed_never_opens_it_again_and_anything_later_does() -> None:
    state = closed(after(75, 92)).state
    assert on_breach(state, past(99, at=NOON + MINUTE), rule=RULE, now=NOON + HOUR).outcome == "late"
    later = on_breach(state, past(75, at=NOON + MINUTE + TICK), rule=RULE, now=NOON + HOUR)
    assert later.outcome == "opened"
    assert alert_of(later.state).alert_id != ID


def test_a_clock_that_is_ahead_or_behind_hides_nothing() -> None:
    for minute in (-600, 600):
        decision = closed(after(75), minute=minute)
        assert decision.state.settled_through == NOON + TICK
        assert facts_in(decision).until == max(NOON, NOON + minute * MINUTE)


def test_only_the_alert_of_that_id_is_closed_and_a_pending_one_without_a_word() -> None:
    for state, alert_id in ((STATE, ID), (after(75), "0123456789ab"), (closed(after(75)).state, ID)):
        assert closed(state, alert_id) == Decision(state=state, outcome="unchanged")
    pending = closed(after(75, rule=SLOW))
    assert (pending.outcome, pending.notices, pending.state.alert) == ("dropped", (), None)


def test_an_item_of_before_all_this_is_read_and_goes_on() -> None:
    """It has no time of its first e-mail: that of the breach which was noticed counts."""
    new = ("mailed_at", "unattended_at", "acknowledged", "clear_row")
    item = item_of(Record(key="boiler-7#temperature", version=3, state=after(75)), now=NOON)
    alert: dict[str, Attribute] = item["alert"]["M"]
    item["alert"] = {"M": {name: value for name, value in alert.items() if name not in new}}
    state = record_of(item).state
    assert isinstance(state, MetricState)
    assert alert_of(state).mailed_at is None
    assert kinds(state, 29, 30, 31, rule=ESCALATING) == [(30, "unattended")]
    assert kinds(acknowledged(state), 30, 600, rule=ESCALATING) == []


@pytest.mark.parametrize(("seconds", "holds"), [(0, True), (3599, True), (3600, False)])
def test_an_acknowledgement_holds_until_its_end(seconds: int, holds: bool) -> None:
    now = NOON + timedelta(seconds=seconds)
    assert alert_of(acknowledged(after(75), FOR_AN_HOUR)).is_acknowledged(now) is holds
    assert alert_of(acknowledged(after(75))).is_acknowledged(now)
    assert not alert_of(after(75)).is_acknowledged(now)


def test_a_tick_without_a_rule_has_no_escalation() -> None:
    state = on_breach(STATE, past(75), rule=None, now=NOON).state
    assert on_tick(state, latest=None, rule=None, now=NOON + HOUR).outcome == "resolved"
