"""What `make prove` shows: progress, the table, the first bad schedule in words; and the file it writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from proof.checker import Verdict
from proof.faults import Schedule, in_words
from proof.proving import Total
from proof.world import Call, World

RESULTS = Path(".run/proof.json")


class _Rate(ProgressColumn):
    """Schedules a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


def progress(console: Console) -> Progress:
    """Return a bar with rate and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
    )


def table(totals: Sequence[Total]) -> Table:
    """Return the totals, a row for each scenario and one for all."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("scenario", no_wrap=True)
    for name in ("schedules", "lost", "doubled", "repeats in the window", "late", "parked"):
        shown.add_column(name, justify="right")
    rows = [_row(total) for total in totals]
    for total, row in zip(totals, rows, strict=True):
        shown.add_row(Text(total.scenario), *(f"{number:,}" for number in row))
    if len(rows) > 1:
        shown.add_row("all", *(f"{sum(column):,}" for column in zip(*rows, strict=True)), style="bold")
    return shown


def write(totals: Sequence[Total], *, seconds: float, path: Path = RESULTS) -> None:
    """Write the totals as JSON."""
    scenarios = []
    for total in totals:
        shown = asdict(total)
        bad = shown.pop("first_bad")
        shown["first_bad"] = None if bad is None else {"schedule": bad["schedule"], **_findings(bad["verdict"])}
        scenarios.append(shown)
    summary = {
        "schedules": sum(total.schedules for total in totals),
        "lost": sum(total.lost for total in totals),
        "doubled": sum(total.doubled for total in totals),
        "repeats_in_the_window": sum(total.repeats for total in totals),
        "seconds": round(seconds, 1),
        "scenarios": scenarios,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(summary, indent=2) + "\n")


def story(scenario: str, schedule: Schedule, calls: Sequence[Call], verdict: Verdict) -> str:
    """Tell a schedule in words, what came of it, and how to play it again."""
    lines = [f"{scenario}: {schedule.plan.words()}"]
    lines += [f"  call {number}, {_call(calls, number)}: {in_words(kind)}" for number, kind in schedule.faults]
    lines += [f"  LOST     {what}" for what in verdict.lost]
    lines += [f"  DOUBLED  {what}" for what in verdict.doubled]
    if not verdict.lost and not verdict.doubled:
        lines.append(f"  nothing lost, nothing doubled; repeats in the window: {verdict.repeats}, late: {verdict.late}")
    lines.append(f"  again: python -m proof --scenario {scenario} --schedule {schedule}")
    return "\n".join(lines)


def transcript(world: World) -> str:
    """Return every call of a run, a line each, by invocation."""
    names = {delivery.invocation: delivery for delivery in world.deliveries}
    lines = []
    for number, call in enumerate(world.calls, 1):
        delivery = names.get(call.invocation)
        who = f"{call.invocation}. {delivery.function}" if delivery else f"{call.invocation}."
        fault = f"  <- {in_words(call.fault)}" if call.fault else ""
        lines.append(f"{number:4}  {who:12} {call.operation}{fault}")
    lines += [f"e-mail: {mail.subject}" for mail in world.mails]
    lines += [f"waits in {parked.queue}: {json.dumps(parked.event)[:100]}" for parked in world.parked]
    return "\n".join(lines)


def _row(total: Total) -> tuple[int, ...]:
    return (total.schedules, total.lost, total.doubled, total.repeats, total.late, total.parked)


def _call(calls: Sequence[Call], number: int) -> str:
    if number > len(calls):
        return "which was never made"
    call = calls[number - 1]
    return f"{call.operation} of invocation {call.invocation}"


def _findings(verdict: dict[str, object]) -> dict[str, object]:
    return {"lost": verdict["lost"], "doubled": verdict["doubled"]}
