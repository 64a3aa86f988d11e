"""`sensorctl traces`: the path of an upload through the pipeline, as a waterfall or a map."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lambdas.alert.mail.formatting import counted
from lambdas.shared.printable import printable
from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ListOptions, instant, with_options

if TYPE_CHECKING:
    from sensorctl.traces.search import Found, Order

# X-Ray API Reference, "GetTraceSummaries": a span may last 6 hours.
_LONGEST = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class TraceSelection:
    """Which traces."""

    slowest: Annotated[bool, typer.Option("--slowest", help="Without WHAT: the slowest, not the newest.")] = False
    failed: Annotated[
        bool,
        typer.Option("--failed", help="Without WHAT: only those that failed."),
    ] = False
    since: Annotated[datetime | None, instant("Without WHAT: from then on; else the last hour.")] = None
    most: Annotated[int | None, typer.Option(min=1, help="At most so many; 20 in a list, 3 as waterfalls.")] = None

    @property
    def order(self) -> Order:
        """What comes first."""
        return "failed" if self.failed else "slowest" if self.slowest else "newest"


@with_options
def traces(
    what: Annotated[
        str | None, typer.Argument(help="A trace id, an object's key (incoming/...), an alert's id, or a device.")
    ] = None,
    *,
    selection: TraceSelection,
    as_map: Annotated[bool, typer.Option("--map", help="Who calls whom, over all of them, instead of each.")] = False,
    target: ListOptions,
) -> None:
    """Draw the traces of an upload, alert or device as waterfalls; without WHAT, list what there was.

    An alert is drawn by the trace of its worst breach, a device by those of its newest readings. On AWS only what was
    sampled has a trace. With --json, X-Ray's documents are in it.
    """
    from sensorctl.traces.search import TraceSearch  # noqa: PLC0415

    to, now = target.connect(), datetime.now(UTC)
    search = TraceSearch(to.access, to.pipeline)
    if what is not None:
        found = search.about(what, most=selection.most or 3)
    else:
        begin = selection.since or now - timedelta(hours=1)
        if not timedelta(0) < now - begin <= _LONGEST:
            raise UserError("--since must lie within the last 6 hours: X-Ray searches no longer span at once")
        found = search.recent(selection.order, since=begin, now=now, most=selection.most or 20)
        if not found.documents:
            if not target.as_json:
                failed = "failed " if selection.failed else ""
                terminal.say(f"No {failed}traces since {begin:%Y-%m-%d %H:%M:%S} UTC.")
            return
    if as_map:
        _show_map(found, as_json=target.as_json)
    else:
        _show(found, as_json=target.as_json, drawn=what is not None)


def _show_map(found: Found, *, as_json: bool) -> None:
    from sensorctl.traces.service_map import service_map, tree  # noqa: PLC0415

    services = service_map(found.documents.values())
    if as_json:
        terminal.say_json(*(service.to_json() for service in services))
    else:
        terminal.console().print(tree(services, title=counted(len(found.documents), "trace")))


def _show(found: Found, *, as_json: bool, drawn: bool) -> None:
    from sensorctl.traces.documents import waterfall  # noqa: PLC0415
    from sensorctl.traces.listing import table, trace_lines  # noqa: PLC0415

    lines, console = trace_lines(found.documents, waiting=found.waiting), terminal.console()
    if as_json:
        terminal.say_json(*(line.to_json(found.documents[line.trace.trace_id]) for line in lines))
    elif drawn:
        for line in lines:
            console.print(waterfall(line.trace.spans, title=line.trace.trace_id))
            for cause in line.trace.causes:
                console.print(Text(printable(cause), style="red"), soft_wrap=True)
    else:
        console.print(table(lines, now=datetime.now(UTC)))
    if not as_json:
        terminal.say_if_cut(len(lines), found.total, more="--most shows more", complete=found.complete)
