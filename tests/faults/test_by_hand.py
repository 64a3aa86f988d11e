"""A person acknowledges or closes an alert before any call of the function, beside crashes, races and copies."""

import random

import pytest

from tests.faults import by_hand
from tests.faults.runs import play
from tests.faults.sample import some
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedule import DEEDS, Plan, Schedule, kinds
from tests.faults.verdict import check
from tests.faults.world.clients import Clients
from tests.faults.world.world import World

STORY = SCENARIOS["seen-to-by-hand"]


def played(schedule: Schedule, clients: Clients) -> World:
    world = play(STORY, schedule, clients=clients)
    assert check(world).bad == [], str(schedule)
    return world


def test_undisturbed_it_reminds_goes_unattended_and_ends(clients: Clients) -> None:
    subjects = [mail.subject.removeprefix("[dev] ") for mail in played(Schedule(plan=Plan()), clients).mails]
    assert [subject.partition("]")[0] for subject in subjects] == [
        *("[WARNING", "[UNATTENDED", "[WARNING", "[CRITICAL", "[RESOLVED")
    ]


PLANS = (Plan(), Plan(events=2, order="reversed", beside="paired"), Plan(beside="swept"))


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_person_may_act_before_any_call(plan: Plan, deed: str, clients: Clients) -> None:
    calls = len(played(Schedule(plan=plan), clients).calls)
    worlds = [played(Schedule(plan=plan, faults=((number, deed),)), clients) for number in some(range(1, calls + 1), 5)]
    assert any(world.by_hand for world in worlds), "an alert was open at some of them"


def test_a_person_may_act_beside_crashes_and_races(clients: Clients) -> None:
    chance = random.Random("by hand")  # noqa: S311
    for _ in some(range(60), 4):
        plan = chance.choice([Plan(beside="paired"), Plan(beside="swept"), Plan(uploads=2, events=2, order="mixed1")])
        schedule = Schedule(plan=plan)
        for _ in range(3):
            calls = played(schedule, clients).calls
            last = schedule.faults[-1][0] if schedule.faults else 0
            if last >= len(calls):
                break
            number = chance.randrange(last, len(calls)) + 1
            schedule = schedule.with_fault(number, chance.choice([*DEEDS, *kinds(calls[number - 1])]))
        played(schedule, clients)


def test_an_acknowledgement_that_went_missing_would_be_found(clients: Clients) -> None:
    calls = played(Schedule(plan=Plan()), clients).calls
    publish = next(number for number, call in enumerate(calls, 1) if call.operation == "Publish")
    world = played(Schedule(plan=Plan(), faults=((publish + 1, "acknowledged"),)), clients)
    (write,) = world.by_hand
    item = world.alerts.rows[write.key,]
    del item["ended"]["L"][0]["M"]["acknowledged_by"]
    assert by_hand.violations(world) == ([f"acknowledgement lost: {write.key}"], [])
    item["ended"]["L"].clear()
    item["alert"] = {"M": {"alert_id": {"S": write.alert_id}}}
    assert by_hand.violations(world)[0] == [f"acknowledgement lost: {write.key}"]


def test_a_closing_that_went_missing_would_be_found(clients: Clients) -> None:
    calls = played(Schedule(plan=Plan()), clients).calls
    publish = next(number for number, call in enumerate(calls, 1) if call.operation == "Publish")
    world = played(Schedule(plan=Plan(), faults=((publish + 2, "closed"),)), clients)
    (write,) = world.by_hand
    world.mails.clear()
    assert by_hand.violations(world)[0] == [f"closed by hand, and not mailed: {write.key}"]
    world.alerts.rows[write.key,]["alert"] = {"M": {"alert_id": {"S": write.alert_id}}}
    assert f"closed by hand, and still running: {write.key}" in by_hand.violations(world)[0]
