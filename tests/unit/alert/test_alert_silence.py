"""Devices that say nothing: who is looked at, what is mailed, and that a healthy device costs one read."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from lambdas.shared.times import timestamp
from tests.unit.alert.alert_kit import MINUTE, NOON, READINGS, SWEEP, THRESHOLDS, World, time_for


def test_a_silent_device_is_mailed_once_and_so_is_its_return(world: World) -> None:
    function = world.function()
    world.register("pump-1")
    world.store("pump-1", 20, at=NOON)
    mails = []
    for minute in (1, 14, 15, 16, 17, 29, 30, 31, 39):
        world.clock.now = NOON + minute * MINUTE
        if minute == 30:
            world.store("pump-1", 20, at=world.clock.now)
        function(SWEEP)
        mails += [(minute, mail["kind"], mail["subject"]) for mail in world.new_mails()]
    assert mails == [
        (16, "silent", "[SILENT] pump-1 no reading for 16 minutes"),
        (30, "back", "[BACK] pump-1 reports again after 30 minutes"),
    ]


def test_a_device_that_reports_costs_one_read_and_no_write(world: World) -> None:
    function = world.function()
    function(SWEEP)
    idle = len(function.calls)
    for number in range(5):
        world.register(f"pump-{number}", shard=number % 4)
        world.store(f"pump-{number}", 20, at=NOON)
    function.calls.clear()
    function(SWEEP)
    assert len(function.calls) == idle + 5
    assert set(function.calls) == {"Query", "GetItem"}


def test_a_device_that_the_registry_finds_in_time_costs_nothing(world: World) -> None:
    function = world.function()
    function(SWEEP)
    idle = len(function.calls)
    for number in range(5):
        world.register(f"pump-{number}", shard=number % 4, uploaded_at=NOON - 15 * MINUTE)
    function.calls.clear()
    function(SWEEP)
    assert len(function.calls) == idle


def test_an_upload_that_only_the_readings_know_of_keeps_a_device_from_being_called_silent(world: World) -> None:
    """An old delivery has put an earlier upload into the registry."""
    world.register("pump-1", uploaded_at=NOON - timedelta(days=30))
    world.store("pump-1", 20, at=NOON - MINUTE)
    world.function()(SWEEP)
    assert world.kinds() == []
    assert world.items("silence") == []


def test_an_upload_that_only_the_registry_knows_of_is_the_last(world: World) -> None:
    world.register("pump-1", uploaded_at=NOON - 16 * MINUTE)
    world.store("pump-1", 20, at=NOON - timedelta(hours=2))
    world.function()(SWEEP)
    (mail,) = world.new_mails()
    assert mail["subject"] == "[SILENT] pump-1 no reading for 16 minutes"


def test_what_is_known_to_be_silent_is_asked_for_once_a_tick_and_not_again_as_a_suspect(world: World) -> None:
    world.register("pump-1", uploaded_at=NOON - timedelta(hours=1))
    world.store("pump-1", 20, at=NOON - timedelta(hours=1))
    function = world.function()
    function(SWEEP)
    world.clock.forward(minutes=1)
    function.calls.clear()
    function(SWEEP)
    seen_once = Counter(function.calls)
    world.put(READINGS, device_id="#devices#0", reading_id="pump-1", uploaded_at=timestamp(world.clock.now))
    world.clock.forward(minutes=1)
    function.calls.clear()
    function(SWEEP)
    assert Counter(function.calls) == seen_once


def test_a_device_nobody_asked_about_is_not_looked_at(world: World) -> None:
    world.set_thresholds({**THRESHOLDS, "silent_after": {"pump-*": "15m"}})
    world.register("boiler-7")
    world.store("boiler-7", 20, at=NOON - timedelta(hours=5))
    world.function()(SWEEP)
    assert world.kinds() == []


@pytest.mark.parametrize(
    "newest",
    [
        pytest.param(lambda number: NOON - number * MINUTE, id="its clock was set back an hour"),
        pytest.param(lambda number: NOON + timedelta(minutes=15, milliseconds=number), id="a burst is stamped ahead"),
    ],
)
def test_a_device_that_uploads_is_not_silent_though_others_of_its_readings_are_stamped_later(
    world: World, newest: Callable[[int], datetime]
) -> None:
    world.register("pump-1")
    for number in range(60):
        world.store("pump-1", 20, at=newest(number), uploaded_at=min(newest(number), NOON))
    world.clock.forward(minutes=16)
    world.store("pump-1", 20, at=NOON - 44 * MINUTE, uploaded_at=world.clock.now, tag="1" * 16)
    function = world.function()
    function(SWEEP)
    assert world.kinds() == []
    world.clock.forward(minutes=16)
    function(SWEEP)
    (mail,) = world.new_mails()
    assert mail["subject"] == "[SILENT] pump-1 no reading for 16 minutes"


def test_a_backfilled_device_that_was_silent_for_days_is_kept_and_not_mailed(world: World) -> None:
    world.register("old-1")
    world.store("old-1", 20, at=NOON - timedelta(days=200))
    function = world.function()
    function(SWEEP)
    assert world.kinds() == []
    assert [item["status"]["S"] for item in world.items("silence")] == ["silent"]
    world.store("old-1", 20, at=NOON)
    function(SWEEP)
    assert world.kinds() == ["back"]


def test_a_silent_device_that_may_be_silent_now_is_dropped_without_a_word(world: World) -> None:
    function = world.function()
    world.register("pump-1")
    world.store("pump-1", 20, at=NOON - timedelta(hours=1))
    function(SWEEP)
    assert world.kinds() == ["silent"]
    world.set_thresholds({**THRESHOLDS, "silent_after": {}})
    world.clock.forward(minutes=2)
    function(SWEEP)
    assert world.kinds() == []
    assert [item["status"]["S"] for item in world.items("silence")] == ["reporting"]


def test_a_reading_stamped_with_tomorrow_does_not_hide_a_silence(world: World) -> None:
    world.register("pump-1")
    world.store("pump-1", 20, at=NOON - timedelta(hours=1))
    world.store("pump-1", 20, at=NOON + timedelta(hours=20), uploaded_at=NOON - timedelta(hours=1))
    world.function()(SWEEP)
    assert world.kinds() == ["silent"]


def test_every_device_gets_its_turn_when_time_is_short(world: World) -> None:
    function = world.function()
    for number in range(9):
        world.register(f"pump-{number}", shard=number % 4)
        world.store(f"pump-{number}", 20, at=NOON - timedelta(hours=1))
    for _ in range(8):  # three at a time: three ticks, times 2.7
        function.time_left = time_for(1 + len(world.items("silence")) + 3)
        function(SWEEP)
        world.clock.forward(minutes=1)
    assert len(world.items("silence")) == 9
