"""What the sweep finds in the readings table, and that DynamoDB would accept each query it makes."""

from datetime import datetime, timedelta

import pytest

from lambdas.alert.adapters import reading_query
from lambdas.alert.adapters.reading_query import Readings
from lambdas.alert.domain.notices import Observation
from lambdas.shared.thresholds.thresholds import Bounds, Rule, Valid
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON, READINGS, SWEEP, World, breach, event

RULE = Rule(
    unit="Cel", critical=Bounds(above=85), clear=Bounds(below=65), valid=Valid(above=-55, excluded=(0,)), source="t"
)


def readings(world: World) -> Readings:
    return Readings(world.dynamodb, table=READINGS)


def newest(world: World, *, after: datetime = NOON, now: datetime | None = None) -> Observation | None:
    now = now or world.clock.now
    return readings(world).newest("boiler-7", "temperature", after=after, now=now).observation


@pytest.mark.parametrize("ahead", [6 * MINUTE, timedelta(hours=24), timedelta(hours=26), timedelta(days=400)])
def test_a_last_breach_ahead_of_the_clock_asks_nothing_that_dynamodb_refuses(world: World, ahead: timedelta) -> None:
    world.store("boiler-7", 50, at=NOON - MINUTE)
    assert newest(world, after=NOON + ahead) is None
    assert readings(world).first_clear("boiler-7", "temperature", after=NOON + ahead, through=NOON, rule=RULE) is None


def test_a_reading_counts_from_its_stamp_or_its_upload_whichever_is_earlier(world: World) -> None:
    world.clock.forward(minutes=10)
    world.store("boiler-7", 1, at=NOON + 2 * MINUTE, uploaded_at=NOON + 9 * MINUTE)
    world.store("boiler-7", 2, at=NOON + timedelta(hours=20), uploaded_at=NOON + 3 * MINUTE)
    world.store("boiler-7", 3, at=NOON + timedelta(hours=21), uploaded_at=NOON - MINUTE)
    assert newest(world) == Observation(at=NOON + 3 * MINUTE, value=2, stamped_at=NOON + timedelta(hours=20))
    assert newest(world, after=NOON + 3 * MINUTE) is None


def test_the_later_stamp_is_the_newer_of_two_that_were_uploaded_together(world: World) -> None:
    world.clock.forward(minutes=10)
    for hours in (5, 6, 4):
        world.store("boiler-7", hours, at=NOON + timedelta(hours=hours), uploaded_at=NOON + MINUTE)
    found = newest(world)
    assert found is not None
    assert found.value == 6


def test_readings_stamped_for_the_coming_day_do_not_hide_the_present(world: World) -> None:
    world.clock.forward(minutes=10)
    for number in range(60):
        world.store("boiler-7", 99, at=NOON + timedelta(hours=2, minutes=number), uploaded_at=NOON + MINUTE)
    world.store("boiler-7", 50, at=NOON + 9 * MINUTE)
    assert newest(world) == Observation(at=NOON + 9 * MINUTE, value=50, stamped_at=NOON + 9 * MINUTE)


def test_the_first_clear_reading_is_the_earliest_by_counted_time(world: World) -> None:
    world.clock.forward(minutes=10)
    for minute, value in ((1, 99), (2, 60), (3, 99), (4, 50)):
        world.store("boiler-7", value, at=NOON + minute * MINUTE)
    first = readings(world).first_clear("boiler-7", "temperature", after=NOON, through=NOON + 4 * MINUTE, rule=RULE)
    assert first == Observation(at=NOON + 2 * MINUTE, value=60, stamped_at=NOON + 2 * MINUTE)


def test_readings_are_found_in_the_unit_of_the_rule_and_those_it_does_not_judge_are_not(world: World) -> None:
    world.clock.forward(minutes=10)
    world.store("boiler-7", 176, at=NOON + MINUTE, unit="degF")
    world.store("boiler-7", 140, at=NOON + 2 * MINUTE, unit="degF")
    found = Observation(at=NOON + 2 * MINUTE, value=60, stamped_at=NOON + 2 * MINUTE)
    for minute, value, unit in ((3, 1, "C"), (4, 0, "Cel"), (5, -127, None), (6, 32, "°F")):
        world.store("boiler-7", value, at=NOON + minute * MINUTE, unit=unit)
    first = readings(world).first_clear("boiler-7", "temperature", after=NOON, through=NOON + 9 * MINUTE, rule=RULE)
    newest = readings(world).newest("boiler-7", "temperature", after=NOON, now=world.clock.now, rule=RULE)
    assert (first, newest.observation) == (found, found)


def test_a_device_reports_when_it_uploads_not_when_it_says_so(world: World) -> None:
    world.clock.forward(hours=3)
    assert readings(world).last_upload("boiler-7", now=world.clock.now) is None
    world.store("boiler-7", 1, at=NOON + timedelta(hours=20), uploaded_at=NOON)
    assert readings(world).last_upload("boiler-7", now=world.clock.now) == NOON
    world.store("boiler-7", 1, at=NOON - MINUTE, uploaded_at=NOON + 5 * MINUTE)
    assert readings(world).last_upload("boiler-7", now=world.clock.now) == NOON + 5 * MINUTE


@pytest.mark.parametrize("late", [False, True])
def test_a_rare_metric_is_found_behind_any_number_of_others_within_a_bounded_read(
    world: World, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear reading behind 200 of another metric; `late`: uploaded when the search has already passed it."""
    monkeypatch.setattr(reading_query, "_BEHIND", (70,))
    function = world.function()
    function(event(breach()))
    world.clock.forward(hours=1)
    clear_at = NOON + timedelta(seconds=1)
    if not late:
        world.store("boiler-7", 50, at=clear_at)
    for second in range(2, 202):
        world.store("boiler-7", 1, at=NOON + timedelta(seconds=second), metric="humidity")
    for tick in range(6):
        before = len(function.calls)
        function(SWEEP)
        assert function.calls[before:].count("Query") <= 13 + 4
        world.clock.forward(minutes=1)
        if late and tick == 2:
            world.store("boiler-7", 50, at=clear_at, uploaded_at=NOON + HOUR)
    assert world.kinds() == ["opened", "resolved"]


def test_an_open_alert_is_looked_after_by_one_query_however_far_the_clock_of_its_device_is_behind(world: World) -> None:
    world.store("boiler-7", 70, at=NOON - MINUTE, uploaded_at=NOON)
    function = world.function()
    function.within(lambda: newest(world, after=NOON - 2 * MINUTE, now=NOON))
    assert function.calls == ["Query"]
