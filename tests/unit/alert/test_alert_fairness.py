"""One source among others: whatever it uploads, the others' e-mails leave, are named, and end in time."""

import zlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from lambdas.alert import sweep
from lambdas.alert.adapters import codec, ledger_items
from lambdas.alert.adapters import ledger as ledger_module
from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import SHARDS, alert_key
from lambdas.alert.delivery import digest
from lambdas.alert.delivery.email_budget import EMAILS_PER_SECOND, EmailBudget
from tests.unit.alert.alert_kit import ALERTS, NOON, SWEEP, Function, World, breach, event, time_for

HOSTILE = "incoming/gateway-9/forged.json"
HONEST = ("boiler-7", "boiler-8", "boiler-9")


@pytest.fixture
def small(make_world: Callable[..., World]) -> World:
    """A world whose budget is one e-mail a minute."""
    return make_world(EMAILS_PER_MINUTE=1)


def forge(function: Function, number: int, *, value: float = 1e9) -> None:
    for place in range(number):
        function(event(breach(value + place, device=f"forged-{place:03}", key=HOSTILE)))


def test_half_of_a_minutes_budget_is_left_to_sources_under_their_share(world: World) -> None:
    budget = EmailBudget(world.dynamodb, table=ALERTS, per_minute=30)
    taken: Counter[str] = Counter()
    for second in range(30):
        now = NOON + timedelta(seconds=second)
        taken["gateway-9"] += sum(budget.take(now, source="gateway-9") for _ in range(EMAILS_PER_SECOND))
    assert taken["gateway-9"] == 15
    for second in range(30, 60):
        now = NOON + timedelta(seconds=second)
        taken["boiler-7"] += budget.take(now, source="boiler-7")
        taken["press-1"] += budget.take(now, source="press-1")
    assert taken == {"gateway-9": 15, "boiler-7": 7, "press-1": 7}


def test_a_source_whose_share_is_spent_asks_nobody_again_in_that_minute(world: World) -> None:
    function = world.function()
    budget = EmailBudget(world.dynamodb, table=ALERTS, per_minute=8)
    asked = function.within(
        lambda: [budget.take(NOON + timedelta(seconds=second), source="gateway-9") for second in range(20)]
    )
    assert asked == [True] * 4 + [False] * 16
    assert len(function.calls) == 5
    assert budget.take(NOON + timedelta(seconds=21), source="boiler-7")


@pytest.mark.parametrize("first", ["forged", "real"])
def test_among_forged_criticals_another_devices_critical_is_named(world: World, first: str) -> None:
    function = world.function()
    for which in ("forged", "real") if first == "forged" else ("real", "forged"):
        if which == "real":
            function(event(breach(99, device="boiler-7")))
        else:
            forge(function, 55)
    world.settle()
    assert any("boiler-7 temperature" in mail["subject"] + mail["body"] for mail in world.new_mails())


def test_a_digest_names_the_worst_of_each_source_and_counts_the_rest_by_source(world: World) -> None:
    function = world.function()
    forge(function, 40)
    for number in range(16):
        function(event(breach(71 + number / 2, device=f"press-{number}", key="incoming/press/1.json")))
    world.clock.forward(minutes=1)
    world.new_mails()
    function(SWEEP)
    (mail,) = world.new_mails()
    lines = [line for line in mail["body"].splitlines() if line.startswith("  [")]
    assert len(lines) == 50
    assert [line.split()[1] for line in lines[:4]] == ["forged-039", "press-15", "forged-038", "press-14"]
    assert "And 2 more of gateway-9." in " ".join(mail["body"].split())


def test_a_digest_sees_every_source_though_one_has_more_waiting_than_a_tick_keeps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_MOST_WAITING", 4)
    function = world.function()
    forge(function, 30)
    function(event(breach(71, device="boiler-7")))
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert "boiler-7 temperature" in world.new_mails()[-1]["body"]
    assert len(world.items("alert")) == 31, "what no digest has counted yet stays in the ledger"


def test_what_waits_behind_more_than_a_tick_reads_is_mailed_within_some_ticks(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "_PAGE", 5)
    monkeypatch.setattr(digest, "MOST", 4)
    forge(small.function(), 40)
    names = (f"honest-{number}" for number in range(99))
    last = next(n for n in names if zlib.crc32(alert_key(n, "temperature").encode()) % SHARDS == SHARDS - 1)
    small.function()(event(breach(90, device=last)))
    small.new_mails()
    ticks = 0
    while not any(last in mail["body"] for mail in small.new_mails()):
        small.clock.forward(minutes=1)
        tick = small.function()
        # A minute, of which each page that is read takes so much that five of them are the share of sending.
        tick.time_left = lambda tick=tick: 60 - tick.calls.count("Query") * 60 * 0.4 / 5  # type: ignore[misc]
        tick(SWEEP)
        ticks += 1
        assert ticks <= 5


