"""One breach in, one e-mail out: with duplicates, races and crashes."""

import random
from datetime import timedelta

import pytest
from alert_events import NOON, SWEEP, breach, event, rejected
from alert_kit import CrashError, World, crash_at, fail_at, settle

from lambdas.shared.threshold_source import ThresholdsUnavailableError

OPENING_CALLS = ["GetItem", "UpdateItem", "PutItem", "Publish", "PutItem"]


def test_an_opening_takes_five_calls_and_one_mail(world: World) -> None:
    function = world.function()
    counts = function(event(breach()))
    assert function.calls == OPENING_CALLS
    assert counts["emails_sent"] == counts["opened"] == 1
    (mail,) = world.new_mails()
    assert mail["subject"] == "[CRITICAL] boiler-7 temperature 92.4 Cel above 85"
    assert mail["attributes"] == {
        "kind": "opened",
        "severity": "critical",
        "device_id": "boiler-7",
        "metric": "temperature",
    }


def test_a_redelivered_breach_costs_one_read_and_no_mail(world: World) -> None:
    world.function()(event(breach()))
    again = world.function()
    again(event(breach()))
    assert again.calls == ["GetItem"]
    assert world.kinds() == ["opened"]


def test_a_sweep_with_nothing_to_do_writes_nothing(world: World) -> None:
    function = world.function()
    function(SWEEP)
    assert set(function.calls) == {"Query", "GetItem"}


def test_an_escalation_is_one_more_mail(world: World) -> None:
    function = world.function()
    for value, minute in ((71, 0), (92, 1), (93, 2)):
        function(event(breach(value, at=NOON + timedelta(minutes=minute))))
    assert world.kinds() == ["escalated", "opened"]


@pytest.mark.parametrize("number", range(1, len(OPENING_CALLS) + 1))
@pytest.mark.parametrize("race", ["the same breach", "a graver breach", "the sweep"])
def test_two_functions_interleaved_at_any_call_send_each_mail_once(world: World, number: int, race: str) -> None:
    first, second = world.function(), world.function()
    graver = event(breach(92, at=NOON + timedelta(seconds=5)))
    other = {"the same breach": event(breach(71)), "a graver breach": graver, "the sweep": SWEEP}[race]

    def run_the_other(at: int, _call: str) -> None:
        if at == number:
            first.wire.before = lambda number, call: None
            second(other)

    first.wire.before = run_the_other
    first(event(breach(71)))
    settle(world)
    opened_critical = race == "a graver breach" and number <= OPENING_CALLS.index("PutItem") + 1
    escalated = race == "a graver breach" and not opened_critical
    mails = world.new_mails()
    assert sorted(mail["kind"] for mail in mails) == ["escalated", "opened"][not escalated :]
    severities = {mail["kind"]: mail["attributes"]["severity"] for mail in mails}
    assert severities["opened"] == ("critical" if opened_critical else "warning")


@pytest.mark.parametrize("number", range(1, len(OPENING_CALLS) + 1))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_call_loses_nothing_and_repeats_only_between_publish_and_sent(
    world: World, number: int, when: str
) -> None:
    dying = world.function()
    setattr(dying.wire, when, crash_at(number))
    with pytest.raises(CrashError):
        dying(event(breach()))
    world.clock.forward(seconds=61)
    world.function()(event(breach()))  # Lambda tries again
    settle(world)
    published, marked = OPENING_CALLS.index("Publish") + 1, len(OPENING_CALLS)
    in_the_window = (number, when) in ((published, "after"), (marked, "before"))
    assert world.kinds() == ["opened"] * (2 if in_the_window else 1)
    assert world.statuses() == {"SENT": 1}


@pytest.mark.parametrize("number", range(3, len(OPENING_CALLS) + 1))
def test_the_sweep_sends_what_a_crash_left_behind_even_if_the_event_never_comes_again(
    world: World, number: int
) -> None:
    dying = world.function()
    dying.wire.after = crash_at(number)
    with pytest.raises(CrashError):
        dying(event(breach()))
    world.function()(SWEEP)
    before_the_lease_ran_out = world.kinds()
    settle(world)
    assert before_the_lease_ran_out == ([] if number < 4 else ["opened"])
    assert set(before_the_lease_ran_out + world.kinds()) == {"opened"}
    assert world.statuses() == {"SENT": 1}


