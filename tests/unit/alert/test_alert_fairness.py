"""One source among others: whatever it uploads, the others' e-mails leave, are named, and end in time."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from alert_events import NOON, SWEEP, breach, event
from alert_kit import ALERTS, READINGS, World, time_for
from alert_memory import MemoryLedger, Nothing, Outbox

from lambdas.alert import ledger as ledger_module
from lambdas.alert.alerting import Alerting
from lambdas.alert.budget import EMAILS_PER_SECOND, EmailBudget
from lambdas.alert.ledger import Ledger
from lambdas.alert.records import MetricState

HOSTILE = "incoming/gateway-9/forged.json"


def in_memory(world: World, **others: Any) -> tuple[Alerting, MemoryLedger, Outbox]:
    """The function on dictionaries, with DynamoDB's own budget."""
    ledger, topic = MemoryLedger(), Outbox()
    adapters = {"ledger": ledger, "mailer": topic, "readings": Nothing(), **others}
    function = Alerting.on_aws(world.settings, client=world.wires.client, clock=world.clock, **adapters)
    return function, ledger, topic


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
    budget = EmailBudget(function.wire.clients["dynamodb"], table=ALERTS, per_minute=8)
    asked = [budget.take(NOON + timedelta(seconds=second), source="gateway-9") for second in range(20)]
    assert asked == [True] * 4 + [False] * 16
    assert len(function.calls) == 5
    assert budget.take(NOON + timedelta(seconds=21), source="boiler-7")


@pytest.mark.parametrize("first", ["forged", "real"])
def test_among_900_forged_criticals_another_devices_critical_is_named(world: World, first: str) -> None:
    function, _, topic = in_memory(world)
    real = event(breach(99, device="boiler-7"))
    if first == "real":
        function.handle(real, time_left=lambda: 60)
    for number in range(900):
        forged = breach(1e9, device=f"forged-{number}", key=HOSTILE, severity="critical")
        function.handle(event(forged), time_left=lambda: 60)
    if first == "forged":
        function.handle(real, time_left=lambda: 60)
    for _ in range(2):
        world.clock.forward(minutes=1)
        function.handle(SWEEP, time_left=lambda: 60)
    assert any("boiler-7 temperature" in mail.subject + mail.body for mail in topic.mails)


def test_a_digest_names_the_worst_of_each_source_and_counts_the_rest_by_source(world: World) -> None:
    function, _, topic = in_memory(world)
    for number in range(900):
        forged = breach(1e9 + number, device=f"forged-{number:03}", key=HOSTILE, severity="critical")
        function.handle(event(forged), time_left=lambda: 60)
    for number in range(20):
        honest = breach(71 + number, device=f"press-{number}", key="incoming/press/1.json", severity="warning")
        function.handle(event(honest), time_left=lambda: 60)
    world.clock.forward(minutes=1)
    function.handle(SWEEP, time_left=lambda: 60)
    digest = topic.mails[-1]
    lines = [line for line in digest.body.splitlines() if line.startswith("  [")]
    assert len(lines) == 50
    assert [line.split()[1] for line in lines[:4]] == ["forged-899", "press-19", "forged-898", "press-18"]
    assert "And 866 more of gateway-9." in " ".join(digest.body.split())


def test_a_digest_sees_every_source_though_one_has_thousands_waiting(world: World) -> None:
    function, ledger, topic = in_memory(world)
    for number in range(11_000):
        forged = breach(1e9, device=f"forged-{number}", key=HOSTILE, severity="critical")
        function.handle(event(forged), time_left=lambda: 60)
    function.handle(event(breach(71, device="boiler-7")), time_left=lambda: 60)
    world.clock.forward(minutes=1)
    function.handle(SWEEP, time_left=lambda: 60)
    assert "boiler-7 temperature" in topic.mails[-1].body
    alerts = [record for record in ledger.records.values() if isinstance(record.state, MetricState)]
    assert len(alerts) == 11_001, "what no digest has counted yet stays in the ledger"


def test_thousands_of_open_alerts_of_one_source_do_not_hold_up_anothers_all_clear(world: World) -> None:
    function = world.function()
    for number in range(40):
        function(event(breach(71, device=f"forged-{number}", key=HOSTILE)))
    world.clock.forward(seconds=1)
    for device in ("boiler-7", "boiler-8", "boiler-9"):
        function(event(breach(71, device=device)))
    world.clock.forward(minutes=1)
    function(SWEEP)
    for device in ("boiler-7", "boiler-8", "boiler-9"):
        world.store(device, 50, at=world.clock.now)
    world.clock.forward(minutes=1)
    for _ in range(2):
        function.time_left = time_for(1 + 5)
        function(SWEEP)
        world.clock.forward(minutes=1)
    closed = {item["device_id"]["S"] for item in world.items("alert") if item["status"]["S"] == "closed"}
    assert closed == {"boiler-7", "boiler-8", "boiler-9"}


def test_the_alerts_of_one_source_all_get_their_turn_though_time_is_short(world: World) -> None:
    function = world.function()
    for number in range(40):
        function(event(breach(71, device=f"d-{number}", key=HOSTILE)))
    world.clock.forward(minutes=1)
    function(SWEEP)
    for number in range(40):
        world.store(f"d-{number}", 50, at=world.clock.now)
    world.clock.forward(minutes=1)
    for _ in range(22):  # five at a time: eight ticks, times 2.7
        function.time_left = time_for(10 + 5)
        function(SWEEP)
        world.clock.forward(minutes=1)
    assert {item["status"]["S"] for item in world.items("alert")} == {"closed"}


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
    assert {item["status"]["S"] for item in world.items("alert")} == {"closed"}


def test_the_names_that_one_source_registered_do_not_hold_up_anothers_silence(world: World) -> None:
    for number in range(60):
        register(world, f"a-{number:02}", source="gateway-9")
        world.store(f"a-{number:02}", 20, at=NOON)
    register(world, "boiler-7", source="boiler-7")
    world.store("boiler-7", 20, at=NOON - timedelta(minutes=30))
    function = world.function()
    function.time_left = time_for(1 + 4)
    function(SWEEP)
    (mail,) = world.new_mails()
    assert mail["subject"].startswith("[SILENT] boiler-7")
    (item,) = world.items("silence")
    assert item["source"]["S"] == "boiler-7"


def register(world: World, device: str, *, source: str) -> None:
    """The mark that ingest leaves for a device it has seen."""
    world.dynamodb.put_item(
        TableName=READINGS,
        Item={"device_id": {"S": "#devices#0"}, "reading_id": {"S": device}, "source": {"S": source}},
    )
