"""`clear_for` in whole ticks: how many e-mails a value that alternates sends, and how much a tick reads."""

from datetime import timedelta

import pytest

from lambdas.alert.adapters import reading_query
from tests.unit.alert.alert_kit import NOON, SWEEP, THRESHOLDS, World, breach, event


def alternating(world: World, *, minutes: int, clear_for: str) -> list[str]:
    """The e-mails of a device that reads 71 and 64 in turn, then 64 for six minutes; swept every minute."""
    rule = {**THRESHOLDS["metrics"]["temperature"], "clear_for": clear_for}
    world.set_thresholds({**THRESHOLDS, "metrics": {"temperature": rule}})
    function = world.function()
    for minute in range(minutes + 6):
        world.clock.forward(minutes=1)
        hot = minute < minutes and minute % 2 == 0
        world.store("boiler-7", 71 if hot else 64, at=world.clock.now)
        if hot:
            function(event(breach(71, at=world.clock.now)))
        world.clock.forward(seconds=5)
        function(SWEEP)
        world.clock.forward(seconds=-5)
    return [mail["kind"] for mail in world.new_mails()]


def test_a_value_that_alternates_mails_twice(world: World) -> None:
    assert alternating(world, minutes=12, clear_for="5m") == ["opened", "resolved"]


def test_without_clear_for_it_mails_every_minute(world: World) -> None:
    assert len(alternating(world, minutes=6, clear_for="0s")) == 6


def test_all_readings_in_the_row_are_looked_at_once_each(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """150 a tick here: the row of a device that reads every second is known after as many ticks as it takes."""
    monkeypatch.setattr(reading_query, "_BEHIND", (50,))
    rule = {**THRESHOLDS["metrics"]["temperature"], "clear_for": "5m"}
    world.set_thresholds({**THRESHOLDS, "metrics": {"temperature": rule}})
    function = world.function()
    function(event(breach(75, at=NOON)))
    for second in range(1, 302):
        world.store("boiler-7", 60, at=NOON + timedelta(seconds=second))
    world.clock.now = NOON + timedelta(seconds=302)
    ticks = [function(SWEEP) for _ in range(3)]
    assert [sorted(counts.items() & {("clearing", 1), ("resolved", 1)}) for counts in ticks] == [
        [("clearing", 1)],
        [("clearing", 1)],
        [("resolved", 1)],
    ]
