"""What a tick does: it ends alerts, and nothing that fails or cannot be read holds up the others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.alert.adapters.ledger import Cursor, Ledger, UnreadableError
from lambdas.shared.thresholds.parameter import ThresholdsUnavailableError
from tests.unit.alert.alert_kit import ALERTS, NOON, READINGS, SWEEP, THRESHOLDS, World, breach, event, fail_at, once


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


def test_an_alert_stays_open_while_the_newest_reading_is_not_past_clear(world: World) -> None:
    function = world.function()
    function(event(breach()))
    world.store("boiler-7", 50, at=NOON + timedelta(seconds=10))
    world.store("boiler-7", 65, at=NOON + timedelta(seconds=20))
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert world.kinds() == ["opened"]


def test_a_breach_that_comes_while_the_sweep_closes_keeps_the_alert_open(world: World) -> None:
    """The sweep has read the clear reading; a newer breach is stored and handled before the sweep writes."""
    sweeping, other = world.function(), world.function()
    other(event(breach(71)))
    world.clock.forward(minutes=1)
    world.store("boiler-7", 50, at=NOON + timedelta(seconds=30))
    newer = event(breach(72, at=NOON + timedelta(seconds=40)))
    sweeping.before = once("PutItem", sweeping, lambda: other(newer))
    sweeping(SWEEP)
    assert world.kinds() == ["opened"]
    assert world.ended() == set()


def test_readings_in_another_unit_are_compared_in_that_of_the_rule(world: World) -> None:
    """92.4 Cel is 198 degF: the number alone is past clear. What does not convert is no reading."""
    rule = {"unit": "degF", "warning": {"above": 160}, "critical": {"above": 190}, "clear": {"below": 150}}
    world.set_thresholds({"version": 1, "metrics": {"temperature": rule}})
    function = world.function()
    function(event(replace(breach(198), unit="degF", limit=190)))
    world.store("boiler-7", 92.4, at=NOON + timedelta(seconds=10), unit="Cel")
    world.store("boiler-7", 20, at=NOON + timedelta(seconds=20), unit="C")
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert world.kinds() == ["opened"]
    world.store("boiler-7", 60, at=NOON + timedelta(seconds=50), unit="°C")
    function(SWEEP)
    (resolved,) = world.new_mails()
    assert resolved["subject"] == "[RESOLVED] boiler-7 temperature 140 degF after 50 seconds"
    assert "Limit: above 190 degF (critical)" in " ".join(resolved["body"].split())


def test_what_a_mail_says_of_now_is_in_the_unit_of_the_rule_that_is_in_force_now(world: World) -> None:
    function = world.function()
    function(event(breach(92.4)))
    world.store("boiler-7", 50, at=NOON + timedelta(seconds=10))
    rule = {"unit": "degF", "critical": {"above": 185}, "clear": {"below": 150}}
    world.set_thresholds({"version": 1, "metrics": {"temperature": rule}})
    world.clock.forward(minutes=1)
    world.function()(SWEEP)
    resolved = next(mail for mail in world.new_mails() if mail["kind"] == "resolved")
    assert "[RESOLVED] boiler-7 temperature 50 degF" in resolved["subject"]
    for row in ("Limit: above 185 degF (critical)", "Clear: 50 degF", "Worst: 92.4 Cel"):
        assert row in " ".join(resolved["body"].split())


def test_a_clear_reading_older_than_the_breach_closes_nothing(world: World) -> None:
    world.store("boiler-7", 50, at=NOON - timedelta(seconds=1))
    world.store("boiler-7", 50, at=NOON)
    function = world.function()
    function(event(breach()))
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert world.kinds() == ["opened"]


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
    stuck.before = fail_at("Publish")
    with pytest.raises(ConnectionError):
        stuck(event(breach(50, severity="critical", device="boiler-8")))
    world.clock.forward(minutes=2)
    cold = world.function()
    cold.throttled = True
    with pytest.raises(ThresholdsUnavailableError, match="Rate exceeded"):
        cold(SWEEP)
    assert world.kinds() == ["opened"]  # boiler-8's; nothing of boiler-7
    cold.throttled = False
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


def test_one_record_that_fails_does_not_hold_up_the_others_and_is_raised_at_the_end(world: World) -> None:
    function = world.function()
    for device in ("a", "b", "c"):
        function(event(breach(71, device=device)))
        world.store(device, 50, at=NOON + timedelta(minutes=1))
    world.new_mails()
    world.clock.forward(minutes=2)
    function.before = fail_at("Publish", times=1)
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
    function.before = fail_at("Publish")
    calls = len(function.calls)
    with pytest.raises(ConnectionError):
        function(SWEEP)
    assert function.calls[calls:].count("Publish") == 3
    function.before = lambda number, call: None
    for _ in range(2):
        world.settle()
    mails = world.new_mails()
    in_digests = sum(int(mail["subject"].split()[1]) for mail in mails if mail["kind"] == "digest")
    assert [mail["kind"] for mail in mails].count("resolved") + in_digests == 8


def test_an_open_alert_costs_one_small_query_a_tick_and_no_write(world: World) -> None:
    function = world.function()
    for number in range(5):
        function(event(breach(71, device=f"d-{number}")))
        world.clock.forward(seconds=1)
    idle = world.function()
    for tick in (1, 2):
        idle(SWEEP)
        assert set(idle.calls) == {"Query", "GetItem"}
        # One of them reads the mutes.
        assert len(idle.calls) == tick * (1 + 16 + 5)
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
    assert len(set_aside(world)) == 8


def test_an_item_that_is_set_aside_again_does_not_replace_its_earlier_copy(world: World) -> None:
    function = world.function()
    for value in ("first", "second"):
        break_item(world, "boiler-7#temperature", work="watch#0", version=None, what=value)
        function(event(breach(at=world.clock.now)))
    assert {item["what"]["S"] for item in set_aside(world)} == {"first", "second"}


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
    function.before = fail_at("Publish")
    with pytest.raises(ConnectionError):
        function(event(breach()))
    function.before = lambda number, call: None
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
        world.store(f"bad-{number}", "hot", at=NOON + timedelta(seconds=30))
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
    tick = world.function()

    def no_readings(_: int, call: str) -> None:
        # Behind the four partitions of what is to be sent, and the first of what is watched.
        if call == "Query" and tick.calls.count("Query") > 4 + 1:
            raise ConnectionError("no Query")

    tick.before = no_readings
    with pytest.raises(ConnectionError):
        tick(SWEEP)
    assert tick.calls.count("Query") <= 5 + 3 + 1


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


def break_item(world: World, key: str, *, work: str, version: str | None = "1", what: str = "broken") -> None:
    """Overwrite an item with one that no function has written."""
    known = {"version": {"N": version}} if version else {}
    due = {"work": work, "due_at": "2026-11-22T00:00:00.000000Z"}
    world.put(ALERTS, alert_key=key, record="alert", outbox={"L": []}, what=what, **due, **known)


def set_aside(world: World) -> list[dict[str, Any]]:
    return [item for item in world.ledger() if item["alert_key"]["S"].startswith("unreadable#")]
