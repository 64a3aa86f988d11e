"""`sensorctl status`: is it healthy, and if not, what is wrong and what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from sensorctl import terminal
from sensorctl.options import Embedded, Profile, Region, Stage, connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensorctl.health.judge import Check

_STYLES = {"ok": "green", "attention": "yellow", "broken": "bold red", "unknown": "dim"}


def status(
    grace: Annotated[
        int, typer.Option(min=0, help="Seconds that a breach may be on its way before alert has missed it.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one for each check.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Say whether the pipeline is healthy: a line for each check, and what to do about those that are not ok.

    ok: nothing to do. attention: it works, but look at it. broken: readings or e-mails do not get through. unknown:
    this AWS cannot tell (the embedded one has no alarms and no metrics of functions).

    Exit codes: 0 healthy, 1 something needs attention or is broken, 2 wrong use.
    """
    from sensorctl.health.gather import gather  # noqa: PLC0415
    from sensorctl.health.judge import is_healthy, judge  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    grace_time = timedelta(seconds=grace)
    checks = judge(gather(to.access, to.pipeline, stage=stage, now=datetime.now(UTC), grace=grace_time))
    if as_json:
        for check in checks:
            terminal.say(json.dumps(check.to_json()))
    else:
        terminal.console().print(_table(checks))
        terminal.say(_verdict(checks))
    raise typer.Exit(0 if is_healthy(checks) else 1)


def _table(checks: Sequence[Check]) -> Table:
    shown = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    shown.add_column(no_wrap=True)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for check in checks:
        told = Text(check.says)
        if check.do is not None:
            told.append(f"\n-> {check.do}", style="italic")
        shown.add_row(check.name, Text(check.level, style=_STYLES[check.level]), told)
    return shown


def _verdict(checks: Sequence[Check]) -> str:
    broken = [check.name for check in checks if check.level == "broken"]
    attention = [check.name for check in checks if check.level == "attention"]
    parts = [f"broken: {', '.join(broken)}"] * bool(broken) + [f"needs attention: {', '.join(attention)}"] * bool(
        attention
    )
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "." if parts else "Healthy."
