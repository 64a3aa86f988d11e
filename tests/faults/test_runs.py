import io
import random
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import tests.faults.__main__ as command
from sensorctl.errors import UserError
from tests.faults import report
from tests.faults.enumeration import Waves, faults_of
from tests.faults.runs import Played, Total, play
from tests.faults.sample import some
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedule import WRITES, Beside, Plan, Schedule, ScheduleError, kinds, plans
from tests.faults.verdict import check
from tests.faults.world.clients import Clients
from tests.faults.world.inbox import flood_of
from tests.faults.world.world import World
from tests.faults.wrong_variants import MARK_FIRST


def played(scenario: str, text: str, clients: Clients, **others: Any) -> World:
    return play(SCENARIOS[scenario], Schedule.parse(text), clients=clients, **others)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost_or_duplicated_in_a_sample_of_each_scenario(scenario: str, clients: Clients) -> None:
    chance = random.Random(scenario)  # noqa: S311
    every = plans(several=SCENARIOS[scenario].several)
    for plan in chance.sample(every, 2):
        whole = play(SCENARIOS[scenario], Schedule(plan=plan), clients=clients)
        assert check(whole).bad == [], str(plan)
        for fault in chance.sample(faults_of(whole.calls), 3):
            schedule = Schedule(plan=plan, faults=(fault,))
            assert check(play(SCENARIOS[scenario], schedule, clients=clients)).bad == [], str(schedule)


@pytest.mark.parametrize("scenario", ["one-reading", "storm", "hostile-source"])
def test_a_worker_may_die_after_any_write(scenario: str, clients: Clients) -> None:
    calls = played(scenario, str(Plan()), clients).calls
    for number in some((number for number, call in enumerate(calls, 1) if call.operation in WRITES), 12):
        assert check(played(scenario, f"{Plan()}/{number}=crash-after", clients)).bad == [], number


@pytest.mark.parametrize("beside", ["paired", "swept"])
def test_two_invocations_may_change_turns_at_any_call(beside: Beside, clients: Clients) -> None:
    plan = Plan(beside=beside)
    calls = played("opening-and-escalation", str(plan), clients).calls
    for number in some((number for number, call in enumerate(calls, 1) if not call.alone), 12):
        assert check(played("opening-and-escalation", f"{plan}/{number}=switch", clients)).bad == [], number


def test_an_honest_device_is_mailed_by_itself_beside_a_flood(clients: Clients) -> None:
    mails = played("hostile-source", str(Plan()), clients).mails
    assert [mail.subject for mail in mails if "boiler-7" in mail.subject] == [
        "[dev] [CRITICAL] boiler-7 temperature 92.5 Cel above 85",
        "[dev] [RESOLVED] boiler-7 temperature 50 Cel after 28 seconds",
    ]
    assert [flood_of(mail) for mail in mails if flood_of(mail)] == ["gateway-9"]


def test_a_schedule_always_gives_the_same_run(clients: Clients) -> None:
    text = "2-2-reversed-paired/22=switch/24=timeout/40=crash-after"
    first, second = (played("two-devices", text, clients) for _ in range(2))
    assert first.calls == second.calls
    assert first.mails == second.mails
    assert first.alerts.rows == second.alerts.rows
    assert {call.fault for call in first.calls} == {None, "switch", "timeout", "crash-after"}


def test_an_answer_that_never_comes_after_sns_accepted_is_a_repeat_in_the_window(clients: Clients) -> None:
    calls = played("one-reading", str(Plan()), clients).calls
    document, mail = (number for number, call in enumerate(calls, 1) if call.operation == "Publish")
    verdict = check(played("one-reading", f"{Plan()}/{mail}=crash-after", clients))
    assert (verdict.lost, verdict.duplicated, verdict.allowed_repeats) == ([], [], 1)
    world = played("one-reading", f"{Plan()}/{document}=crash-after", clients)
    verdict = check(world)
    assert (verdict.lost, verdict.duplicated, verdict.allowed_repeats) == ([], [], 0)
    assert len({again["id"] for again in world.notifications}) == 1
    assert len(world.notifications) == 2


def test_what_fails_three_times_waits_in_a_queue_and_is_not_lost(clients: Clients) -> None:
    world = played("one-reading", f"{Plan()}/2=outage", clients)
    assert [letter.queue for letter in world.dead_letters] == ["ingest failures"]
    assert world.mails == []
    verdict = check(world)
    assert (verdict.lost, verdict.in_dead_letter_queue) == ([], 1)


