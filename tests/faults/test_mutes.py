"""A mute that begins and ends between any two calls: nothing is mailed under it, what stays open is mailed after it."""

import random

import pytest

from tests.faults import report
from tests.faults.enumeration import faults_of
from tests.faults.runs import play
from tests.faults.sample import some
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedule import Beside, Plan, Schedule
from tests.faults.verdict import check
from tests.faults.world.clients import Clients
from tests.faults.world.inbox import headlines
from tests.faults.world.world import World

STORY = SCENARIOS["mute-and-end"]


def played(text: str, clients: Clients) -> World:
    world = play(STORY, Schedule.parse(text), clients=clients)
    verdict = check(world)
    assert verdict.bad == [], report.story(STORY.name, Schedule.parse(text), world.calls, verdict)
    return world


def test_what_is_known_ends_and_escalates_what_stays_opens_and_what_is_over_is_never_mailed(clients: Clients) -> None:
    world = played(str(Plan()), clients)
    begin, end = (call for call, item in world.marks if item["alert_key"]["S"] == "mutes")
    assert [mail.subject for mail in world.mails if begin < mail.call <= end] == []
    assert sorted(line.device + " " + line.label for mail in world.mails for line in headlines(mail)) == [
        "belt-known CRITICAL",
        "belt-known RESOLVED",
        "belt-open CRITICAL",
        "belt-worse CRITICAL",
        "belt-worse WARNING",
    ]


@pytest.mark.parametrize("beside", ["alone", "swept"])
def test_a_mute_may_begin_and_end_between_any_two_calls(beside: Beside, clients: Clients) -> None:
    plan = Plan(events=2, beside=beside)
    calls = len(played(str(plan), clients).calls)
    chance = random.Random(beside)  # noqa: S311
    for begin in some(range(1, calls), 4):
        played(f"{plan}/{begin}=operator", clients)
        played(f"{plan}/{begin}=operator/{chance.randint(begin + 1, calls)}=operator", clients)


def test_whatever_fails_while_a_mute_begins_and_ends_nothing_is_lost_or_doubled(clients: Clients) -> None:
    chance = random.Random("faults")  # noqa: S311
    base = Schedule(plan=Plan(beside="swept"))
    calls = played(str(base), clients).calls
    for begin in some(range(1, len(calls)), 2):
        muted = base.with_fault(begin, "operator")
        faults = faults_of(played(str(muted), clients).calls, after=begin)
        for fault in chance.sample(faults, min(4, len(faults))):
            played(str(muted.with_fault(*fault)), clients)
