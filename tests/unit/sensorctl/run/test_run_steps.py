"""A run never leaves one guessing for long: the step is said again where nothing else is."""

import io
import threading

import pytest
from rich.console import Console

from sensorctl.run.observed import Observed
from sensorctl.run.view import Steps, report


class Clock:
    """Seconds, as the test sets them."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_step_is_said_again_when_nothing_was_said_for_four_seconds() -> None:
    clock, console = Clock(), Console(file=io.StringIO(), width=80)
    steps = Steps(console, 100.0, clock=clock)

    def said_at(now: float) -> str:
        clock.now = now
        before = console.file.tell()
        steps.remind()
        console.file.seek(before)
        return console.file.read().strip()

    steps("deploying the stack")
    assert said_at(103.9) == ""
    assert said_at(104.0) == "4.0 s  still: deploying the stack"
    assert said_at(107.9) == ""
    steps.now("5 of 12 readings stored")
    assert said_at(108.0) == "8.0 s  still: 5 of 12 readings stored"
    clock.now = 111.0
    steps.something_else_was_said()
    assert said_at(112.0) == ""


def test_the_reminder_ends_with_the_run() -> None:
    steps = Steps(Console(file=io.StringIO()), 0.0)
    with steps.reminding():
        assert "reminder" in {thread.name for thread in threading.enumerate()}
    assert "reminder" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(("devices", "pairs"), [(1, 1), (3, 3), (9, 3)])
def test_devices_stand_in_as_many_columns_as_there_is_room_for(devices: int, pairs: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80)
    items = [{"device_id": f"freezer-{number:04}"} for number in range(devices)]
    report(console, Observed(items=items, rejected=[], mails=[], ledger=[], failed_events=0))
    heading, *rows = out.getvalue().strip().splitlines()[1:]
    assert heading.split() == ["device", "readings"] * pairs
    assert sum(row.count("freezer-") for row in rows) == devices
