"""`python -m tests.faults`: play every schedule, or one."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from sensorctl.errors import UserError
from tests.faults import report
from tests.faults.enumeration import DEFAULT_LIMIT
from tests.faults.runs import Total, run_all, run_one
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedule import Schedule, ScheduleError
from tests.faults.world.scenario import Scenario

app = typer.Typer(add_completion=False)


@app.command()
def main(
    scenario: Annotated[str | None, typer.Option(help=f"Only one of: {', '.join(SCENARIOS)}.")] = None,
    schedule: Annotated[str | None, typer.Option(help="Play this schedule alone, and show its calls.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Schedules of each scenario, at least.")] = DEFAULT_LIMIT,
    seed: Annotated[int, typer.Option(help="Another seed tries other pairs and triples of faults.")] = 1,
) -> None:
    """Play the real functions through schedules of crashes and lost answers: is anything lost, duplicated or overdue?

    Exit code 0: nothing is; 1: something is; 2: wrong use.
    """
    if scenario is not None and scenario not in SCENARIOS:
        raise UserError(f"--scenario {scenario}: there is none of this name; known are {', '.join(SCENARIOS)}")
    chosen = [SCENARIOS[scenario]] if scenario is not None else list(SCENARIOS.values())
    raise typer.Exit(_all(chosen, limit, seed) if schedule is None else _one(chosen, schedule))


def _one(chosen: list[Scenario], text: str) -> int:
    if len(chosen) != 1:
        raise UserError("--schedule needs --scenario: the numbers of the calls are those of one scenario")
    try:
        schedule = Schedule.parse(text)
    except ScheduleError as error:
        raise UserError(f"--schedule: {error}") from error
    world, verdict = run_one(chosen[0], schedule)
    _say(report.transcript(world))
    _say(report.story(chosen[0].name, schedule, world.calls, verdict))
    return int(bool(verdict.bad))


def _all(chosen: list[Scenario], limit: int, seed: int) -> int:
    began = time.monotonic()
    with Progress() as bar:
        tasks = {scenario.name: bar.add_task(scenario.name, total=limit) for scenario in chosen}

        def progress(name: str, played: int, planned: int) -> None:
            bar.update(tasks[name], completed=played, total=planned)

        totals = run_all(chosen, limit=limit, seed=seed, progress=progress)
    return show(totals, seconds=time.monotonic() - began, console=Console())


def show(totals: Sequence[Total], *, seconds: float, console: Console) -> int:
    """Print the results of all schedules; return the exit code."""
    console.print(report.table(totals))
    bad = [(total.scenario, total.bad) for total in totals if total.bad is not None]
    for name, played in bad:
        words = report.story(name, Schedule.parse(played.schedule), played.calls, played.verdict)
        _say(words, to=console, style="bold red")
    if not bad:
        _say(f"Nothing lost, duplicated or overdue, in {seconds:.0f} s.", to=console)
    return int(bool(bad))


def _say(text: str, *, to: Console | None = None, style: str | None = None) -> None:
    (to or Console()).print(text, style=style, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        _say(str(error), style="bold red", to=Console(stderr=True))
        sys.exit(2)
