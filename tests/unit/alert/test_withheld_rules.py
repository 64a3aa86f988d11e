"""What becomes of a decision whose e-mail a mute or a flood withholds, each step by itself."""

from dataclasses import replace

import pytest

from lambdas.alert.domain import by_hand, withheld
from lambdas.alert.domain.lifecycle import on_breach
from lambdas.alert.domain.models import Decision, Known, Rejection, Silence
from lambdas.alert.domain.notices import Kind, SilenceFacts
from lambdas.alert.domain.silence import notice
from tests.unit.alert.alert_kit import HOUR, NOON
from tests.unit.alert.lifecycle_kit import RULE, SLOW, STATE, TICK, after, alert_of, past

REPORTING = Silence(device_id="pump-1")
SILENT = replace(REPORTING, since=NOON - HOUR, noticed_at=NOON)
WITHHELD = replace(SILENT, withheld_at=NOON)


def of_silence(kind: Kind, state: Silence) -> Decision[Silence]:
    facts = SilenceFacts(device_id="pump-1", since=NOON - HOUR, until=NOON, limit=900.0)
    told = notice("back" if kind == "back" else "silent", facts)
    return Decision(state=state, notices=(told,), outcome=kind)


def test_a_silence_under_a_mute_is_kept_as_withheld_and_its_end_never_mailed() -> None:
    silent = of_silence("silent", SILENT)
    assert withheld.muted(REPORTING, silent, now=NOON) == replace(silent, state=WITHHELD, notices=())
    back = of_silence("back", REPORTING)
    assert withheld.muted(WITHHELD, back, now=NOON) == replace(back, notices=())
    assert withheld.announced(WITHHELD, back) == replace(back, notices=())


def test_the_end_of_a_silence_that_was_mailed_waits_for_the_end_of_the_mute() -> None:
    back = of_silence("back", REPORTING)
    assert withheld.muted(SILENT, back, now=NOON) == replace(back, notices=(), withheld=back.notices)
    assert withheld.announced(SILENT, back) == back


def test_people_know_of_both_sides_of_what_was_mailed_and_of_nothing_of_what_was_pending() -> None:
    state = after(75, -6)
    worse = on_breach(state, past(92, at=NOON + HOUR), rule=RULE, now=NOON + HOUR, muted=True)
    muted = withheld.muted(state, worse, now=NOON + HOUR)
    assert muted.notices == ()
    known = Known(withheld_at=NOON + HOUR, severity="critical", above="warning", below="critical")
    assert alert_of(muted.state).known == known

    pending = after(75, rule=SLOW)
    opened = on_breach(pending, past(75, at=NOON + HOUR), rule=SLOW, now=NOON + HOUR, muted=True)
    assert opened.outcome == "opened"
    assert alert_of(withheld.muted(pending, opened, now=NOON).state).known == Known(withheld_at=NOON)


def test_what_a_flood_stands_for_is_marked_and_neither_its_steps_nor_its_end_are_mailed() -> None:
    opened = on_breach(STATE, past(92), rule=RULE, now=NOON)
    flooded = withheld.flooded(opened, hour="2026-11-22T12")
    assert flooded.notices == ()
    assert alert_of(flooded.state).flood == "2026-11-22T12"
    assert withheld.is_unannounced(flooded.state)
    (told,) = opened.notices
    lower = replace(flooded, notices=(replace(told, kind="deescalated"),))
    assert withheld.announced(flooded.state, lower) == flooded
    higher = replace(flooded, notices=(replace(told, kind="escalated"),))
    assert alert_of(withheld.announced(flooded.state, higher).state).flood is None


@pytest.mark.parametrize("muted", [False, True])
def test_who_closes_an_alert_under_a_mute_is_told_if_people_know_of_it_and_else_nobody(muted: bool) -> None:
    """`sensorctl` asks no mute: an end by hand is an answer to whoever gave it."""
    opened = on_breach(STATE, past(92), rule=RULE, now=NOON, muted=muted)
    state = (withheld.muted if muted else lambda _, decision, now: decision)(STATE, opened, now=NOON).state
    closed = by_hand.close(state, alert_id=alert_of(state).alert_id, by="alice", why="new sensor", now=NOON + HOUR)
    mailed = withheld.announced(state, closed)
    assert [told.kind for told in mailed.notices] == ([] if muted else ["resolved"])
    assert mailed.state == closed.state
    assert mailed.state.settled_through == NOON + TICK


def test_nothing_is_withheld_of_what_is_about_a_source() -> None:
    rejection = Rejection(prefix="plant-2", hour="2026-11-22T12")
    assert not withheld.is_unannounced(rejection)
    told = replace(of_silence("silent", SILENT).notices[0], kind="rejected")
    decision = Decision(state=rejection, notices=(told,), outcome="rejected")
    assert withheld.announced(rejection, decision) == decision
    assert withheld.flooded(decision, hour="h").state == rejection
