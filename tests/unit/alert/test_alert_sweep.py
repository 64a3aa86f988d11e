"""What a tick does: closes, reminds, steps down, and works in bounded time."""

from datetime import timedelta
from typing import Any

import pytest
from alert_events import NOON, SWEEP, THRESHOLDS, breach, event
from alert_kit import ALERTS, READINGS, World, fail_at, time_for

from lambdas.alert.ledger import Cursor, Ledger, UnreadableError
from lambdas.alert.lifecycle import CALM_AFTER
from lambdas.shared.threshold_source import ThresholdsUnavailableError


def test_an_alert_ends_when_the_newest_reading_is_past_clear_and_says_how_long_it_lasted(world: World) -> None:
    function = world.function()
    function(event(breach()))
    world.clock.forward(minutes=42)
    world.store("boiler-7", 63.2, at=NOON + timedelta(minutes=42))
    counts = function(SWEEP)
    assert (counts["resolved"], counts["emails_sent"]) == (1, 1)
    resolved = next(mail for mail in world.new_mails() if mail["kind"] == "resolved")
    assert resolved["subject"] == "[RESOLVED] boiler-7 temperature 63.2 Cel after 42 minutes"
    assert resolved["attributes"]["severity"] == "critical"
    (item,) = world.items("alert")
    assert item["status"]["S"] == "closed"
    assert "work" not in item


@pytest.mark.parametrize("value", [65, 69, 90])
def test_an_alert_stays_open_while_the_newest_reading_is_not_past_clear(world: World, value: float) -> None:
    function = world.function()
    function(event(breach()))
    world.store("boiler-7", 50, at=NOON + timedelta(seconds=10))
    world.store("boiler-7", value, at=NOON + timedelta(seconds=20))
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert world.kinds() == ["opened"]


def test_a_clear_reading_older_than_the_breach_closes_nothing(world: World) -> None:
    world.store("boiler-7", 50, at=NOON - timedelta(seconds=1))
    world.store("boiler-7", 50, at=NOON)
    function = world.function()
    function(event(breach()))
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert world.kinds() == ["opened"]


def test_the_metric_is_found_behind_readings_that_do_not_have_it(world: World) -> None:
    function = world.function()
    function(event(breach()))
    world.store("boiler-7", 50, at=NOON + timedelta(seconds=1))
    for second in range(2, 152):
        world.store("boiler-7", 1, at=NOON + timedelta(seconds=second), metric="humidity")
    world.clock.forward(minutes=5)
    function(SWEEP)
    assert world.kinds() == ["opened", "resolved"]


def test_a_reading_stamped_with_tomorrow_neither_ends_an_alert_nor_hides_the_newest(world: World) -> None:
    function = world.function()
    function(event(breach()))
    world.store("boiler-7", 50, at=NOON + timedelta(hours=20))
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert world.kinds() == ["opened"]
    world.store("boiler-7", 50, at=NOON + timedelta(minutes=1))
    function(SWEEP)
    assert world.kinds() == ["resolved"]


def test_a_breach_that_comes_while_the_sweep_closes_keeps_the_alert_open(world: World) -> None:
    """The sweep has read the clear reading; a newer breach is stored and handled before the sweep writes."""
    sweeping, other = world.function(), world.function()
    other(event(breach(71)))
    world.clock.forward(minutes=1)
    world.store("boiler-7", 50, at=NOON + timedelta(seconds=30))

    def breach_first(_: int, call: str) -> None:
        if call == "PutItem":
            sweeping.wire.before = lambda number, call: None
            other(event(breach(72, at=NOON + timedelta(seconds=40))))

    sweeping.wire.before = breach_first
    sweeping(SWEEP)
    assert world.kinds() == ["opened"]
    (item,) = world.items("alert")
    assert item["status"]["S"] == "open"


def test_it_reminds_every_four_hours_and_steps_down_when_nothing_critical_came_for_a_while(world: World) -> None:
    function = world.function()
    function(event(breach(92)))
    world.clock.forward(seconds=CALM_AFTER.total_seconds())
    function(event(breach(75, at=NOON + CALM_AFTER)))
    function(SWEEP)
    assert world.kinds() == ["deescalated", "opened"]
    told_at = world.clock.now
    for minutes in (239, 240, 241):
        world.clock.now = told_at + timedelta(minutes=minutes)
        function(SWEEP)
        assert world.kinds() == (["reminder"] if minutes == 240 else [])