def test_without_its_queue_the_same_event_is_lost(clients: Clients) -> None:
    world = played("one-reading", f"{Plan()}/2=outage", clients)
    world.dead_letters.clear()
    assert any("reading not stored" in sentence for sentence in check(world).lost)


def test_a_value_that_changed_on_its_way_is_found(clients: Clients) -> None:
    world = played("one-reading", str(Plan()), clients)
    (item,) = (item for (device, _), item in world.readings.rows.items() if not device.startswith("#"))
    item["metrics"]["M"]["temperature"]["N"] = "92.40000001"
    verdict = check(world)
    assert verdict.lost
    assert verdict.duplicated


def test_schedules_are_distinct_and_as_many_as_asked_for(clients: Clients) -> None:
    waves = Waves("one-reading", several=False, limit=400)
    texts: list[str] = []
    calls = played("one-reading", str(Plan()), clients).calls
    for wave in waves:
        texts += map(str, wave)
        waves.take({str(schedule): calls for schedule in wave})
    assert len(texts) == len(set(texts)) == 400
    singles = [text for text in texts if text.startswith(f"{Plan()}/") and text.count("/") == 1]
    assert len(singles) >= len(faults_of(calls)), "every single fault of the plainest plan is there"
    assert {text.count("/") for text in texts} == {0, 1, 2, 3}


def test_every_call_can_be_crashed_on_both_sides_and_each_subset_of_a_batch_can_fail(clients: Clients) -> None:
    calls = played("two-devices", str(Plan()), clients).calls
    assert all({"crash-before", "crash-after"} <= set(kinds(call)) for call in calls)
    two = next(call for call in calls if call.operation == "PutEvents")
    assert {kind for kind in kinds(two) if kind.startswith("failed")} == {"failed:1", "failed:2", "failed:3"}


@pytest.mark.parametrize("text", ["", "4-1-inorder-alone", "1-1-inorder-alone/x=crash-before", f"{Plan()}/3=gone"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        Schedule.parse(text)


def test_a_schedule_is_read_as_it_is_written() -> None:
    text = "3-2-reversed-swept/4=failed:5/17=switch"
    assert str(Schedule.parse(text)) == text


def test_the_first_bad_schedule_is_described_and_with_the_command_that_plays_it_again(clients: Clients) -> None:
    text = f"{Plan()}/3=crash-before"
    world = played("one-reading", text, clients, variant=MARK_FIRST)
    words = report.story("one-reading", Schedule.parse(text), world.calls, check(world))
    assert "call 3, GetObject of invocation 1: the worker is killed before it" in words
    assert "LOST     reading not stored: boiler-7" in words
    assert f"python -m tests.faults --scenario one-reading --schedule {text}" in words


def test_one_schedule_is_played_and_shown() -> None:
    ran = CliRunner().invoke(command.app, ["--scenario", "one-reading", "--schedule", f"{Plan()}/3=crash-after"])
    assert ran.exit_code == 0, ran.output
    assert "BatchWriteItem  <- the worker is killed after it took effect" in ran.output
    assert "[CRITICAL] boiler-7" in ran.output


def test_the_first_bad_schedule_of_many_fails_the_run_and_is_in_table_and_words(clients: Clients) -> None:
    text = f"{Plan()}/3=crash-before"
    world = played("one-reading", text, clients, variant=MARK_FIRST)
    total = Total(scenario="one-reading")
    total.add(Played(schedule=text, verdict=check(world), calls=tuple(world.calls)))
    ran = io.StringIO()
    assert command.show([total], seconds=1, console=Console(file=ran)) == 1
    assert f"--schedule {text}" in ran.getvalue()
    assert total.counts["lost"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scenario", "flood"], "there is none of this name"),
        (["--schedule", str(Plan())], "--schedule needs --scenario"),
        (["--scenario", "storm", "--schedule", "7"], "is not a plan"),
    ],
)
def test_wrong_use_is_one_sentence(arguments: list[str], words: str) -> None:
    ran = CliRunner().invoke(command.app, arguments)
    assert isinstance(ran.exception, UserError)
    assert words in str(ran.exception)
