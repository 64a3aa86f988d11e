"""Storms: never more e-mails than the budget, never an alert that nobody is told of."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from alert_events import NOON, SWEEP, breach, event
from alert_kit import CrashError, Function, Wires, World, crash_at
from alert_memory import MemoryBudget, MemoryLedger, Nothing, Outbox
from moto import mock_aws

from lambdas.alert import outbox
from lambdas.alert.alerting import Alerting
from lambdas.alert.budget import EMAILS_PER_SECOND, EmailBudget
from lambdas.alert.records import Decision, Digest, Message, MetricState, Notice, Record, Silence, SilenceFacts


@pytest.fixture
def small(wires: Wires) -> Iterator[World]:
    """A world whose budget is six e-mails a minute."""
    with mock_aws():
        yield World(wires, emails_per_minute=6)


def storm(world: World, function: Function, devices: int) -> None:
    for number in range(devices):
        function(event(breach(71 + number / 1000 if number % 10 else 90, device=f"d-{number:04}")))


def counted(mails: list[dict[str, Any]]) -> int:
    """How many messages the digests among the mails say they stand for."""
    return sum(int(mail["subject"].split()[1]) for mail in mails if mail["kind"] == "digest")


def test_no_second_and_no_minute_has_more_than_its_budget(world: World) -> None:
    budget = EmailBudget(world.dynamodb, table="alerts", per_minute=30)
    taken: Counter[datetime] = Counter()
    for second in range(20):
        now = NOON + timedelta(seconds=second)
        taken[now] = sum(budget.take(now, source=f"device-{number}") for number in range(10))
    assert max(taken.values()) == EMAILS_PER_SECOND == 4
    assert sum(taken.values()) == 30
    assert budget.take(NOON + timedelta(minutes=1))


def test_the_budget_is_one_for_all_processes_and_asks_nobody_once_it_is_spent(world: World) -> None:
    first, second = world.function(), world.function()
    budgets = [EmailBudget(f.wire.clients["dynamodb"], table="alerts", per_minute=3) for f in (first, second)]
    assert [budgets[n % 2].take(NOON, source=f"device-{n}") for n in range(8)] == [True] * 3 + [False] * 5
    # The one that took the last knows it from the answer; the other was refused once.
    assert (len(first.calls), len(second.calls)) == (2, 2)


def test_two_thousand_devices_in_one_second_make_few_mails_and_every_one_is_told_once(world: World) -> None:
    ledger, topic = MemoryLedger(), Outbox()
    adapters = {"ledger": ledger, "budget": MemoryBudget(), "mailer": topic, "readings": Nothing()}
    function = Alerting.on_aws(world.settings, client=world.wires.client, clock=world.clock, **adapters)
    for number in range(2_000):
        function.handle(event(breach(71 + number / 1000, device=f"d-{number:04}")), time_left=lambda: 60)
    assert len(topic.mails) == 30
    told = len(topic.mails)
    minutes = 0
    while any(outbox.waiting(record) for record in ledger.records.values()):
        minutes += 1
        world.clock.forward(minutes=1)
        function.handle(SWEEP, time_left=lambda: 60)
        this_minute, told = topic.mails[told:], len(topic.mails)
        assert [mail.attributes["kind"] for mail in this_minute] == ["digest"]
        assert minutes <= 2
    alerts = [record for record in ledger.records.values() if isinstance(record.state, MetricState)]
    assert [len(alert.outbox) for alert in alerts] == [1] * 2_000
    by_digest = Counter(message.digest_id for alert in alerts for message in alert.outbox)
    digests = [record.state for record in ledger.records.values() if isinstance(record.state, Digest)]
    assert {digest.digest_id: digest.counted for digest in digests} == {
        name: count for name, count in by_digest.items() if name is not None
    }
    assert sum(digest.counted or 0 for digest in digests) == 2_000 - 30


def test_a_storm_on_dynamodb_is_few_mails_a_minute_and_every_one_is_counted_once(small: World) -> None:
    function = small.function()
    storm(small, function, 24)
    told = small.new_mails()
    assert len(told) <= 6
    small.clock.forward(minutes=1)
    function(SWEEP)
    digested = small.new_mails()
    assert [mail["kind"] for mail in digested] == ["digest"]
    assert len(told) + counted(digested) == 24
    assert small.statuses() == {"SENT": len(told), "DIGESTED": counted(digested)}
    (item,) = small.items("digest")
    named = {member["M"]["key"]["S"] for member in item["members"]["L"]}
    assert len(named) == int(item["counted"]["N"]) == counted(digested)
    assert "work" not in item


def test_a_digest_names_the_worst_first_and_says_where_the_rest_is(world: World) -> None:
    topic = Outbox()
    adapters = {"ledger": MemoryLedger(), "budget": MemoryBudget(), "mailer": topic, "readings": Nothing()}
    function = Alerting.on_aws(world.settings, client=world.wires.client, clock=world.clock, **adapters)
    for number in range(90):
        value = 71 + number / 1000 if number % 10 else 90
        function.handle(event(breach(value, device=f"d-{number:04}")), time_left=lambda: 60)
    world.clock.forward(minutes=1)
    function.handle(SWEEP, time_left=lambda: 60)
    digest = topic.mails[-1]
    lines = re.findall(r"^  \[(\w+)\] (d-\d+)", digest.body, re.MULTILINE)
    assert len(lines) == 50
    assert [severity for severity, _ in lines] == ["CRITICAL"] * 6 + ["WARNING"] * 44
    assert [name for _, name in lines[6:]] == sorted((name for _, name in lines[6:]), reverse=True)
    assert digest.attributes == {"kind": "digest", "severity": "critical", "device_id": "-", "metric": "-"}
    assert "sensorctl alerts --digest 2026-11-22T12:01Z" in digest.body
    assert digest.subject == "[DIGEST] 60 alerts over the e-mail budget, 6 of them critical"


def test_a_single_message_over_the_budget_goes_out_as_itself(small: World) -> None:
    function = small.function()
    storm(small, function, EMAILS_PER_SECOND + 1)
    assert len(small.new_mails()) == EMAILS_PER_SECOND
    small.clock.forward(minutes=1)
    function(SWEEP)
    assert small.kinds() == ["opened"]
    assert small.statuses() == {"SENT": EMAILS_PER_SECOND + 1}


def test_there_is_one_digest_a_minute_however_often_the_sweep_runs(small: World) -> None:
    function = small.function()
    storm(small, function, 10)
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


def calls_of_a_digest(world: World) -> list[str]:
    function = world.function()
    storm(world, function, 3)
    world.new_mails()
    world.clock.forward(minutes=1)
    sweeping = world.function()
    sweeping(SWEEP)
    return sweeping.calls


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_digest_cut_short_at_any_call_counts_everything_once(wires: Wires, when: str) -> None:
    with mock_aws():
        calls = calls_of_a_digest(World(wires, emails_per_minute=1))
    first = calls.index("PutItem")
    last = len(calls) - 1 - calls[::-1].index("PutItem")
    assert calls[first : last + 1] == ["PutItem"] * 3 + ["Publish", "PutItem"]
    for number in range(first + 1, last + 2):
        with mock_aws():
            world = World(wires, emails_per_minute=1)
            storm(world, world.function(), 3)
            world.new_mails()
            world.clock.forward(minutes=1)
            dying = world.function()
            setattr(dying.wire, when, crash_at(number))
            with pytest.raises(CrashError):
                dying(SWEEP)
            survivor = world.function()
            for _ in range(2):
                world.clock.forward(seconds=61)
                survivor(SWEEP)
            mails = world.new_mails()
            assert world.statuses() == {"SENT": 1, "DIGESTED": 2}
            ids = {message["M"]["digest_id"]["S"] for item in world.items("alert") for message in item["outbox"]["L"]
                   if message["M"]["status"]["S"] == "DIGESTED"}  # fmt: skip
            assert len(ids) == 1
            window = (number, when) in ((last, "after"), (last + 1, "before"))
            assert [mail["kind"] for mail in mails] == ["digest"] * (2 if window else 1)
            assert {counted([mail]) for mail in mails} == {2}


def test_a_message_that_left_the_queue_meanwhile_is_not_counted(small: World) -> None:
    """Two sweeps at once: each message is told by one of them."""
    function = small.function()
    storm(small, function, EMAILS_PER_SECOND + 5)
    small.new_mails()
    small.clock.forward(minutes=1)
    first, second = small.function(), small.function()

    def run_the_other(_: int, call: str) -> None:
        if call == "PutItem":
            first.wire.before = lambda number, call: None
            second(SWEEP)

    first.wire.before = run_the_other
    first(SWEEP)
    mails = small.new_mails()
    assert [mail["kind"] for mail in mails] == ["digest"]
    assert counted(mails) == 5


def test_a_message_that_is_leased_before_the_digest_marks_it_is_sent_and_not_counted(small: World) -> None:
    function = small.function()
    storm(small, function, EMAILS_PER_SECOND + 3)
    waiting = [item for item in small.items("alert") if item["outbox"]["L"][0]["M"]["status"]["S"] == "PENDING"]
    told = small.new_mails()
    small.clock.forward(minutes=1)
    sweeping, other = small.function(), small.function()
    puts = 0

    def lease_one(_: int, call: str) -> None:
        nonlocal puts
        puts += call == "PutItem"
        if call == "PutItem" and puts == 2:
            other.alerting._delivery.transition(
                waiting[0]["alert_key"]["S"], lambda state, _: Decision(state=state, outcome="unchanged"), pending=True
            )

    sweeping.wire.before = lease_one
    sweeping(SWEEP)
    told += small.new_mails()
    small.clock.forward(seconds=61)
    sweeping(SWEEP)
    told += small.new_mails()
    assert Counter(mail["kind"] for mail in told) == {"opened": EMAILS_PER_SECOND + 1, "digest": 1}
    assert counted(told) == 2
    assert small.statuses() == {"SENT": EMAILS_PER_SECOND + 1, "DIGESTED": 2}


def test_a_digest_of_very_long_names_still_fits_into_an_item(world: World) -> None:
    ledger, topic = MemoryLedger(), Outbox()
    facts = SilenceFacts(device_id="d", since=NOON, until=NOON, limit=timedelta(minutes=15))
    message = Message(
        message_id="m" * 40,
        kind="silent",
        status="PENDING",
        created_at=NOON,
        notice=Notice(kind="silent", alert_id="a", silence=facts),
    )
    for number in range(1_000):
        key = f"{number:04}" + "k" * 1_200
        ledger.records[key] = Record(key=key, version=1, state=Silence(device_id="d"), outbox=(message,))
    adapters = {"ledger": ledger, "budget": MemoryBudget(), "mailer": topic, "readings": Nothing()}
    function = Alerting.on_aws(world.settings, client=world.wires.client, clock=world.clock, **adapters)
    function.handle(SWEEP, time_left=lambda: 60)
    (digest,) = [record.state for record in ledger.records.values() if isinstance(record.state, Digest)]
    assert 200 < len(digest.members) == digest.counted < 300
    assert sum(len(member.key) + len(member.message_id) for member in digest.members) < 300_000
    assert topic.mails[0].subject.startswith(f"[DIGEST] {digest.counted} alerts")
