"""Devices that say nothing: who is looked at, what is mailed, and that a healthy device costs one read."""

from datetime import timedelta

from alert_events import NOON, SWEEP, THRESHOLDS
from alert_kit import World, time_for

MINUTE = timedelta(minutes=1)


def test_a_silent_device_is_mailed_once_and_so_is_its_return(world: World) -> None:
    function = world.function()
    world.register("pump-1")
    world.store("pump-1", 20, at=NOON)
    told = []
    for minute in (1, 14, 15, 16, 17, 29, 30, 31, 39):
        world.clock.now = NOON + minute * MINUTE
        if minute == 30:
            world.store("pump-1", 20, at=world.clock.now)
        function(SWEEP)
        told += [(minute, mail["kind"], mail["subject"]) for mail in world.new_mails()]
    assert told == [
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
    function.wire.calls.clear()
    function(SWEEP)
    assert len(function.calls) == idle + 5
    assert set(function.calls) == {"Query", "GetItem"}


def test_a_device_nobody_asked_about_is_not_looked_at(world: World) -> None:
    world.set_thresholds({**THRESHOLDS, "silent_after": {"pump-*": "15m"}})
    world.register("boiler-7")
    world.store("boiler-7", 20, at=NOON - timedelta(hours=5))
    world.function()(SWEEP)
    assert world.kinds() == []


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