def test_a_publish_that_fails_is_raised_and_made_up_for(world: World) -> None:
    function = world.function()
    function.wire.before = fail_at("Publish")
    with pytest.raises(ConnectionError):
        function(event(breach()))
    assert world.statuses() == {"LEASED": 1}
    settle(world)
    assert world.kinds() == ["opened"]


def test_nothing_is_published_under_a_lease_that_has_run_out(world: World) -> None:
    slow = world.function()
    slow.wire.after = lambda number, _: world.clock.forward(seconds=61) if number == 3 else None
    slow(event(breach()))
    assert "Publish" not in slow.calls
    settle(world)
    assert world.kinds() == ["opened"]


def test_a_live_lease_is_respected_by_redeliveries_and_by_the_sweep(world: World) -> None:
    dying = world.function()
    dying.wire.after = crash_at(OPENING_CALLS.index("PutItem") + 1)
    with pytest.raises(CrashError):
        dying(event(breach()))
    other = world.function()
    world.clock.forward(seconds=59)
    other(event(breach()))
    other(SWEEP)
    assert world.kinds() == []
    world.clock.forward(seconds=1)
    other(event(breach()))
    assert world.kinds() == ["opened"]


def test_what_sns_took_is_marked_sent_even_if_the_lease_has_gone_to_another(world: World) -> None:
    """Publish hangs past the lease; a second process takes it and dies: nobody must send a third time."""
    slow, dying = world.function(), world.function()
    dying.wire.before = crash_at(len(OPENING_CALLS))

    def hang(_: int, call: str) -> None:
        if call == "Publish":
            slow.wire.after = lambda number, call: None
            world.clock.forward(seconds=61)
            with pytest.raises(CrashError):
                dying(event(breach()))

    slow.wire.after = hang
    slow(event(breach()))
    assert world.statuses() == {"SENT": 1}
    assert world.kinds() == ["opened", "opened"]
    settle(world)
    assert world.kinds() == []


def test_state_is_read_consistently_before_it_is_judged(world: World) -> None:
    """A stale read of an alert that the sweep has just closed would swallow the next breach as a duplicate."""
    asked: list[object] = []
    function = world.function()
    events = function.wire.clients["dynamodb"].meta.events
    watched = "provide-client-params.dynamodb.GetItem", lambda params, **_: asked.append(params.get("ConsistentRead"))
    events.register(*watched)
    function(event(breach()))
    events.unregister(*watched)
    assert asked == [True]


def test_contention_on_one_item_ends_in_an_error_after_ten_tries(world: World) -> None:
    function, other = world.function(), world.function()
    minutes = iter(range(1, 100))

    def write_first(_: int, call: str) -> None:
        if call == "PutItem":
            other(event(breach(at=NOON - timedelta(hours=1) + timedelta(minutes=next(minutes)))))

    function.wire.before = write_first
    with pytest.raises(RuntimeError, match=r"boiler-7#temperature: written by others 10 times in a row"):
        function(event(breach()))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_every_delivery_doubled_and_shuffled_the_mails_are_the_same(world: World, seed: int) -> None:
    function = world.function()
    deliveries = [
        *(event(breach(71, device="pump-1", at=NOON + timedelta(seconds=n))) for n in range(4)),
        *(event(breach(92, device="boiler-7", at=NOON + timedelta(seconds=n))) for n in range(3)),
        *(event(rejected(f"incoming/gateway-5/{n}.json")) for n in range(2)),
    ] * 2
    random.Random(seed).shuffle(deliveries)  # noqa: S311
    for delivery in deliveries:
        function(delivery)
    settle(world)
    mails = [mail["attributes"] for mail in world.new_mails()]
    assert sorted((mail["kind"], mail["device_id"], mail["severity"]) for mail in mails) == [
        ("opened", "boiler-7", "critical"),
        ("opened", "pump-1", "warning"),
        ("rejected", "gateway-5", "none"),
    ]


def test_a_breach_is_decided_only_once_the_thresholds_can_be_read(world: World) -> None:
    cold = world.function()
    cold.wire.throttled = True
    with pytest.raises(ThresholdsUnavailableError, match="Rate exceeded"):
        cold(event(breach()))
    assert (cold.calls, world.items("alert")) == ([], [])
    cold.wire.throttled = False
    cold(event(breach()))  # Lambda delivers the event again
    assert world.kinds() == ["opened"]
