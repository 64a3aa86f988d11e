"""How a run looks on a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from sensorctl.embedded.mailbox import Mail
from sensorctl.observe import RejectedRecord
from sensorctl.traces import Span, waterfall

if TYPE_CHECKING:
    from sensorctl.scorecard import Summary

_SEVERITY_STYLE = {"critical": "red", "warning": "yellow"}


def steps(console: Console, started: float) -> Callable[[str], None]:
    """Return a function that prints each step with the seconds since `started` (monotonic)."""

    def say(step: str) -> None:
        console.print(Text(f"{time.monotonic() - started:5.1f} s  {step}", style="dim"))

    return say


def email(console: Console, mail: Mail, *, after_s: float) -> None:
    """Print an e-mail as it would be read; lines are not wrapped, so that links stay whole."""
    style = _SEVERITY_STYLE.get(mail.attributes.get("severity", ""), "blue")
    console.print()
    console.print(Rule(f"e-mail after {after_s:.1f} s", align="left", style=style))
    head = Text(f"To:      {mail.address}\nSubject: {mail.subject}\n\n", style="bold")
    console.print(head + Text(mail.body.rstrip()), soft_wrap=True)


def report(console: Console, *, readings: Counter[str], rejected: list[RejectedRecord], trace: list[Span]) -> None:
    """Print what is in the tables and in quarantine, and one trace."""
    console.print(_readings(readings))
    console.print(_rejected(rejected))
    if trace:
        console.print(waterfall(trace, title="\nOne breach, from upload to e-mail"))


def verdict(console: Console, summary: Summary) -> None:
    """Print the totals and whether they are as they must be."""
    console.print()
    console.print(
        f"{summary.readings_sent} readings sent, {summary.readings_stored} stored, "
        f"{summary.records_rejected} rejected; {summary.duplicates_sent} duplicates dropped; "
        f"{summary.alerts_sent - summary.alerts_in_digests} e-mails, {summary.duplicate_emails} of them twice"
        + (f", and {summary.alerts_in_digests} more told in digests" if summary.alerts_in_digests else "")
        + f"; a storm of {summary.storm.alerts} "
        f"alerts in {summary.storm.mailed} e-mails and {summary.storm.digests} digest(s); "
        f"first alert after {summary.seconds_to_first_alert} s, all done after {summary.seconds_total} s",
        soft_wrap=True,
    )
    if summary.emails_not_judged:
        console.print(
            f"{summary.emails_not_judged} more e-mails are not judged: reminders, alerts whose rule has a `for`, and "
            "silences shorter than the story, depend on when the sweep looks.",
            soft_wrap=True,
        )
    judgement(console, summary.problems, good="All as the simulator sent it.")


def judgement(console: Console, problems: list[str], *, good: str) -> None:
    """Print each problem, or `good` when there is none."""
    for problem in problems:
        console.print(Text(f"WRONG  {problem}", style="bold red"))
    if not problems:
        console.print(Text(good, style="bold green"))


def differences(what: str, things: Iterable[object]) -> list[str]:
    """Return one line that counts `things` and names the first, or none when there are none."""
    some = sorted(map(str, things))
    return [f"{what}: {len(some)}, for example {some[0]}"] if some else []


def count_differences(what: str, expected: Counter[str], found: Counter[str]) -> list[str]:
    """Return a line for each thing that was not found as often as expected."""
    return [
        f"{what} {name}: {found[name]}, not {expected[name]}"
        for name in sorted(expected.keys() | found.keys())
        if expected[name] != found[name]
    ]


def _readings(readings: Counter[str]) -> Table:
    table = Table(title="\nReadings stored", title_justify="left", box=None, padding=(0, 1))
    columns = 4
    for _ in range(columns):
        table.add_column("device")
        table.add_column("readings", justify="right")
    cells = [cell for device, count in sorted(readings.items()) for cell in (device, str(count))]
    for start in range(0, len(cells), 2 * columns):
        table.add_row(*cells[start : start + 2 * columns])
    return table


def _rejected(rejected: list[RejectedRecord]) -> Table:
    table = Table(title="\nRecords rejected", title_justify="left", box=None, padding=(0, 1))
    table.add_column("object", overflow="fold")
    table.add_column("where", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    for each in sorted(rejected, key=lambda record: (record.key, record.offset)):
        table.add_row(Text(each.key.removeprefix("incoming/")), Text(each.position), Text(each.reason))
    return table
