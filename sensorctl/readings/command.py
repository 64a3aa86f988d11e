"""`sensorctl readings`: what a device measured, and the trend of each metric."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ListOptions, instant, with_options

# So many of those that are not shown are counted: they are read for that.
_COUNTED = 1_000


@dataclass(frozen=True, kw_only=True)
class ReadingSelection:
    """Which readings."""

    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None
    since: Annotated[datetime | None, instant("Only from then on: an instant, 1h, yesterday.")] = None
    until: Annotated[datetime | None, instant("Only before then.")] = None
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50


@with_options
def readings(
    device: Annotated[str, typer.Argument(help="The device's id.")], *, selection: ReadingSelection, target: ListOptions
) -> None:
    """Show a device's readings, newest first, and each metric's trend with its limits.

    What was out of bounds when it was stored has the colour of its severity; the trend is judged by the thresholds in
    force now.
    """
    from sensorctl.readings import query, trend  # noqa: PLC0415
    from sensorctl.thresholds.parameter import thresholds_in_force  # noqa: PLC0415

    metric, since, until = selection.metric, selection.since, selection.until
    if since is not None and until is not None and until <= since:
        raise UserError("--until must be later than --since")
    to = target.connect()
    stored = query.of_device(to.access, to.pipeline, device_id=device, since=since, until=until)
    with_metric = (item for item in stored if metric is None or metric in item["metrics"])
    items = list(itertools.islice(with_metric, selection.limit))
    if not items:
        of, when = f"{metric} of {device}" if metric else device, " in that time" if since or until else ""
        raise UserError(f"no reading of {of} is stored{when}; ids are case sensitive, `sensorctl devices` lists them")
    if target.as_json:
        terminal.say_json(*(query.to_json(item, metric=metric) for item in items))
        return
    thresholds, problem = thresholds_in_force(to.access, to.pipeline)
    if problem is not None:
        terminal.say(f"sensorctl: no limits are shown: {problem}", err=True)
    console = terminal.console()
    console.print(query.table(items, now=datetime.now(UTC), metric=metric))
    more = sum(1 for _ in itertools.islice(with_metric, _COUNTED + 1))
    total, complete = len(items) + min(more, _COUNTED), more <= _COUNTED
    terminal.say_if_cut(len(items), total, more="--limit shows more, --since and --until others", complete=complete)
    console.print()
    found = trend.trends(items, device_id=device, thresholds=thresholds, metric=metric)
    console.print(trend.summary(found, width=console.width))
