"""One breach in, one e-mail out. Crashes, races and duplicates at every call are the business of tests/faults."""

from datetime import timedelta

import pytest

from lambdas.shared.thresholds.parameter import ThresholdsUnavailableError
from tests.unit.alert.alert_kit import NOON, SWEEP, CrashError, World, breach, crash_at, event, fail_at, once

# The mutes, which are good for ten seconds; the record, the budget, the lease, the document, the e-mail, the mark.
OPENING_CALLS = ["GetItem", "GetItem", "UpdateItem", "PutItem", "Publish", "Publish", "PutItem"]


def test_an_opening_takes_six_calls_and_one_mail(world: World) -> None:
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
    function = world.function()
    function(event(breach()))
    function.calls.clear()
    function(event(breach()))
    assert function.calls == ["GetItem"]
    assert world.kinds() == ["opened"]


def test_a_sweep_with_nothing_to_do_writes_nothing(world: World) -> None:
    function = world.function()
    function(SWEEP)
    assert set(function.calls) == {"Query", "GetItem"}


@pytest.mark.parametrize("number", range(4, len(OPENING_CALLS) + 1))
def test_the_sweep_sends_what_a_crash_left_behind_even_if_the_event_never_comes_again(
    world: World, number: int
) -> None:
    dying = world.function()
    dying.after = crash_at(number)
    with pytest.raises(CrashError):
        dying(event(breach()))
    world.function()(SWEEP)
    before_the_lease_ran_out = world.kinds()
    world.settle()
    assert before_the_lease_ran_out == ([] if number < 6 else ["opened"])
    assert set(before_the_lease_ran_out + world.kinds()) == {"opened"}
    assert world.statuses() == {"SENT": 1}


def test_a_publish_that_fails_is_raised_and_made_up_for(world: World) -> None:
    function = world.function()
    function.before = fail_at("Publish")
    with pytest.raises(ConnectionError):
        function(event(breach()))
    assert world.statuses() == {"LEASED": 1}
    world.settle()
    assert world.kinds() == ["opened"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_document_that_fails_holds_back_the_mail_and_comes_again_with_the_same_id(world: World, when: str) -> None:
    function = world.function()
    setattr(function, when, fail_at("Publish", times=1))
    with pytest.raises(ConnectionError):
        function(event(breach()))
    assert world.kinds() == []
    world.settle()
    assert world.kinds() == ["opened"]
    ids = [document["id"] for document, _ in world.documents()]
    assert ids == [ids[0]] * (1 if when == "before" else 2)


def test_nothing_is_published_under_a_lease_that_has_run_out(world: World) -> None:
    slow = world.function()
    slow.after = lambda number, _: world.clock.forward(seconds=61) if number == 4 else None
    slow(event(breach()))
    assert "Publish" not in slow.calls
    world.settle()
    assert world.kinds() == ["opened"]


def test_a_live_lease_is_respected_by_redeliveries_and_by_the_sweep(world: World) -> None:
    dying = world.function()
    dying.after = crash_at(OPENING_CALLS.index("PutItem") + 1)
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
    dying.before = crash_at(len(OPENING_CALLS))

    def hang() -> None:
        world.clock.forward(seconds=61)
        with pytest.raises(CrashError):
            dying(event(breach()))

    slow.after = once("Publish", slow, hang)
    slow(event(breach()))
    assert world.statuses() == {"SENT": 1}
    assert world.kinds() == ["opened", "opened"]
    world.settle()
    assert world.kinds() == []


def test_state_is_read_consistently_before_it_is_judged(world: World) -> None:
    """A stale read of an alert that the sweep has just closed would swallow the next breach as a duplicate."""
    asked: list[object] = []
    watched = "provide-client-params.dynamodb.GetItem", lambda params, **_: asked.append(params.get("ConsistentRead"))
    world.dynamodb.meta.events.register(*watched)
    world.function()(event(breach()))
    world.dynamodb.meta.events.unregister(*watched)
    assert asked == [None, True], "the mutes, then the record"


def test_contention_on_one_item_ends_in_an_error_after_ten_tries(world: World) -> None:
    function, other = world.function(), world.function()
    minutes = iter(range(1, 100))

    def write_first(_: int, call: str) -> None:
        if call == "PutItem":
            other(event(breach(at=NOON - timedelta(hours=1) + timedelta(minutes=next(minutes)))))

    function.before = write_first
    with pytest.raises(RuntimeError, match=r"boiler-7#temperature: written by others 10 times in a row"):
        function(event(breach()))


def test_a_breach_is_decided_only_once_the_thresholds_can_be_read(world: World) -> None:
    cold = world.function()
    cold.throttled = True
    with pytest.raises(ThresholdsUnavailableError, match="Rate exceeded"):
        cold(event(breach()))
    assert (cold.calls, world.items("alert")) == ([], [])
    cold.throttled = False
    cold(event(breach()))  # Lambda delivers the event again
    assert world.kinds() == ["opened"]
