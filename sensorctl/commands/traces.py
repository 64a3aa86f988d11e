"""`sensorctl traces`: the way of an upload through the pipeline, as a waterfall or a map."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lambdas.shared.printable import printable
from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import INSTANTS, Embedded, Profile, Region, Stage, connected, utc

if TYPE_CHECKING:
    from sensorctl.trace_search import Found, Order

# X-Ray API Reference, "GetTraceSummaries": a span may last 6 hours.
_LONGEST = timedelta(hours=6)


def traces(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    what: Annotated[
        str | None, typer.Argument(help="A trace id, an object's key (incoming/...), an alert's id, or a device.")
    ] = None,
    slowest: Annotated[bool, typer.Option("--slowest", help="Without WHAT: the slowest, not the newest.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Without WHAT: only those that failed.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(formats=INSTANTS, help="Without WHAT: from this instant (UTC); else the last hour."),
    ] = None,
    as_map: Annotated[bool, typer.Option("--map", help="Who calls whom, over all of them, instead of each.")] = False,
    most: Annotated[int | None, typer.Option(min=1, help="At most so many: 20 listed, or 3 waterfalls.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with X-Ray's documents.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Draw the traces of an upload, alert or device as waterfalls; without WHAT, list what there was.

    An alert is drawn by the trace of its worst breach, a device by those of its newest readings. On AWS only what was
    sampled has a trace.
    """
    from sensorctl.trace_search import TraceSearch  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    search = TraceSearch(to.access, to.pipeline)
    if what is not None:
        _show(search.about(what, most=most or 3), as_map=as_map, as_json=as_json, drawn=True)
        return
    now = datetime.now(UTC)
    begin = utc(since) or now - timedelta(hours=1)
    if not timedelta(0) < now - begin <= _LONGEST:
        raise UserError("--since must lie within the last 6 hours: X-Ray searches no longer span at once")
    order: Order = "failed" if failed else "slowest" if slowest else "newest"
    found = search.recent(order, since=begin, now=now, most=most or 20)
    if found:
        _show(found, as_map=as_map, as_json=as_json, drawn=False)
    elif not as_json:
        terminal.say(f"No {'failed ' if failed else ''}traces since {begin:%Y-%m-%d %H:%M:%S} UTC.")


def _show(found: Found, *, as_map: bool, as_json: bool, drawn: bool) -> None:
    from sensorctl import service_map, trace_list  # noqa: PLC0415
    from sensorctl import traces as xray  # noqa: PLC0415

    console = terminal.console()
    if as_map:
        services = service_map.service_map(found.values())
        if as_json:
            for service in services:
                terminal.say(json.dumps(service.to_json()))
        else:
            console.print(service_map.tree(services, title=f"{len(found)} traces"))
        return
    lines = [line for each in found.items() if (line := trace_list.trace_line(*each)) is not None]
    if as_json:
        for line in lines:
            terminal.say(json.dumps(line.to_json(found[line.trace.trace_id])))
    elif drawn:
        for line in lines:
            console.print(xray.waterfall(list(line.trace.spans), title=line.trace.trace_id))
            for cause in line.trace.causes:
                console.print(Text(printable(cause), style="red"), soft_wrap=True)
    else:
        console.print(trace_list.table(lines))
