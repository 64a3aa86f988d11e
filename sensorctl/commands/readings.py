"""`sensorctl readings`: what a device measured, and how it went."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import INSTANTS, Embedded, Profile, Region, Stage, connected, utc


def readings(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    device: Annotated[str, typer.Argument(help="The device's id.")],
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=INSTANTS, help="Only from this instant (UTC) on.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=INSTANTS, help="Only before this instant (UTC).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show a device's readings, newest first, and each metric's course with its limits.

    What was out of bounds when it was stored has the colour of its severity; the course is judged by the thresholds in
    force now.
    """
    from sensorctl import readings as device_readings  # noqa: PLC0415
    from sensorctl.courses import courses, summary  # noqa: PLC0415
    from sensorctl.thresholds_in_force import thresholds_in_force  # noqa: PLC0415

    first, end = utc(since), utc(until)
    if first is not None and end is not None and end <= first:
        raise UserError("--until must be later than --since")
    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    found = device_readings.of_device(to.access, to.pipeline, device_id=device, since=first, until=end)
    held = (item for item in found if metric is None or metric in item["metrics"])
    items = list(itertools.islice(held, limit))
    if not items:
        of, when = f"{metric} of {device}" if metric else device, " in that time" if since or until else ""
        raise UserError(f"no reading of {of} is stored{when}; ids are case sensitive, `sensorctl devices` lists them")
    if as_json:
        for item in items:
            terminal.say(json.dumps(device_readings.to_json(item, metric=metric)))
        return
    thresholds, problem = thresholds_in_force(to.access, to.pipeline)
    if problem is not None:
        terminal.say(f"sensorctl: no limits are shown: {problem}", err=True)
    console = terminal.console()
    console.print(device_readings.table(items, metric=metric))
    console.print()
    console.print(summary(courses(items, device_id=device, thresholds=thresholds, metric=metric)))
