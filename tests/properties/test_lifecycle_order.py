"""Order and duplication: what is exactly true of them.

Theorem. Take any state, any breaches that are younger than a day, and no sweep between them. In whatever order they
arrive, however often each, and whatever their clocks say, the state after them is the same; so is whether an alert
opened. At most one e-mail says "opened" and at most one "escalated"; the last of them names the severity that holds.
Each side of the range that was crossed is named, at its worst. If all breaches are of one side and equally severe, the
e-mails are the same too: what order can change is whether a warning that has become critical meanwhile is mailed as a
warning first, and which of two sides is called the other one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.alert.domain.lifecycle import CALM_AFTER, STALE_AFTER, on_breach, on_tick
from lambdas.alert.domain.models import MetricState
from lambdas.alert.domain.notices import Observation
from lambdas.shared.events import ContractError, ObjectRef, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Bounds, Rule
from lambdas.shared.times import timestamp
from tests.properties.examples import examples

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEW = MetricState(device_id="boiler-7", metric="temperature")


def a_rule(hold: int = 0) -> Rule:
    return Rule(
        warning=Bounds(above=70, below=10),
        critical=Bounds(above=85, below=0),
        clear=Bounds(below=65),
        hold=timedelta(seconds=hold),
        source="metrics.temperature",
    )


def a_breach(
    number: int, *, minutes_ago: float = 0, lasted: float = 0, value: float = 75, ahead: float = 0
) -> ThresholdBreached:
    """Uploaded `minutes_ago`, by a device whose clock is `ahead` minutes ahead (behind, if it is negative)."""
    uploaded = NOW - timedelta(minutes=minutes_ago)
    last = uploaded + timedelta(minutes=ahead)
    crossing = a_rule().crossing(value)
    assert crossing is not None
    return ThresholdBreached(
        breach_id=f"{number:032}",
        device_id="boiler-7",
        metric="temperature",
        unit="Cel",
        severity=crossing.severity,
        bound=crossing.bound,
        limit=crossing.limit,
        value=value,
        count=1,
        first_at=timestamp(last - timedelta(minutes=lasted)),
        last_at=timestamp(last),
        object=ObjectRef(bucket="b", key=f"{number}", version_id="1"),
        trace_id=None,
        uploaded_at=timestamp(uploaded),
    )


def after(state: MetricState, breaches: list[ThresholdBreached], *, hold: int = 0) -> tuple[MetricState, list[str]]:
    kinds = []
    for breach in breaches:
        decision = on_breach(state, breach, rule=a_rule(hold), now=NOW)
        state = decision.state
        kinds += [f"{notice.kind} {notice.alert and notice.alert.level}" for notice in decision.notices]
    return state, kinds


@st.composite
def states(draw: st.DrawFn) -> MetricState:
    """A state with some past: new, clear, pending, open, or lowered."""
    state = NEW
    if draw(st.booleans()):
        state = replace(state, settled_through=NOW - timedelta(minutes=draw(st.integers(0, 300))))
    if draw(st.booleans()):
        first = a_breach(990, minutes_ago=draw(st.integers(0, 300)), value=draw(st.sampled_from([75, 90])))
        state, _ = after(state, [first], hold=draw(st.sampled_from([0, 600])))
    if draw(st.booleans()) and state.alert is not None:
        later = state.alert.last_at + CALM_AFTER + timedelta(minutes=1)
        state = on_tick(state, latest=Observation(at=later, value=75), rule=a_rule(), now=NOW).state
    return state


breaches = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 60),
        st.sampled_from([71, 75, 75, 86, 95, 8, -6]),
        st.sampled_from([0, 0, 0, -30, 4.8, 960, 1_440]),
    ),
    min_size=1,
    max_size=5,
).map(
    lambda some: [
        a_breach(number, minutes_ago=ago, lasted=lasted, value=value, ahead=ahead)
        for number, (ago, lasted, value, ahead) in enumerate(some)
    ]
)


@settings(max_examples=examples(75), deadline=None)
@given(state=states(), some=breaches, hold=st.sampled_from([0, 600]), data=st.data())
def test_order_and_duplicates_change_neither_the_state_nor_what_people_know_in_the_end(
    state: MetricState, some: list[ThresholdBreached], hold: int, data: st.DataObject
) -> None:
    extra = data.draw(st.lists(st.sampled_from(some), max_size=5))
    shuffled = data.draw(st.permutations(some + extra))
    in_order, mails_in_order = after(state, some, hold=hold)
    otherwise, mails_otherwise = after(state, shuffled, hold=hold)
    assert otherwise == in_order
    for mails in (mails_in_order, mails_otherwise):
        kinds = [line.split()[0] for line in mails]
        assert kinds.count("opened") <= 1
        assert kinds.count("escalated") <= 1
        assert "opened" not in kinds[1:]
        assert len(kinds) <= 4, "more e-mails than two sides can rise"
    assert mails_in_order[-1:] == [] or in_order.alert is not None
    assert [line.split()[1] for line in mails_in_order[-1:]] == [line.split()[1] for line in mails_otherwise[-1:]]
    assert ("opened" in " ".join(mails_in_order)) == ("opened" in " ".join(mails_otherwise))


@settings(max_examples=examples(37), deadline=None)
@given(state=states(), some=breaches, data=st.data())
def test_equally_severe_breaches_of_one_side_make_the_same_mails_in_any_order(
    state: MetricState, some: list[ThresholdBreached], data: st.DataObject
) -> None:
    alike = [replace(breach, severity="critical", bound="above") for breach in some]
    _, mails = after(state, alike)
    _, mails_otherwise = after(state, data.draw(st.permutations(alike + alike)))
    assert mails_otherwise == mails


def test_a_critical_breach_that_overtakes_a_warning_opens_as_critical_and_the_warning_adds_nothing() -> None:
    warning, critical = a_breach(1, minutes_ago=5, value=75), a_breach(2, minutes_ago=4, value=95)
    in_order, mails = after(NEW, [warning, critical])
    overtaken, mails_overtaken = after(NEW, [critical, warning])
    assert in_order == overtaken
    assert mails == ["opened warning", "escalated critical"]
    assert mails_overtaken == ["opened critical"]


@settings(max_examples=examples(50), deadline=None)
@given(some=breaches, data=st.data())
def test_every_side_that_was_crossed_is_mailed_at_its_worst_in_any_order(
    some: list[ThresholdBreached], data: st.DataObject
) -> None:
    state, named = NEW, set()
    for breach in data.draw(st.permutations(some + some)):
        decision = on_breach(state, breach, rule=a_rule(), now=NOW)
        state = decision.state
        for notice in decision.notices:
            assert notice.alert is not None
            named.add((notice.alert.breach.bound, notice.alert.breach.severity))
    worst = {
        (bound, max((b.severity for b in some if b.bound == bound), key=["warning", "critical"].index))
        for bound in {b.bound for b in some}
    }
    assert worst <= named


@settings(max_examples=examples(30), deadline=None)
@given(some=breaches, sweeps=st.lists(st.integers(0, 4), max_size=5))
def test_nothing_is_clear_beyond_its_upload_whatever_its_stamp_says(
    some: list[ThresholdBreached], sweeps: list[int]
) -> None:
    """The rule is taken away and given back at any moment: what comes later is mailed."""
    state = NEW
    for number, breach in enumerate(sorted(some, key=lambda breach: breach.uploaded_at or "")):
        uploaded = datetime.fromisoformat(breach.uploaded_at or "")
        state = on_breach(state, breach, rule=a_rule(), now=uploaded).state
        if number in sweeps:
            state = on_tick(state, latest=None, rule=None, now=uploaded).state
        assert state.settled_through is None or state.settled_through <= uploaded + timedelta(microseconds=1)
    fresh = a_breach(99, minutes_ago=-1, value=99)
    assert on_breach(state, fresh, rule=a_rule(), now=NOW + timedelta(minutes=1)).outcome != "late"


def test_a_breach_that_comes_again_changes_nothing_and_is_called_so() -> None:
    first = a_breach(1, minutes_ago=5)
    state, _ = after(NEW, [first, a_breach(2, minutes_ago=1)])
    again = on_breach(state, first, rule=a_rule(), now=NOW)
    assert (again.state, again.notices, again.outcome) == (state, (), "unchanged")


def test_a_late_breach_never_reopens_what_a_newer_reading_cleared() -> None:
    state, _ = after(NEW, [a_breach(1, minutes_ago=10)])
    clear = Observation(at=NOW - timedelta(minutes=2), value=50)
    closed = on_tick(state, latest=clear, rule=a_rule(), now=NOW)
    assert closed.outcome == "resolved"
    for ago in (9, 5, 2.001):
        again = on_breach(closed.state, a_breach(2, minutes_ago=ago, value=95), rule=a_rule(), now=NOW)
        assert (again.state, again.notices, again.outcome) == (closed.state, (), "late")


def test_a_breach_at_the_very_instant_of_the_clear_reading_is_not_lost() -> None:
    """Devices do send two readings with one timestamp; the clear one must not swallow the other."""
    state, _ = after(NEW, [a_breach(1, minutes_ago=10)])
    clear = Observation(at=NOW - timedelta(minutes=2), value=50)
    closed = on_tick(state, latest=clear, rule=a_rule(), now=NOW).state
    assert on_breach(closed, a_breach(2, minutes_ago=2), rule=a_rule(), now=NOW).outcome == "opened"


def test_a_breach_across_the_all_clear_begins_behind_it() -> None:
    cleared = NOW - timedelta(minutes=30)
    state, _ = after(replace(NEW, settled_through=cleared), [a_breach(1, minutes_ago=5, lasted=60)])
    assert state.alert is not None
    assert state.alert.since == cleared


def test_an_observation_older_than_a_breach_closes_nothing() -> None:
    state, _ = after(NEW, [a_breach(1, minutes_ago=5)])
    for ago in (5, 6, 100):
        old = Observation(at=NOW - timedelta(minutes=ago), value=50)
        assert on_tick(state, latest=old, rule=a_rule(), now=NOW).state == state


@pytest.mark.parametrize("value", [65, 66, 70, 71, 86])
def test_hysteresis_a_value_that_is_not_past_clear_keeps_the_alert_open(value: float) -> None:
    state, _ = after(NEW, [a_breach(1, minutes_ago=5)])
    sweep = on_tick(state, latest=Observation(at=NOW, value=value), rule=a_rule(), now=NOW)
    assert sweep.state.alert == state.alert


def test_a_value_that_hovers_at_the_limit_mails_once() -> None:
    state, mails = NEW, []
    for step in range(100):
        ago = 100 - step
        if step % 2:
            seen = Observation(at=NOW - timedelta(minutes=ago), value=69)
            decision = on_tick(state, latest=seen, rule=a_rule(), now=NOW)
        else:
            decision = on_breach(state, a_breach(step, minutes_ago=ago, value=71), rule=a_rule(), now=NOW)
        state = decision.state
        mails += [notice.kind for notice in decision.notices]
    assert mails == ["opened"]


def test_a_value_that_hovers_at_the_critical_limit_escalates_once_and_steps_down_when_it_has_calmed() -> None:
    state, mails = NEW, []
    for step in range(60):
        value = 86 if step % 2 and step < 40 else 84
        decision = on_breach(state, a_breach(step, minutes_ago=60 - step, value=value), rule=a_rule(), now=NOW)
        mails += [notice.kind for notice in decision.notices]
        sweep = on_tick(decision.state, latest=None, rule=a_rule(), now=NOW)
        mails += [notice.kind for notice in sweep.notices]
        state = sweep.state
    assert mails == ["opened", "escalated", "deescalated"]


@pytest.mark.parametrize(("short_of", "outcome"), [(0, "deescalated"), (1, "unchanged")])
def test_it_steps_down_ten_minutes_after_the_last_critical_reading_and_not_sooner(short_of: int, outcome: str) -> None:
    state, _ = after(NEW, [a_breach(1, minutes_ago=30, value=95)])
    newest = NOW - timedelta(minutes=30) + CALM_AFTER - timedelta(microseconds=short_of)
    assert on_tick(state, latest=Observation(at=newest, value=75), rule=a_rule(), now=NOW).outcome == outcome
    assert on_tick(state, latest=Observation(at=newest, value=95), rule=a_rule(), now=NOW).outcome == "unchanged"


def test_a_critical_breach_from_before_the_step_down_does_not_escalate_again() -> None:
    state, _ = after(NEW, [a_breach(1, minutes_ago=30, value=95), a_breach(2, minutes_ago=5, value=75)])
    lowered = on_tick(state, latest=None, rule=a_rule(), now=NOW).state
    late = on_breach(lowered, a_breach(3, minutes_ago=10, value=99), rule=a_rule(), now=NOW)
    assert (late.notices, late.state.alert and late.state.alert.severity) == ((), "warning")
    fresh = on_breach(lowered, a_breach(4, minutes_ago=1, value=99), rule=a_rule(), now=NOW)
    assert fresh.outcome == "escalated"


def test_for_opens_only_when_the_breach_has_lasted() -> None:
    state, mails = after(NEW, [a_breach(1, minutes_ago=20), a_breach(2, minutes_ago=11)], hold=600)
    assert (mails, state.status) == ([], "pending")
    state, mails = after(state, [a_breach(3, minutes_ago=10)], hold=600)
    assert (mails, state.status) == (["opened warning"], "open")


def test_for_opens_at_a_sweep_when_the_newest_reading_still_breaches() -> None:
    state, _ = after(NEW, [a_breach(1, minutes_ago=20)], hold=600)
    too_soon = on_tick(state, latest=Observation(at=NOW - timedelta(minutes=11), value=75), rule=a_rule(600), now=NOW)
    assert too_soon.state == state
    sweep = on_tick(state, latest=Observation(at=NOW - timedelta(minutes=10), value=75), rule=a_rule(600), now=NOW)
    assert (sweep.outcome, sweep.state.status) == ("opened", "open")


def test_a_pending_breach_that_passes_ends_without_a_word() -> None:
    state, _ = after(NEW, [a_breach(1, minutes_ago=20)], hold=600)
    sweep = on_tick(state, latest=Observation(at=NOW - timedelta(minutes=5), value=69), rule=a_rule(600), now=NOW)
    assert (sweep.outcome, sweep.notices, sweep.state.status) == ("dropped", (), "closed")


def test_a_pending_breach_that_nothing_follows_is_forgotten_after_a_day() -> None:
    state, _ = after(NEW, [a_breach(1)], hold=600)
    assert on_tick(state, latest=None, rule=a_rule(600), now=NOW + STALE_AFTER).state == state
    gone = on_tick(state, latest=None, rule=a_rule(600), now=NOW + STALE_AFTER + timedelta(seconds=1))
    assert (gone.outcome, gone.notices) == ("dropped", ())


def test_a_breach_older_than_a_day_is_recorded_and_not_mailed() -> None:
    day = STALE_AFTER.total_seconds() / 60
    young = on_breach(NEW, a_breach(1, minutes_ago=day), rule=a_rule(), now=NOW)
    assert young.outcome == "opened"
    old = [a_breach(2, minutes_ago=day + 1, lasted=5, value=95), a_breach(3, minutes_ago=day + 500)]
    state, mails = after(NEW, old)
    assert mails == []
    assert state.alert is None
    assert state.recorded is not None
    assert state.recorded.first_at == NOW - timedelta(minutes=day + 500)
    assert state.recorded.last_at == NOW - timedelta(minutes=day + 1)
    assert state.recorded.severity == "critical"
    assert after(state, old)[0] == state


def test_an_open_alert_reminds_every_so_often_and_not_sooner() -> None:
    state, _ = after(NEW, [a_breach(1)])
    mails = []
    for minutes in range(0, 24 * 60, 30):
        sweep = on_tick(state, latest=None, rule=a_rule(), now=NOW + timedelta(minutes=minutes))
        state = sweep.state
        mails += [(minutes, notice.kind) for notice in sweep.notices]
    assert mails == [(hours * 60, "reminder") for hours in (4, 8, 12, 16, 20)]


def test_a_breach_without_a_rule_opens_and_the_sweep_says_why_it_ends() -> None:
    opened = on_breach(NEW, a_breach(1), rule=None, now=NOW)
    assert opened.outcome == "opened"
    ended = on_tick(opened.state, latest=None, rule=None, now=NOW)
    assert ended.outcome == "resolved"
    assert ended.notices[0].alert is not None
    assert ended.notices[0].alert.reason == "no threshold is set for it any more"
    assert on_breach(ended.state, a_breach(1), rule=a_rule(), now=NOW).outcome == "late"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("last_at", "yesterday"),
        ("first_at", ""),
        ("first_at", "0001-01-01T00:00:00+05:00"),
        ("uploaded_at", "today"),
        ("last_at", "2026-11-22T12:00:00"),
        ("first_at", "2027-01-01T00:00:00Z"),
    ],
)
def test_a_breach_with_a_bad_time_is_refused_by_name(member: str, value: str) -> None:
    changed: dict[str, Any] = {member: value}
    with pytest.raises(ContractError, match=member):
        on_breach(NEW, replace(a_breach(1), **changed), rule=a_rule(), now=NOW)
