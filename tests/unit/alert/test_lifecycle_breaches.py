"""What a breach makes of an alert, each step by itself; whole lives are in tests/properties."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.alert.domain.event_times import instant
from lambdas.alert.domain.joining import severity_key
from lambdas.alert.domain.lifecycle import (
    REMIND_EVERY,
    STALE_AFTER,
    on_breach,
)
from lambdas.alert.domain.models import Alert, Decision, StaleBreaches
from lambdas.alert.domain.notices import AlertFacts, Notice
from lambdas.shared.events import ContractError, Severity
from lambdas.shared.times import timestamp
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON, breach
from tests.unit.alert.lifecycle_kit import RULE, SLOW, STATE, TICK, after, alert_of, facts_in, past

DAYS = timedelta(days=1)
LAST = NOON - 2 * DAYS


# How it opens.


def test_an_alert_opens_with_all_that_its_breach_says() -> None:
    event = past(92, first=NOON - MINUTE)
    now = NOON + timedelta(seconds=3)
    decision = on_breach(STATE, event, rule=RULE, now=now)
    alert = Alert(
        alert_id="f13e5d9ae3a5",
        phase="open",
        severity="critical",
        noticed_at=now,
        since=NOON - MINUTE,
        last_at=NOON,
        critical_at=NOON,
        worst=event,
        above="critical",
        remind_at=now + 2 * HOUR,
        mailed_at=now,
    )
    facts = AlertFacts(
        device_id="boiler-7",
        metric="temperature",
        breach=event,
        since=NOON - MINUTE,
        until=NOON,
        level="critical",
        unit="Cel",
    )
    notice = Notice(kind="opened", alert_id=alert.alert_id, severity="critical", alert=facts)
    assert decision == Decision(state=replace(STATE, alert=alert), notices=(notice,), outcome="opened")


def test_a_warning_below_its_limit_is_no_critical_one_above() -> None:
    alert = alert_of(after(3))
    assert (alert.severity, alert.above, alert.below, alert.critical_at) == ("warning", None, "warning", None)


def test_the_id_comes_from_the_device_the_metric_and_what_is_settled_and_from_nothing_else() -> None:
    """Versions before and after a deployment must give one alert one id: it is in e-mails that were sent."""
    settled = replace(STATE, settled_through=NOON)
    assert alert_of(after(92)).alert_id == alert_of(after(3)).alert_id == "f13e5d9ae3a5"
    assert alert_of(after(92, state=settled)).alert_id == "407c85fac26f"
    others = [replace(settled, device_id="b"), replace(settled, metric="m"), replace(settled, settled_through=LAST)]
    assert len({alert_of(after(92, state=state)).alert_id for state in (STATE, settled, *others)}) == 5


def test_without_a_rule_it_opens_at_once_and_reminds_every_four_hours() -> None:
    decision = on_breach(STATE, past(92), rule=None, now=NOON)
    assert (decision.outcome, facts_in(decision).unit) == ("opened", None)
    assert alert_of(decision.state).remind_at == NOON + REMIND_EVERY == NOON + 4 * HOUR


def test_a_breach_must_last_for_the_whole_of_its_for() -> None:
    almost = on_breach(STATE, past(72, first=NOON - 5 * MINUTE + TICK), rule=SLOW, now=NOON)
    assert (almost.outcome, almost.notices, alert_of(almost.state).phase) == ("pending", (), "pending")
    assert alert_of(almost.state).remind_at is None
    whole = on_breach(STATE, past(72, first=NOON - 5 * MINUTE), rule=SLOW, now=NOON + HOUR)
    assert (whole.outcome, facts_in(whole).until) == ("opened", NOON)


# Time.


@pytest.mark.parametrize(
    "text", ["2026-11-22T12:00:00", "noon", "2026-11-22", "", "0001-01-01T00:00:00+01:00", "2026-13-01T00:00:00Z"]
)
def test_a_time_without_an_offset_or_that_is_none_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(ContractError) as refused:
        instant(text, name="last_at")
    assert str(refused.value) == f"event detail: last_at is {text!r}, not an RFC 3339 time with an offset"


def test_what_is_said_of_a_bad_time_is_short() -> None:
    with pytest.raises(ContractError) as refused:
        instant("x" * 200, name="t")
    assert str(refused.value) == f"event detail: t is '{'x' * 79}, not an RFC 3339 time with an offset"


def test_times_are_read_as_utc() -> None:
    assert instant("2026-11-22T13:30:00+01:30", name="t").isoformat() == "2026-11-22T12:00:00+00:00"


@pytest.mark.parametrize("member", ["first_at", "last_at", "uploaded_at"])
def test_the_member_that_is_no_time_is_named(member: str) -> None:
    bad: dict[str, Any] = {member: "noon"}
    with pytest.raises(ContractError, match=f"event detail: {member} is 'noon'"):
        on_breach(STATE, replace(past(92), **bad), rule=RULE, now=NOON)


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    event = past(92, first=NOON + TICK)
    with pytest.raises(ContractError) as refused:
        on_breach(STATE, event, rule=RULE, now=NOON)
    assert str(refused.value) == f"event detail: first_at ({event.first_at}) is after last_at ({event.last_at})"


def test_neither_end_of_a_span_is_later_than_the_upload_or_without_one_than_now() -> None:
    event = replace(past(92, at=NOON + HOUR, first=NOON + MINUTE), uploaded_at=timestamp(NOON))
    alert = alert_of(on_breach(STATE, event, rule=RULE, now=NOON + 2 * HOUR).state)
    assert (alert.since, alert.last_at) == (NOON, NOON)
    alert = alert_of(on_breach(STATE, replace(event, uploaded_at=None), rule=RULE, now=NOON + 2 * MINUTE).state)
    assert (alert.since, alert.last_at) == (NOON + MINUTE, NOON + 2 * MINUTE)


def test_a_breach_before_what_is_settled_is_late_and_one_at_it_is_cut_there() -> None:
    settled = replace(STATE, settled_through=NOON)
    late = on_breach(settled, past(92, at=NOON - TICK), rule=RULE, now=NOON)
    assert late == Decision(state=settled, outcome="late")
    at = on_breach(settled, past(92, first=NOON - HOUR), rule=RULE, now=NOON)
    assert (at.outcome, alert_of(at.state).since) == ("opened", NOON)
    later = on_breach(settled, past(92, at=NOON + HOUR, first=NOON + MINUTE), rule=RULE, now=NOON + HOUR)
    assert alert_of(later.state).since == NOON + MINUTE


# A breach of long ago.


def test_a_breach_of_more_than_a_day_ago_is_recorded_and_not_mailed() -> None:
    assert on_breach(STATE, breach(at=NOON - STALE_AFTER), rule=None, now=NOON).outcome == "opened"
    decision = on_breach(STATE, breach(72, at=LAST, first=LAST - DAYS), rule=None, now=NOON)
    assert (decision.outcome, decision.notices, decision.state.alert) == ("stale", (), None)
    assert decision.state.recorded == StaleBreaches(first_at=LAST - DAYS, last_at=LAST, severity="warning")


@pytest.mark.parametrize(
    ("before", "value", "first", "last", "expected"),
    [
        (72, 72, LAST - 2 * DAYS, LAST - DAYS, (LAST - 2 * DAYS, LAST, "warning")),
        (72, 99, LAST, LAST + DAYS / 2, (LAST - DAYS, LAST + DAYS / 2, "critical")),
        (99, 72, LAST - DAYS, LAST, (LAST - DAYS, LAST, "critical")),
    ],
)
def test_more_of_them_widen_the_span_and_keep_the_worse_severity(
    before: float, value: float, first: datetime, last: datetime, expected: tuple[datetime, datetime, Severity]
) -> None:
    state = on_breach(STATE, breach(before, at=LAST, first=LAST - DAYS), rule=None, now=NOON).state
    recorded = on_breach(state, breach(value, at=last, first=first), rule=None, now=NOON).state.recorded
    assert recorded == StaleBreaches(first_at=expected[0], last_at=expected[1], severity=expected[2])


# More breaches.


def test_the_same_breach_again_changes_nothing() -> None:
    state = after(92)
    assert on_breach(state, past(92), rule=RULE, now=NOON + HOUR) == Decision(state=state, outcome="unchanged")


def test_another_breach_widens_the_alert_and_leaves_the_rest_as_it_is() -> None:
    state = after(92)
    earlier = on_breach(state, past(86, at=NOON - MINUTE, first=NOON - HOUR), rule=RULE, now=NOON + MINUTE)
    assert earlier == Decision(
        state=replace(state, alert=replace(alert_of(state), since=NOON - HOUR)), outcome="joined"
    )
    worse = past(99, at=NOON + MINUTE)
    joined = on_breach(state, worse, rule=RULE, now=NOON + MINUTE)
    widened = replace(alert_of(state), last_at=NOON + MINUTE, critical_at=NOON + MINUTE, worst=worse)
    assert joined == Decision(state=replace(state, alert=widened), outcome="joined")


def test_a_warning_after_a_critical_breach_is_newer_but_no_newer_critical_one() -> None:
    alert = alert_of(after(92, 72))
    assert (alert.severity, alert.last_at, alert.critical_at) == ("critical", NOON + MINUTE, NOON)
    assert (alert.above, alert.below, alert.worst.value) == ("critical", None, 92)
    below = alert_of(after(-1, 3))
    assert (below.severity, below.above, below.below) == ("critical", None, "critical")


def test_a_rise_is_mailed_with_the_breach_that_caused_it() -> None:
    event = past(92, at=NOON + MINUTE)
    decision = on_breach(after(72), event, rule=RULE, now=NOON + HOUR)
    facts = facts_in(decision)
    assert (decision.outcome, decision.notices[0].kind, decision.notices[0].severity) == (
        "escalated", "escalated", "critical",
    )  # fmt: skip
    assert (facts.breach, facts.until, facts.level, facts.unit) == (event, NOON + MINUTE, "critical", "Cel")
    assert alert_of(decision.state).remind_at == NOON + 3 * HOUR


def test_another_side_is_mailed_with_its_breach_though_it_is_not_the_worst() -> None:
    event = past(4, at=NOON + MINUTE)
    decision = on_breach(after(92), event, rule=RULE, now=NOON + MINUTE)
    assert (decision.outcome, facts_in(decision).breach, facts_in(decision).opposite) == ("crossed", event, "critical")
    alert = alert_of(decision.state)
    assert (alert.severity, alert.above, alert.below, alert.worst.value) == ("critical", "critical", "warning", 92)


@pytest.mark.parametrize("above", [True, False])
def test_an_alert_of_an_older_version_is_on_the_side_of_its_worst_breach(above: bool) -> None:
    state = after(72 if above else 3)
    old = replace(state, alert=replace(alert_of(state), above=None, below=None))
    same = past(71 if above else 4, at=NOON + MINUTE)
    decision = on_breach(old, same, rule=RULE, now=NOON + MINUTE)
    assert (decision.outcome, alert_of(decision.state).above, alert_of(decision.state).below) == (
        "joined", "warning" if above else None, None if above else "warning",
    )  # fmt: skip


def test_breaches_are_ordered_by_severity_then_distance_then_time_then_id() -> None:
    near, far = past(4.5), past(72)
    late = past(72, at=NOON + MINUTE)
    ordered = [near, far, late, replace(late, breach_id="z"), past(-1), past(86.5)]
    for one, next_one in itertools.pairwise(ordered):
        assert severity_key(one) < severity_key(next_one)
    assert severity_key(near) == (1, 0.5, timestamp(NOON), near.breach_id)


def test_every_order_of_the_same_breaches_makes_the_same_alert() -> None:
    events = [past(72), past(92, at=NOON + MINUTE), past(-3, at=NOON + 2 * MINUTE, first=NOON - MINUTE)]
    found = set()
    for order in itertools.permutations(events):
        state = STATE
        for event in order:
            state = on_breach(state, event, rule=RULE, now=NOON + HOUR).state
        found.add(repr(state))
    assert len(found) == 1
