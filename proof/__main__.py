"""`python -m proof`: play every schedule, or one."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.console import Console

from proof import report
from proof.enumeration import DEFAULT_LIMIT
from proof.faults import Schedule, ScheduleError
from proof.proving import play_one, prove
from proof.scenarios import SCENARIOS, Scenario
from sensorctl.errors import UserError

app = typer.Typer(add_completion=False)


@app.command()
def main(
    scenario: Annotated[str | None, typer.Option(help=f"Only this one of: {', '.join(SCENARIOS)}.")] = None,
    schedule: Annotated[str | None, typer.Option(help="Play this one schedule, and show its calls.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Schedules of each scenario, at least.")] = DEFAULT_LIMIT,
    seed: Annotated[int, typer.Option(help="Another one tries other pairs and triples of faults.")] = 1,
) -> None:
    """Prove that nothing is lost and nothing doubled: the real handlers through schedules of crashes and lost answers.

    Exit code 0: nothing lost or doubled; 1: something is; 2: wrong use.
    """
    chosen = _scenarios(scenario)
    if schedule is not None:
        raise typer.Exit(_one(chosen, schedule))
    raise typer.Exit(_all(chosen, limit, seed))


def _scenarios(name: str | None) -> list[Scenario]:
    if name is not None and name not in SCENARIOS:
        raise UserError(f"--scenario {name}: there is none of this name; known are {', '.join(SCENARIOS)}")
    return [SCENARIOS[name]] if name is not None else list(SCENARIOS.values())


def _one(chosen: list[Scenario], text: str) -> int:
    if len(chosen) != 1:
        raise UserError("--schedule needs --scenario: the numbers of the calls are those of one scenario")
    try:
        schedule = Schedule.parse(text)
    except ScheduleError as error:
        raise UserError(f"--schedule: {error}") from error
    world, verdict = play_one(chosen[0], schedule)
    console = Console()
    console.print(report.transcript(world), highlight=False, markup=False, soft_wrap=True)
    told = report.story(chosen[0].name, schedule, world.calls, verdict)
    console.print(told, highlight=False, markup=False, soft_wrap=True)
    return int(bool(verdict.lost or verdict.doubled))


def _all(chosen: list[Scenario], limit: int, seed: int) -> int:
    console = Console()
    began = time.monotonic()
    with report.progress(console) as bar:
        task = bar.add_task("schedules")
        planned = {each.name: limit for each in chosen}
        bar.update(task, total=sum(planned.values()))

        def plan(name: str, number: int) -> None:
            planned[name] = number
            bar.update(task, total=sum(planned.values()), description=name)

        totals = prove(
            chosen, limit=limit, seed=seed, planned=plan, done=lambda _name, number: bar.advance(task, number)
        )
    seconds = time.monotonic() - began
    report.write(totals, seconds=seconds)
    console.print(report.table(totals))
    bad = [(total.scenario, total.first_bad) for total in totals if total.first_bad is not None]
    for name, played in bad:
        told = report.story(name, Schedule.parse(played.schedule), played.calls, played.verdict)
        console.print(told, style="bold red", highlight=False, markup=False, soft_wrap=True)
    if not bad:
        console.print(f"Nothing lost, nothing doubled, in {seconds:.0f} s. {report.RESULTS} has the figures.")
    return int(bool(bad))


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        Console(stderr=True).print(str(error), style="bold red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
