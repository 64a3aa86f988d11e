"""What `make prove` shows: the table, and the first bad schedule in words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from tests.faults.runs import Total
from tests.faults.schedule import Schedule, in_words
from tests.faults.verdict import FINDINGS, Verdict
from tests.faults.world.world import Call, World

_COLUMNS = ("schedules", *FINDINGS, "allowed_repeats", "late_breaches", "in_dead_letter_queue")


def table(totals: Sequence[Total]) -> Table:
    """Return the totals, a row for each scenario and one for all."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("scenario", no_wrap=True)
    for name in _COLUMNS:
        shown.add_column(name.replace("_", "\n"), justify="right")
    for total in totals:
        shown.add_row(Text(total.scenario), *_row(total.counts))
    if len(totals) > 1:
        shown.add_row("all", *_row(sum((total.counts for total in totals), Counter())), style="bold")
    return shown


def story(scenario: str, schedule: Schedule, calls: Sequence[Call], verdict: Verdict) -> str:
    """Return a schedule in words, its verdict, and how to play it again."""
    lines = [f"{scenario}: {schedule.plan.words()}"]
    lines += [f"  call {number}, {_call(calls, number)}: {in_words(kind)}" for number, kind in schedule.faults]
    lines += [f"  {name.upper():8} {what}" for name, found in verdict.findings().items() for what in found]
    if not verdict.bad:
        allowed = f"allowed repeats: {verdict.allowed_repeats}, late breaches: {verdict.late_breaches}"
        lines.append(f"  nothing lost, duplicated or overdue; {allowed}")
    return "\n".join([*lines, f"  again: python -m tests.faults --scenario {scenario} --schedule {schedule}"])


def transcript(world: World) -> str:
    """Return every call of a run, a line each, by invocation."""
    names = {delivery.invocation: delivery.function for delivery in world.deliveries}
    lines = []
    for number, call in enumerate(world.calls, 1):
        who = f"{call.invocation}. {names.get(call.invocation, '')}"
        fault = f"  <- {in_words(call.fault)}" if call.fault else ""
        lines.append(f"{number:4}  {who:12} {call.operation}{fault}")
    lines += [f"e-mail: {mail.subject}" for mail in world.mails]
    lines += [f"waits in {letter.queue}: {json.dumps(letter.event)[:100]}" for letter in world.dead_letters]
    return "\n".join(lines)


def _row(counts: Counter[str]) -> list[str]:
    return [f"{counts[name]:,}" for name in _COLUMNS]


def _call(calls: Sequence[Call], number: int) -> str:
    if number > len(calls):
        return "which was never made"
    return f"{calls[number - 1].operation} of invocation {calls[number - 1].invocation}"
