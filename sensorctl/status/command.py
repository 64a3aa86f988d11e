"""`sensorctl status`: is it healthy, and if not, what is wrong and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sensorctl import terminal
from sensorctl.options import ListOptions, with_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from sensorctl.status.judge import Check

_STYLES = {"ok": "green", "attention": "yellow", "broken": "bold red", "unknown": "dim"}


@with_options
def status(
    *,
    grace: Annotated[
        int, typer.Option(min=0, help="Seconds that a breach may be on its way before alert has missed it.")
    ] = 60,
    target: ListOptions,
) -> None:
    """Say whether the pipeline is healthy: a line for each check, and what to do about those that are not ok.

    ok: nothing to do. attention: it works, but look at it. broken: readings or e-mails do not get through. unknown:
    this AWS does not know (the embedded one has no alarms and no metrics of functions).

    Exit codes: 0 healthy, 1 something needs attention or is broken, 2 wrong use. Open alerts are what the pipeline is
    for: the last line names those that are critical, and they change no exit code.
    """
    from sensorctl.status.gather import gather  # noqa: PLC0415
    from sensorctl.status.judge import is_healthy, judge, verdict  # noqa: PLC0415

    to, grace_time = target.connect(), timedelta(seconds=grace)
    facts = gather(to.access, to.pipeline, stage=target.stage, now=datetime.now(UTC), grace=grace_time)
    checks = judge(facts)
    if target.as_json:
        terminal.say_json(*(check.to_json() for check in checks))
    else:
        terminal.console().print(_table(checks))
        terminal.say(verdict(checks, facts))
    raise typer.Exit(0 if is_healthy(checks) else 1)


def _table(checks: Sequence[Check]) -> Table:
    def row(check: Check) -> tuple[str | Text, ...]:
        says = Text(check.says)
        if check.do is not None:
            says.append(f"\n-> {check.do}", style="italic")
        return check.name, Text(check.level, style=_STYLES[check.level]), says

    return terminal.table(("check", "level", "says"), map(row, checks), whole=("check", "level"), header=False)
