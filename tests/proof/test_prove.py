import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wrong_variants import MARK_FIRST

import proof.__main__ as command
from proof import report
from proof.checker import check
from proof.enumeration import Waves, faults_of
from proof.faults import Plan, Schedule, ScheduleError, kinds, plans
from proof.play import play
from proof.proving import Played, Total
from proof.scenarios import SCENARIOS
from proof.wire import Clients
from proof.world import World
from sensorctl.errors import UserError


def played(scenario: str, text: str, clients: Clients, **others: Any) -> World:
    return play(SCENARIOS[scenario], Schedule.parse(text), clients=clients, **others)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost_or_doubled_in_a_sample_of_each_scenario(scenario: str, clients: Clients) -> None:
    chance = random.Random(scenario)  # noqa: S311
    every = plans(several=SCENARIOS[scenario].several)
    for plan in chance.sample(every, 6):
        whole = play(SCENARIOS[scenario], Schedule(plan=plan), clients=clients)
        faults = chance.sample(faults_of(whole.calls), 4)
        for schedule in [Schedule(plan=plan), *(Schedule(plan=plan, faults=(fault,)) for fault in faults)]:
            verdict = check(play(SCENARIOS[scenario], schedule, clients=clients))
            assert (verdict.lost, verdict.doubled) == ([], []), str(schedule)


def test_a_schedule_always_gives_the_same_run(clients: Clients) -> None:
    text = "2-2-reversed-paired/22=switch/24=timeout/40=crash-after"
    first, second = (played("two-devices", text, clients) for _ in range(2))
    assert first.calls == second.calls
    assert first.mails == second.mails
    assert first.alerts.rows == second.alerts.rows
    assert {call.fault for call in first.calls} == {None, "switch", "timeout", "crash-after"}


def test_an_answer_that_never_comes_after_sns_accepted_is_a_repeat_in_the_window(clients: Clients) -> None:
    calls = played("one-reading", str(Plan()), clients).calls
    publish = next(number for number, call in enumerate(calls, 1) if call.operation == "Publish")
    verdict = check(played("one-reading", f"{Plan()}/{publish}=crash-after", clients))
    assert (verdict.lost, verdict.doubled, verdict.repeats) == ([], [], 1)


def test_what_fails_three_times_waits_in_a_queue_and_is_not_lost(clients: Clients) -> None:
    world = played("one-reading", f"{Plan()}/2=outage", clients)
    assert [parked.queue for parked in world.parked] == ["ingest failures"]
    assert world.mails == []
    verdict = check(world)
    assert (verdict.lost, verdict.parked) == ([], 1)


def test_without_its_queue_the_same_event_is_lost(clients: Clients) -> None:
    world = played("one-reading", f"{Plan()}/2=outage", clients)
    world.parked.clear()
    assert any("reading not stored" in sentence for sentence in check(world).lost)


def test_a_value_that_changed_on_its_way_is_found(clients: Clients) -> None:
    world = played("one-reading", str(Plan()), clients)
    (item,) = (item for (device, _), item in world.readings.rows.items() if not device.startswith("#"))
    item["metrics"]["M"]["temperature"]["N"] = "92.40000001"
    verdict = check(world)
    assert verdict.lost
    assert verdict.doubled


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


def test_the_first_bad_schedule_is_told_in_words_and_with_the_command_that_plays_it_again(clients: Clients) -> None:
    text = f"{Plan()}/3=crash-before"
    world = played("one-reading", text, clients, variant=MARK_FIRST)
    told = report.story("one-reading", Schedule.parse(text), world.calls, check(world))
    assert "call 3, GetObject of invocation 1: the worker is killed before it" in told
    assert "LOST     reading not stored: boiler-7" in told
    assert f"python -m proof --scenario one-reading --schedule {text}" in told


def test_one_schedule_is_played_and_shown() -> None:
    ran = CliRunner().invoke(command.app, ["--scenario", "one-reading", "--schedule", f"{Plan()}/3=crash-after"])
    assert ran.exit_code == 0, ran.output
    assert "BatchWriteItem  <- the worker is killed after it took effect" in ran.output
    assert "[CRITICAL] boiler-7" in ran.output


def test_the_proof_fails_and_names_the_schedule_when_something_is_lost(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = f"{Plan()}/3=crash-before"
    world = played("one-reading", text, clients, variant=MARK_FIRST)
    total = Total(scenario="one-reading")
    total.add(Played(schedule=text, verdict=check(world), calls=tuple(world.calls)))
    monkeypatch.setattr(command, "prove", lambda *_, **__: [total])
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(command.app, ["--scenario", "one-reading"])
    assert ran.exit_code == 1
    assert text in ran.output.replace("\n", "")
    written = json.loads(Path(".run/proof.json").read_text())
    assert written["lost"] == total.lost > 0
    assert written["scenarios"][0]["first_bad"]["schedule"] == text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scenario", "flood"], "there is none of this name"),
        (["--schedule", str(Plan())], "--schedule needs --scenario"),
        (["--scenario", "storm", "--schedule", "7"], "is no plan"),
    ],
)
def test_wrong_use_is_one_sentence(arguments: list[str], words: str) -> None:
    ran = CliRunner().invoke(command.app, arguments)
    assert isinstance(ran.exception, UserError)
    assert words in str(ran.exception)
