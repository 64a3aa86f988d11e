"""What a tick makes of an alert, each step by itself; whole lives are in tests/properties."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.alert.domain.lifecycle import (
    CALM_AFTER,
    QUIET_AFTER,
    STALE_AFTER,
    on_breach,
    on_tick,
)
from lambdas.alert.domain.models import Decision, EndedAlert, MetricState
from lambdas.alert.domain.notices import AlertFacts, Notice, Observation
from lambdas.shared.events import Severity
from lambdas.shared.thresholds.rules import Crossing
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON
from tests.unit.alert.lifecycle_kit import RULE, SLOW, STATE, TICK, after, alert_of, facts_in, past


def read(value: float, *, at: datetime) -> Observation:
    return Observation(at=at, value=value)


def tick(state: MetricState, latest: Observation | None = None, **members: Any) -> Decision[MetricState]:
    now = latest.at if latest is not None else NOON + MINUTE
    return on_tick(state, **{"latest": latest, "rule": RULE, "now": now, **members})


# How it ends, or opens late.


def test_a_closed_alert_and_one_of_which_nothing_new_is_known_stay_as_they_are() -> None:
    assert tick(STATE, read(20, at=NOON)) == Decision(state=STATE, outcome="unchanged")
    state = after(92)
    assert tick(state) == Decision(state=state, outcome="unchanged")
    assert tick(state, read(20, at=NOON)) == Decision(state=state, outcome="unchanged")
    assert tick(state, read(68, at=NOON + MINUTE)) == Decision(state=state, outcome="unchanged")


def test_an_all_clear_ends_it_with_all_that_is_known() -> None:
    state = after(72, 92)
    latest = read(60, at=NOON + 10 * MINUTE)
    decision = tick(state, latest, now=NOON + HOUR)
    worst = past(92, at=NOON + MINUTE)
    facts = AlertFacts(
        device_id="boiler-7",
        metric="temperature",
        breach=worst,
        since=NOON,
        until=latest.at,
        unit="Cel",
        latest=latest,
        cleared=latest,
        limit=Crossing(severity="critical", bound="above", limit=85),
    )
    ended = EndedAlert(
        alert_id="f13e5d9ae3a5",
        severity="critical",
        since=NOON,
        until=latest.at,
        value=92,
        bound="above",
        limit=85,
        unit="Cel",
        trace_id=worst.trace_id,
    )
    assert decision == Decision(
        state=replace(STATE, settled_through=latest.at, ended=(ended,)),
        notices=(Notice(kind="resolved", alert_id="f13e5d9ae3a5", severity="critical", alert=facts),),
        outcome="resolved",
    )


@pytest.mark.parametrize(("first", "counts"), [(0, False), (1, True), (600, True), (601, False)])
def test_the_first_clear_reading_counts_from_after_the_breaches_to_the_newest_reading(first: int, counts: bool) -> None:
    latest, clear = read(60, at=NOON + 10 * MINUTE), read(61, at=NOON + timedelta(seconds=first))
    decision = tick(after(92), latest, first_clear=clear)
    expected = clear if counts else latest
    facts = facts_in(decision)
    assert (facts.cleared, facts.until, facts.latest) == (expected, expected.at, latest)
    assert (decision.state.settled_through, decision.state.ended[0].until) == (latest.at, expected.at)


def test_what_was_settled_before_stays_settled() -> None:
    state = replace(after(92), settled_through=NOON + HOUR)
    assert tick(state, read(60, at=NOON + MINUTE)).state.settled_through == NOON + HOUR


def test_the_last_five_that_ended_are_kept() -> None:
    state = STATE
    for hour in range(7):
        state = on_breach(state, past(92, at=NOON + hour * HOUR), rule=RULE, now=NOON + hour * HOUR).state
        state = tick(state, read(60, at=NOON + hour * HOUR + MINUTE)).state
    assert [ended.since for ended in state.ended] == [NOON + hour * HOUR for hour in range(2, 7)]
    assert len({ended.alert_id for ended in state.ended}) == 5


@pytest.mark.parametrize(("now", "end"), [(NOON + MINUTE, NOON + MINUTE), (NOON - MINUTE, NOON + TICK)])
def test_without_a_rule_it_ends_now_and_after_every_breach(now: datetime, end: datetime) -> None:
    latest = read(99, at=NOON + TICK)
    decision = tick(after(92), latest, rule=None, now=now)
    facts = facts_in(decision)
    assert (decision.outcome, decision.state.settled_through, facts.until) == ("resolved", end, end)
    assert (facts.reason, facts.latest, facts.cleared, facts.limit, facts.unit) == (
        "no threshold is set for it any more", latest, None, None, None,
    )  # fmt: skip


def test_what_is_pending_ends_without_a_word_where_it_is_back_within_bounds() -> None:
    state = after(72, rule=SLOW)
    decision = tick(state, read(68, at=NOON + MINUTE), rule=SLOW)
    assert decision == Decision(state=replace(STATE, settled_through=NOON + MINUTE), outcome="dropped")


def test_what_is_pending_opens_when_the_newest_reading_is_still_out_of_bounds_after_its_for() -> None:
    state = after(72, rule=SLOW)
    early = tick(state, read(73, at=NOON + 5 * MINUTE - TICK), rule=SLOW)
    assert early == Decision(state=state, outcome="unchanged")
    assert tick(state, rule=SLOW, now=NOON + HOUR) == Decision(state=state, outcome="unchanged")
    decision = tick(state, read(73, at=NOON + 5 * MINUTE), rule=SLOW)
    assert (decision.outcome, facts_in(decision).until) == ("opened", NOON + 5 * MINUTE)
    opened = alert_of(decision.state)
    assert opened == replace(
        alert_of(state), phase="open", remind_at=NOON + 5 * MINUTE + 2 * HOUR, mailed_at=NOON + 5 * MINUTE
    )


@pytest.mark.parametrize("latest", [None, read(73, at=NOON + TICK)])
def test_what_is_pending_is_dropped_a_day_after_the_last_reading(latest: Observation | None) -> None:
    state = after(72, rule=SLOW)
    last = latest.at if latest is not None else NOON
    kept = tick(state, latest, rule=SLOW, now=last + STALE_AFTER)
    assert kept == Decision(state=state, outcome="unchanged")
    dropped = tick(state, latest, rule=SLOW, now=last + STALE_AFTER + TICK)
    assert dropped == Decision(state=replace(STATE, settled_through=last + TICK), outcome="dropped")


# Stepping down.


@pytest.mark.parametrize(("values", "above", "below"), [((92,), "warning", None), ((-1, 92), "warning", "warning")])
def test_an_alert_steps_down_when_nothing_critical_was_read_for_ten_minutes(
    values: tuple[float, ...], above: Severity, below: Severity | None
) -> None:
    state = after(*values)
    alert = alert_of(state)
    at = alert.last_at + CALM_AFTER
    assert tick(state, read(75, at=at - TICK)).outcome == "unchanged"
    assert tick(state, read(86, at=at)).outcome == "unchanged"
    latest = read(75, at=at)
    decision = tick(state, latest)
    lowered = replace(
        alert, severity="warning", above=above, below=below, critical_at=None, lowered_through=at,
        remind_at=at + 2 * HOUR,
    )  # fmt: skip
    assert (decision.outcome, decision.state) == ("deescalated", replace(state, alert=lowered))
    (notice,) = decision.notices
    assert (notice.kind, notice.severity) == ("deescalated", "critical")
    assert facts_in(decision) == AlertFacts(
        device_id="boiler-7",
        metric="temperature",
        breach=alert.worst,
        since=NOON,
        until=at,
        level="warning",
        unit="Cel",
        latest=latest,
        limit=Crossing(severity="warning", bound="above", limit=70),
        opposite=below,
    )


def test_without_a_newer_reading_only_the_breaches_tell_whether_it_is_calm() -> None:
    state = after(92)
    assert tick(state, now=NOON + HOUR).outcome == "unchanged"
    joined = on_breach(state, past(72, at=NOON + CALM_AFTER), rule=RULE, now=NOON + CALM_AFTER).state
    decision = tick(joined, now=NOON + HOUR)
    assert (decision.outcome, facts_in(decision).latest, facts_in(decision).quiet_since) == (
        "deescalated", None, NOON + CALM_AFTER,
    )  # fmt: skip


def test_a_critical_breach_of_before_it_stepped_down_does_not_raise_it_again_and_one_after_does() -> None:
    at = NOON + CALM_AFTER
    state = tick(after(92), read(75, at=at)).state
    late = on_breach(state, past(95, at=at), rule=RULE, now=at)
    assert (late.outcome, alert_of(late.state).severity, alert_of(late.state).above) == ("joined", "warning", "warning")
    assert (alert_of(late.state).critical_at, alert_of(late.state).worst.value) == (None, 95)
    assert on_breach(state, past(86, at=at + TICK), rule=RULE, now=at + TICK).outcome == "escalated"


# Reminders.


def test_a_reminder_is_due_when_its_pause_is_over_and_begins_the_next() -> None:
    state = after(72)
    due = NOON + 2 * HOUR
    assert tick(state, now=due - TICK).outcome == "unchanged"
    latest = read(74, at=due - MINUTE)
    decision = tick(state, latest, now=due)
    assert (decision.outcome, decision.notices[0].kind) == ("reminder", "reminder")
    assert decision.state == replace(state, alert=replace(alert_of(state), remind_at=due + 2 * HOUR))
    facts = facts_in(decision)
    assert (facts.until, facts.level, facts.latest, facts.quiet_since) == (due, "warning", latest, None)
    assert facts.limit == Crossing(severity="warning", bound="above", limit=70)


def test_a_reminder_names_the_limit_of_the_side_that_the_value_is_on_now() -> None:
    facts = facts_in(tick(after(92, -1), read(-2, at=NOON + 3 * HOUR)))
    assert facts.limit == Crossing(severity="critical", bound="below", limit=0)


@pytest.mark.parametrize(("seconds", "quiet"), [(0, False), (1, True)])
@pytest.mark.parametrize("reported", [False, True])
def test_a_reminder_says_when_nothing_was_read_for_more_than_ten_minutes(
    seconds: int, quiet: bool, reported: bool
) -> None:
    state = after(72)
    last = NOON + HOUR if reported else NOON
    now = last + QUIET_AFTER + timedelta(seconds=seconds)
    state = replace(state, alert=replace(alert_of(state), remind_at=now))
    facts = facts_in(tick(state, read(74, at=last) if reported else None, now=now))
    assert facts.quiet_since == (last if quiet else None)