@pytest.mark.parametrize("why", ["others keep writing it", "it has no room for the mark"])
def test_a_record_that_cannot_be_marked_waits_alone(small: World, why: str) -> None:
    """A digest stands for many sources: what one of them does to its own record holds up none of the others."""
    function, key = small.function(), {"alert_key": {"S": alert_key("hostile", "temperature")}}
    for device in ("first", "hostile", "honest-1", "honest-2"):
        function(event(breach(90, device=device)))
    assert small.kinds() == ["opened"]
    small.clock.forward(minutes=1)

    def update(expression: str, value: dict[str, str]) -> None:
        small.dynamodb.update_item(
            TableName=ALERTS, Key=key, UpdateExpression=expression, ExpressionAttributeValues={":value": value}
        )

    if why == "others keep writing it":
        function.before = lambda _, call: update("ADD version :value", {"N": "1"}) if call == "PutItem" else None
    else:
        item = small.dynamodb.get_item(TableName=ALERTS, Key=key)["Item"]
        room = ledger_items._MOST_BYTES - codec.size(item) - 10
        update("SET alert.worst.trace_id = :value", {"S": "x" * room})
    function(SWEEP)
    (mail,) = small.new_mails()
    assert [name in mail["body"] for name in ("honest-1", "honest-2", "hostile")] == [True, True, False]


def test_open_alerts_of_one_source_do_not_hold_up_anothers_all_clear(world: World) -> None:
    function = world.function()
    forge(function, 20, value=71)
    world.clock.forward(seconds=1)
    for device in HONEST:
        function(event(breach(71, device=device)))
    world.clock.forward(minutes=1)
    function(SWEEP)
    for device in HONEST:
        world.store(device, 50, at=world.clock.now)
    world.clock.forward(minutes=1)
    for _ in range(2):
        function.time_left = time_for(1 + 5)
        function(SWEEP)
        world.clock.forward(minutes=1)
    assert world.ended() == set(HONEST)


def test_the_alerts_of_one_source_all_get_their_turn_though_time_is_short(world: World) -> None:
    function = world.function()
    forge(function, 15, value=71)
    world.clock.forward(minutes=1)
    function(SWEEP)
    for number in range(15):
        world.store(f"forged-{number:03}", 50, at=world.clock.now)
    world.clock.forward(minutes=1)
    for _ in range(9):  # five at a time: three ticks, times three
        function.time_left = time_for(10 + 5)
        function(SWEEP)
        world.clock.forward(minutes=1)
    assert len(world.ended()) == 15


def test_more_alerts_than_are_read_whole_are_looked_after_like_all_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "_WHOLE", 2)
    monkeypatch.setattr(ledger_module, "_PAGE", 2)
    function = world.function()
    for number in range(12):
        function(event(breach(71, device=f"d-{number}", key=HOSTILE if number % 2 else None)))
    world.clock.forward(minutes=1)
    function(SWEEP)
    for number in range(12):
        world.store(f"d-{number}", 50, at=world.clock.now)
    ledger = Ledger(world.dynamodb, table=ALERTS)
    found = [watched for watched, _ in ledger.watched(now=world.clock.now)]
    assert {watched.record is None for watched in found} == {True, False}
    assert Counter(watched.source for watched in found)["gateway-9"] == 6
    world.clock.forward(minutes=1)
    function(SWEEP)
    assert len(world.ended()) == 12


def test_the_names_that_one_source_registered_do_not_hold_up_anothers_silence(world: World) -> None:
    for number in range(60):
        world.register(f"a-{number:02}", source="gateway-9")
        world.store(f"a-{number:02}", 20, at=NOON)
    world.register("boiler-7", source="boiler-7")
    world.store("boiler-7", 20, at=NOON - timedelta(minutes=30))
    function = world.function()
    function.time_left = time_for(1 + 4)
    function(SWEEP)
    (mail,) = world.new_mails()
    assert mail["subject"].startswith("[SILENT] boiler-7")
    (item,) = world.items("silence")
    assert item["source"]["S"] == "boiler-7"
