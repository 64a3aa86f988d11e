"""The alarm states of AWS IoT Events, each with what it is here (docs/from-iot-events.md).

What each state means is what AWS said of it (AWS IoT Events Data API Reference, "AlarmState").
"""

from dataclasses import replace
from datetime import datetime, timedelta

from lambdas.alert.domain import all_clear, by_hand, withheld
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import Decision, MetricState
from lambdas.alert.domain.mutes import Mute, Mutes, OneOffMutes
from lambdas.alert.domain.notices import Acknowledgement, Observation
from lambdas.shared.thresholds.recurring_mutes import RecurringMute
from lambdas.shared.thresholds.rules import Rule
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON
from tests.unit.alert.lifecycle_kit import RULE, STATE, TICK, after, alert_of, facts_in, past

WEEK = timedelta(days=7)


def read(value: float, *, after_noon: timedelta) -> Observation:
    return Observation(at=NOON + after_noon, value=value, stamped_at=NOON + after_noon)


def swept(state: MetricState, latest: Observation, *, rule: Rule = RULE) -> Decision[MetricState]:
    look = None
    if state.alert is not None and all_clear.is_due(state.alert, latest=latest, rule=rule):
        look = all_clear.look(state.alert, [latest], through=latest.at, rule=rule, whole=True)
    return on_tick(state, latest=latest, first_clear=latest, clear_look=look, rule=rule, now=latest.at)


def test_normal_is_a_closed_alert_which_is_ready_for_data() -> None:
    """NORMAL: "it's ready to evaluate data"."""
    assert STATE.status == "closed"
    assert swept(STATE, read(20, after_noon=HOUR)) == Decision(state=STATE, outcome="unchanged")
    assert on_breach(STATE, past(75), rule=RULE, now=NOON).outcome == "opened"


def test_active_is_an_open_alert_which_reminds_until_the_data_are_in_range() -> None:
    """ACTIVE: "the alarm is invoked"."""
    opened = on_breach(STATE, past(75), rule=RULE, now=NOON)
    assert (opened.outcome, opened.state.status) == ("opened", "open")
    assert swept(opened.state, read(75, after_noon=2 * HOUR)).outcome == "reminder"
    assert swept(opened.state, read(20, after_noon=MINUTE)).state.status == "closed"


def test_acknowledged_is_an_open_alert_that_somebody_has_taken_on() -> None:
    """ACKNOWLEDGED: "the alarm was invoked and you acknowledged the alarm"."""
    given = Acknowledgement(by="alice", at=NOON + MINUTE, note="on my way")
    state = by_hand.acknowledge(after(75), given, alert_id=alert_of(after(75)).alert_id).state
    assert (state.status, alert_of(state).acknowledged) == ("open", given)
    assert swept(state, read(75, after_noon=WEEK)).outcome == "unchanged"
    assert facts_in(swept(state, read(20, after_noon=WEEK))).acknowledged == given


def mailed_under(mutes: Mutes, *, at: datetime) -> list[str]:
    """The e-mails about an alert that opens at noon, and about what a sweep at that time finds of it."""
    state, kinds = STATE, list[str]()
    for now in (NOON, at):
        muted = mutes.is_muted(state, now=now)
        decision = (
            on_breach(state, past(75), rule=RULE, now=now, muted=muted)
            if now == NOON
            else on_tick(state, latest=None, rule=RULE, now=now, muted=muted)
        )
        decision = withheld.muted(state, decision, now=now) if muted else withheld.announced(state, decision)
        state = decision.state
        assert state.status == "open"
        kinds += [notice.kind for notice in decision.notices]
    return kinds


def test_snooze_disabled_is_a_one_off_mute_after_whose_end_what_is_open_is_mailed() -> None:
    """SNOOZE_DISABLED: "disabled for a specified period of time"; after it "automatically" as before."""
    mute = Mute(mute_id="a1", devices="boiler-7", begin=NOON, until=NOON + HOUR, by="alice", why="belt change")
    snoozed = Mutes(one_off=OneOffMutes([mute]))
    assert mailed_under(snoozed, at=NOON + HOUR - TICK) == []
    assert mailed_under(snoozed, at=NOON + HOUR) == ["opened"]


def test_disabled_is_a_mute_in_the_thresholds_without_times_which_holds_until_it_is_taken_out() -> None:
    """DISABLED: "it isn't ready to evaluate data" until somebody enables it."""
    mute = RecurringMute(name="out of service", devices="boiler-7", metric="temperature", source="mutes[0]")
    disabled = Mutes(one_off=OneOffMutes(), recurring=(mute,))
    assert mailed_under(disabled, at=NOON + 52 * WEEK) == []
    assert mailed_under(Mutes(one_off=OneOffMutes()), at=NOON) == ["opened"]


def test_latched_is_an_alert_whose_clear_for_never_ends_and_that_a_person_closes() -> None:
    """LATCHED: the alarm was invoked, and the data are in range; "you must acknowledge the alarm" to end it."""
    latching = replace(RULE, clear_for=timedelta(days=366))
    state = on_breach(STATE, past(75), rule=latching, now=NOON).state
    latched = swept(state, read(20, after_noon=WEEK), rule=latching)
    assert (latched.outcome, facts_in(latched).clear_for) == ("reminder", latching.clear_for.total_seconds())
    alert_id = alert_of(latched.state).alert_id
    closed = by_hand.close(latched.state, alert_id=alert_id, by="alice", why="looked at", now=NOON + WEEK)
    assert (closed.outcome, closed.state.status) == ("resolved", "closed")
    again = past(75, at=NOON + WEEK + TICK)
    assert on_breach(closed.state, again, rule=latching, now=NOON + WEEK + MINUTE).outcome == "opened"