def test_an_alert_whose_rule_was_removed_ends_and_says_so(world: World) -> None:
    function = world.function()
    function(event(breach()))
    world.clock.forward(minutes=2)
    world.set_thresholds({"version": 1})
    function(SWEEP)
    resolved = next(mail for mail in world.new_mails() if mail["kind"] == "resolved")
    assert "no threshold is set for it any more" in " ".join(resolved["body"].split())


def test_a_bad_document_ends_no_alert_and_raises_the_metric(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.set_thresholds({**THRESHOLDS, "metrics": {**THRESHOLDS["metrics"], "odd": {"warning": {"above": 1}}}})
    world.function()(event(breach(2, metric="odd", severity="warning")))
    world.set_thresholds("{")
    world.clock.forward(minutes=2)
    capsys.readouterr()
    world.function()(SWEEP)  # a process that never saw a good document: it does not know the rule
    assert world.kinds() == ["opened"]
    assert '"thresholds_invalid": 1' in capsys.readouterr().out


# What THRESHOLDS, the bundle's copy in these tests, calls clear.
STRICT = {"version": 1, "metrics": {"temperature": {"critical": {"above": 30}, "clear": {"below": 25}}}}


def open_by_strict_rules(world: World) -> None:
    world.set_thresholds(STRICT)
    world.function()(event(breach(40, severity="critical")))
    world.clock.forward(minutes=2)
    world.store("boiler-7", 39, at=world.clock.now)
    assert world.kinds() == ["opened"]


def test_a_sweep_that_cannot_read_the_thresholds_ends_no_alert_by_others_and_sends_what_is_left(world: World) -> None:
    open_by_strict_rules(world)
    stuck = world.function()
    stuck.wire.before = fail_at("Publish")
    with pytest.raises(ConnectionError):
        stuck(event(breach(50, severity="critical", device="boiler-8")))
    world.clock.forward(minutes=2)
    cold = world.function()
    cold.wire.throttled = True
    with pytest.raises(ThresholdsUnavailableError, match="Rate exceeded"):
        cold(SWEEP)
    assert world.kinds() == ["opened"]  # boiler-8's; nothing of boiler-7
    cold.wire.throttled = False
    world.store("boiler-7", 20, at=world.clock.now)
    cold(SWEEP)
    assert world.kinds() == ["resolved"]


def test_a_bad_document_ends_no_alert_by_the_bundled_rules(world: World) -> None:
    open_by_strict_rules(world)
    world.set_thresholds("{")
    world.function()(SWEEP)
    assert world.kinds() == []
    world.set_thresholds(STRICT)
    world.function()(SWEEP)
    assert world.kinds() == []


def test_a_pending_breach_opens_at_the_tick_that_finds_it_still_there(world: World) -> None:
    function = world.function()
    function(event(breach(75, metric="slow", severity="warning")))
    assert world.kinds() == []
    world.clock.forward(minutes=5)
    world.store("boiler-7", 75, at=world.clock.now, metric="slow")
    function(SWEEP)
    assert world.kinds() == ["opened"]


def test_a_tick_that_runs_out_of_time_goes_on_at_the_next(world: World) -> None:
    function = world.function()
    devices = [f"d-{number}" for number in range(12)]
    for device in devices:
        function(event(breach(71, device=device)))
        world.store(device, 50, at=NOON + timedelta(minutes=1))
        world.clock.forward(seconds=1)
    world.new_mails()
    world.clock.now = NOON + timedelta(minutes=2)

    looked: list[int] = []
    for _ in range(4):
        calls = len(function.calls)
        function.time_left = time_for(8)
        function(SWEEP)
        looked.append(function.calls[calls:].count("Publish"))
        world.clock.forward(minutes=1)
    told = world.new_mails()
    in_digests = sum(int(mail["subject"].split()[1]) for mail in told if mail["kind"] == "digest")
    assert [mail["kind"] for mail in told].count("resolved") + in_digests == 12
    assert max(looked) < 12
    assert all(item["status"]["S"] == "closed" for item in world.items("alert"))


def test_alerts_that_stay_open_all_get_their_turn_when_time_is_short(world: World) -> None:
    function = world.function()
    devices = {f"d-{number}" for number in range(9)}
    for device in devices:
        function(event(breach(71, device=device)))
        world.clock.forward(seconds=1)
    looked: list[str] = []
    events = function.wire.clients["dynamodb"].meta.events
    note = (
        "provide-client-params.dynamodb.Query",
        lambda params, **_: looked.append(params["ExpressionAttributeValues"].get(":device", {}).get("S")),
    )
    events.register(*note)
    for _ in range(8):  # three at a time: three ticks, times 2.7
        function.time_left = time_for(1 + 3)
        function(SWEEP)
        world.clock.forward(minutes=1)
    events.unregister(*note)
    turns = [device for device in looked if device is not None]
    assert len(turns) == 8 * 3
    assert set(turns) == devices


def test_one_record_that_fails_does_not_hold_up_the_others_and_is_raised_at_the_end(world: World) -> None:
    function = world.function()
    for device in ("a", "b", "c"):
        function(event(breach(71, device=device)))
        world.store(device, 50, at=NOON + timedelta(minutes=1))
    world.new_mails()
    world.clock.forward(minutes=2)
    seen = 0

    def fail_once(_: int, call: str) -> None:
        nonlocal seen
        seen += call == "Publish"
        if call == "Publish" and seen == 1:
            raise ConnectionError("no SNS")

    function.wire.before = fail_once
    with pytest.raises(ConnectionError):
        function(SWEEP)
    assert world.kinds() == ["resolved"] * 2
    world.clock.forward(seconds=61)
    function(SWEEP)
    assert world.kinds() == ["resolved"]


def test_when_sns_is_down_a_tick_gives_up_after_three_and_nothing_is_lost(world: World) -> None:
    function = world.function()
    for number in range(8):
        function(event(breach(71, device=f"d-{number}")))
        world.store(f"d-{number}", 50, at=NOON + timedelta(minutes=1))
        world.clock.forward(seconds=1)
    world.new_mails()
    world.clock.now = NOON + timedelta(minutes=2)
    function.wire.before = fail_at("Publish")
    calls = len(function.calls)
    with pytest.raises(ConnectionError):
        function(SWEEP)
    assert function.calls[calls:].count("Publish") == 3
    function.wire.before = lambda number, call: None
    for _ in range(4):
        world.clock.forward(seconds=61)
        function(SWEEP)
    told = world.new_mails()
    singly = [mail for mail in told if mail["kind"] == "resolved"]
    in_digests = sum(int(mail["subject"].split()[1]) for mail in told if mail["kind"] == "digest")
    assert len(singly) + in_digests == 8


def test_an_open_alert_costs_one_small_query_a_tick_and_no_write(world: World) -> None:
    function = world.function()
    for number in range(5):
        function(event(breach(71, device=f"d-{number}")))
        world.clock.forward(seconds=1)
    idle = world.function()
    calls: list[int] = []
    for _ in range(2):
        before = len(idle.calls)
        idle(SWEEP)
        made = idle.calls[before:]
        assert set(made) == {"Query", "GetItem"}
        calls.append(len(made))
    assert calls == [14 + 5] * 2
    size = max(len(str(item)) for item in world.items("alert"))
    assert size < 2_500
    assert world.dynamodb.scan(TableName=READINGS)["Count"] == 0


def test_items_that_cannot_be_read_are_set_aside_reported_once_and_hold_up_nothing(world: World) -> None:
    function = world.function()
    function(event(breach()))
    world.store("boiler-7", 50, at=NOON + timedelta(minutes=1))
    for work in ("send", "watch"):
        for shard in range(4):
            break_item(world, f"broken-{work}#{shard}", work=f"{work}#{shard}")
    world.clock.forward(minutes=2)
    with pytest.raises(UnreadableError, match="broken"):
        function(SWEEP)
    assert world.kinds() == ["opened", "resolved"]
    function(SWEEP)  # Lambda tries it again
    aside = [key for key in keys(world) if key.startswith("unreadable#")]
    assert len(aside) == 8


def test_a_breach_is_mailed_whatever_has_become_of_its_alerts_item(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    function = world.function()
    for version in ("1", None):
        break_item(world, "boiler-7#temperature", work="watch#0", version=version)
        function(event(breach(at=world.clock.now)))
        assert world.kinds() == ["opened"]
        assert '"records_failed": 1' in capsys.readouterr().out
        world.clock.forward(minutes=1)
        world.store("boiler-7", 50, at=world.clock.now)
        function(SWEEP)
        assert world.kinds() == ["resolved"]


def test_messages_that_can_be_read_are_sent_from_an_item_that_cannot(world: World) -> None:
    function = world.function()
    function.wire.before = fail_at("Publish")
    with pytest.raises(ConnectionError):
        function(event(breach()))
    function.wire.before = lambda number, call: None
    (item,) = world.items("alert")
    item["settled_through"] = {"S": "1-01-01T00:00:00.000000Z"}
    world.dynamodb.put_item(TableName=ALERTS, Item=item)
    world.clock.forward(minutes=2)
    with pytest.raises(UnreadableError):
        function(SWEEP)
    assert world.kinds() == ["opened"]


def test_records_that_fail_by_themselves_are_raised_once_an_hour_and_stop_no_other(world: World) -> None:
    function = world.function()
    for number in range(5):
        function(event(breach(71, device=f"bad-{number}")))
    for device in ("good", "late"):
        world.clock.forward(seconds=1)
        function(event(breach(71, device=device)))
        world.store(device, 50, at=NOON + timedelta(minutes=1), uploaded_at=NOON + timedelta(minutes=1))
    world.new_mails()
    for number in range(5):
        world.dynamodb.put_item(
            TableName=READINGS,
            Item={
                "device_id": {"S": f"bad-{number}"},
                "reading_id": {"S": f"2026-11-22T12:00:30.000000Z#{0:016}"},
                "uploaded_at": {"S": "2026-11-22T12:00:30.000000Z"},
                "metrics": {"M": {"temperature": {"S": "hot"}}},
            },
        )
    world.clock.forward(minutes=2)
    with pytest.raises(KeyError):
        function(SWEEP)
    assert world.kinds().count("resolved") == 2
    for _ in range(3):
        function(SWEEP)
        world.clock.forward(minutes=1)
    world.clock.forward(hours=1)
    with pytest.raises(KeyError):
        function(SWEEP)


def test_when_the_table_is_out_of_order_a_part_gives_up_after_three(world: World) -> None:
    function = world.function()
    for number in range(8):
        function(event(breach(71, device=f"d-{number}")))
    world.clock.forward(minutes=2)
    asked = 0

    def no_readings(_: int, call: str) -> None:
        nonlocal asked
        if call == "Query":
            asked += 1
            if asked > 4 + 1:  # the four partitions of what is to be sent, and the first of what is watched
                raise ConnectionError("no Query")

    function.wire.before = no_readings
    with pytest.raises(ConnectionError):
        function(SWEEP)
    assert asked <= 5 + 3 + 1


def test_of_two_sweeps_at_once_the_slower_does_not_move_the_others_bookmark(world: World) -> None:
    ledger = Ledger(world.dynamodb, table=ALERTS)
    slow, fast = ledger.bookmark("watch"), ledger.bookmark("watch")
    ledger.move(fast, Cursor(shard=2, after="d-9#t", due_at="x"), now=NOON)
    ledger.move(slow, Cursor(shard=0, after="d-1#t", due_at="x"), now=NOON)
    slow = ledger.bookmark("watch")
    assert slow.at == Cursor(shard=2, after="d-9#t", due_at="x")
    ledger.move(ledger.bookmark("watch"), None, now=NOON)
    ledger.move(slow, Cursor(shard=3), now=NOON)
    assert ledger.bookmark("watch").at is None


def break_item(world: World, key: str, *, work: str, version: str | None = "1") -> None:
    """Overwrite an item with one that no function has written."""
    item: dict[str, Any] = {
        "alert_key": {"S": key},
        "work": {"S": work},
        "due_at": {"S": "2026-11-22T00:00:00.000000Z"},
        "record": {"S": "alert"},
        "outbox": {"L": []},
    }
    world.dynamodb.put_item(TableName=ALERTS, Item={**item, **({"version": {"N": version}} if version else {})})


def keys(world: World) -> list[str]:
    """The keys of all items of the ledger."""
    return [item["alert_key"]["S"] for item in world.dynamodb.scan(TableName=ALERTS)["Items"]]
