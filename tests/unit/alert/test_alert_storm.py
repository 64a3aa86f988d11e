"""Storms: never more e-mails than the budget, and every alert in an e-mail: its own, or a digest."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.delivery.email_budget import EMAILS_PER_SECOND, EmailBudget
from lambdas.alert.domain.models import Record, Silence
from lambdas.alert.domain.notices import Message, Notice, SilenceFacts
from tests.unit.alert.alert_kit import ALERTS, NOON, SWEEP, Function, World, breach, event


@pytest.fixture
def small(make_world: Callable[..., World]) -> World:
    """A world whose budget is six e-mails a minute."""
    return make_world(EMAILS_PER_MINUTE=6)


def storm(function: Function, devices: int) -> None:
    for number in range(devices):
        function(event(breach(71 + number / 1000 if number % 10 else 90, device=f"d-{number:04}")))


def test_no_second_and_no_minute_has_more_than_its_budget(world: World) -> None:
    per_minute = world.settings.emails_per_minute
    budget = EmailBudget(world.dynamodb, table=ALERTS, per_minute=per_minute)
    taken: Counter[datetime] = Counter()
    for second in range(20):
        now = NOON + timedelta(seconds=second)
        taken[now] = sum(budget.take(now, source=f"device-{number}") for number in range(10))
    assert max(taken.values()) == EMAILS_PER_SECOND == 4
    assert sum(taken.values()) == per_minute == 30
    assert budget.take(NOON + timedelta(minutes=1))


def test_the_budget_is_one_for_all_processes_and_asks_nobody_once_it_is_spent(world: World) -> None:
    functions = world.function(), world.function()
    budgets = [EmailBudget(world.dynamodb, table=ALERTS, per_minute=3) for _ in functions]
    taken = [
        functions[n % 2].within(lambda n=n: budgets[n % 2].take(NOON, source=f"device-{n}"))  # type: ignore[misc]
        for n in range(8)
    ]
    assert taken == [True] * 3 + [False] * 5
    # The one that took the last knows it from the answer; the other was refused once.
    assert [len(function.calls) for function in functions] == [2, 2]


def test_a_storm_in_one_second_is_a_seconds_budget_of_mails_and_a_digest_of_all_others(world: World) -> None:
    function = world.function()
    storm(function, 60)
    assert world.kinds() == ["opened"] * EMAILS_PER_SECOND
    world.clock.forward(minutes=1)
    function(SWEEP)
    (digest,) = world.new_mails()
    assert digest["subject"] == "[DIGEST] 56 alerts over the e-mail budget, 5 of them critical"
    assert digest["attributes"] == {"kind": "digest", "severity": "critical", "device_id": "-", "metric": "-"}
    assert "sensorctl alerts --digest 2026-11-22T12:01Z" in digest["body"]
    lines = re.findall(r"^  \[(\w+)\] (d-\d+)", digest["body"], re.MULTILINE)
    assert [severity for severity, _ in lines] == ["CRITICAL"] * 5 + ["WARNING"] * 45
    assert [name for _, name in lines[5:]] == sorted((name for _, name in lines[5:]), reverse=True)
    assert world.statuses() == {"SENT": 4, "DIGESTED": 56}
    (item,) = world.items("digest")
    assert len({member["M"]["key"]["S"] for member in item["members"]["L"]}) == int(item["counted"]["N"]) == 56
    assert "work" not in item
    world.settle()
    assert world.kinds() == []


def test_a_single_message_over_the_budget_goes_out_as_itself(small: World) -> None:
    function = small.function()
    storm(function, EMAILS_PER_SECOND + 1)
    assert len(small.new_mails()) == EMAILS_PER_SECOND
    small.clock.forward(minutes=1)
    function(SWEEP)
    assert small.kinds() == ["opened"]
    assert small.statuses() == {"SENT": EMAILS_PER_SECOND + 1}


def test_there_is_one_digest_a_minute_however_often_the_sweep_runs(small: World) -> None:
    function = small.function()
    storm(function, 10)
    small.new_mails()
    small.clock.forward(minutes=1)
    function(SWEEP)
    assert small.kinds() == ["digest"]
    for number in range(10):
        function(event(breach(71, device=f"late-{number}")))
    small.new_mails()
    function(SWEEP)
    assert small.kinds() == []
    small.clock.forward(minutes=1)
    function(SWEEP)
    assert small.kinds() == ["digest"]


def test_a_digest_of_very_long_names_still_fits_into_an_item(world: World) -> None:
    facts = SilenceFacts(device_id="d", since=NOON, until=NOON, limit=900.0)
    notice = Notice(kind="silent", alert_id="a", silence=facts)
    message = Message(message_id="m" * 40, kind="silent", status="PENDING", created_at=NOON, notice=notice)
    ledger = Ledger(world.dynamodb, table=ALERTS)
    for number in range(160):
        key = f"{number:04}" + "k" * 2_000
        ledger.put(Record(key=key, state=Silence(device_id="d"), outbox=(message,)), now=NOON)
    world.function()(SWEEP)
    (item,) = world.items("digest")
    members = [member["M"] for member in item["members"]["L"]]
    assert 100 < len(members) == int(item["counted"]["N"]) < 150
    assert sum(len(member["key"]["S"]) + len(member["message_id"]["S"]) for member in members) < 300_000
    (mail,) = world.new_mails()
    assert mail["subject"].startswith(f"[DIGEST] {len(members)} alerts")
