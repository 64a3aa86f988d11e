"""`clear_for`: an alert ends when its readings have been clear for so long, without one between that was not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.alert.domain import all_clear
from lambdas.alert.domain.all_clear import ClearLook
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import ClearRow, Decision, MetricState
from lambdas.alert.domain.notices import Observation
from lambdas.alert.mail.message import render
from lambdas.shared.thresholds.rules import Bounds
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON
from tests.unit.alert.lifecycle_kit import RULE, STATE, after, alert_of, facts_in, past

CALM = replace(RULE, clear_for=15 * MINUTE)


def read(value: float, *, minute: float) -> Observation:
    at = NOON + timedelta(minutes=minute)
    return Observation(at=at, value=value, stamped_at=at)


def look(state: MetricState, *readings: Observation, whole: bool = True) -> ClearLook:
    through = max((reading.at for reading in readings), default=NOON)
    return all_clear.look(alert_of(state), readings, through=through, rule=CALM, whole=whole)


def tick(state: MetricState, *readings: Observation, whole: bool = True, **members: Any) -> Decision[MetricState]:
    found = look(state, *readings, whole=whole)
    latest = readings[-1]
    return on_tick(state, **{"latest": latest, "clear_look": found, "rule": CALM, "now": latest.at, **members})


def test_it_ends_when_it_was_clear_for_so_long_and_names_the_first_clear_reading() -> None:
    first = read(60, minute=2)
    assert tick(after(75), first, read(60, minute=16), read(60, minute=16.9)).outcome == "clearing"
    decision = tick(after(75), first, read(60, minute=9), read(61, minute=17))
    facts = facts_in(decision)
    assert (decision.outcome, facts.cleared, facts.until) == ("resolved", first, first.at)
    assert decision.state.settled_through == NOON + 17 * MINUTE


@pytest.mark.parametrize("between", [66, 70, 75, 5, 10])
def test_a_reading_between_clear_and_the_limit_begins_it_anew(between: float) -> None:
    state = after(75)
    broken = tick(state, read(60, minute=1), read(between, minute=10), read(60, minute=17))
    assert (broken.outcome, broken.notices) == ("clearing", ())
    ended = tick(broken.state, read(60, minute=32))
    assert facts_in(ended).cleared == read(60, minute=17)


def test_of_two_readings_at_one_instant_the_one_that_is_not_clear_counts() -> None:
    for pair in ((66, 60), (60, 66)):
        row = look(after(75), read(60, minute=1), *(read(value, minute=5) for value in pair)).row
        assert row.first is None
        assert look(after(75), *(read(value, minute=5) for value in pair)).row.first is None
    assert look(after(75), read(60, minute=5), read(66, minute=4)).row.first == read(60, minute=5)


def test_a_look_goes_on_behind_what_is_known_until_another_breach() -> None:
    state = tick(after(75), read(60, minute=2), read(60, minute=8), whole=False).state
    assert alert_of(state).clear_row == ClearRow(after=NOON, through=NOON + 8 * MINUTE, first=read(60, minute=2))
    assert facts_in(tick(state, read(60, minute=17))).cleared == read(60, minute=2)
    late = look(state, read(66, minute=1))
    assert late.row.first == read(60, minute=2), "a reading of before the row does not break it"
    breached = on_breach(state, past(71, at=NOON + 9 * MINUTE), rule=CALM, now=NOON + 10 * MINUTE).state
    assert all_clear.known_row(alert_of(breached)) is None
    assert tick(breached, read(60, minute=20)).outcome == "clearing"
    again = on_tick(breached, latest=read(60, minute=30), clear_look=look(state), rule=CALM, now=NOON + 30 * MINUTE)
    assert again == Decision(state=breached, outcome="unchanged"), "a look of before the breach counts for nothing"


def test_an_unfinished_look_ends_nothing_and_no_look_changes_nothing() -> None:
    assert tick(after(75), read(60, minute=1), read(60, minute=20), whole=False).outcome == "clearing"
    state = after(75)
    assert tick(state, read(60, minute=20), clear_look=None) == Decision(state=state, outcome="unchanged")
    assert on_tick(state, latest=read(60, minute=20), rule=RULE, now=NOON).outcome == "resolved"


@pytest.mark.parametrize(
    ("value", "minute", "due"), [(60, 15, True), (60, 14.9, False), (66, 20, False), (75, 20, False)]
)
def test_a_look_is_taken_only_when_it_could_end_the_alert(value: float, minute: float, due: bool) -> None:
    alert = alert_of(after(75))
    assert all_clear.is_due(alert, latest=read(value, minute=minute), rule=CALM) is due
    assert not all_clear.is_due(alert, latest=read(value, minute=minute), rule=RULE)
    assert not all_clear.is_due(alert, latest=None, rule=CALM)
    assert not all_clear.is_due(replace(alert, phase="pending"), latest=read(value, minute=minute), rule=CALM)
    known = replace(alert, clear_row=ClearRow(after=NOON, through=NOON, first=read(60, minute=5)))
    assert not all_clear.is_due(known, latest=read(value, minute=minute), rule=CALM)


def test_while_it_waits_to_be_clear_for_long_enough_it_reminds_in_other_words_and_steps_not_down() -> None:
    state = after(92)
    waiting = tick(state, read(60, minute=12), now=NOON + 12 * MINUTE)
    assert waiting.outcome == "clearing"
    reminded = tick(state, read(60, minute=12), now=NOON + 2 * HOUR)
    mail = render(reminded.notices[0], stage="prod", region="eu-west-1")
    assert mail.subject == (
        "[CRITICAL] boiler-7 temperature still open after 2 hours, no reading for 1 hour 48 minutes"
    )
    fresh = tick(state, read(60, minute=119), now=NOON + 2 * HOUR)
    mail = render(fresh.notices[0], stage="prod", region="eu-west-1")
    assert mail.subject == "[CRITICAL] boiler-7 temperature still open after 2 hours, clear again"
    assert "is clear again, but not yet for 15 minutes" in " ".join(mail.body.split())
    assert tick(state, read(68, minute=12)).outcome == "deescalated"


def test_bounds_of_one_side_alone_have_a_row_too() -> None:
    rule = replace(CALM, warning=Bounds(above=70), critical=None, clear=None)
    state = on_breach(STATE, past(75), rule=rule, now=NOON).state
    found = all_clear.look(
        alert_of(state), [read(70, minute=1), read(70, minute=16)], through=NOON, rule=rule, whole=True
    )
    assert on_tick(state, latest=read(70, minute=16), clear_look=found, rule=rule, now=NOON).outcome == "resolved"
