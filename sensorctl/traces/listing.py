"""Traces as lines for people and programs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.mail.formatting import cut
from lambdas.shared.printable import printable
from sensorctl import terminal
from sensorctl.traces.documents import Document, by_start
from sensorctl.traces.summary import Trace, traces_of

_CAUSE = 160


@dataclass(frozen=True, kw_only=True)
class TraceLine:
    """One trace, the object or device it is about (None: the sweep), and the segments it went through.

    `waiting`: an event of it waits in a failure queue.
    """

    trace: Trace
    about: str | None
    path: tuple[str, ...]
    waiting: bool = False

    def to_json(self, documents: Sequence[Document]) -> dict[str, Any]:
        """Return it for a program, with X-Ray's own documents."""
        return {
            "trace_id": self.trace.trace_id,
            "started_at": self.trace.started_at,
            "ms": round(self.trace.seconds * 1000, 3),
            "failed": self.trace.failed or self.waiting,
            "about": self.about,
            "path": list(self.path),
            "causes": list(self.trace.causes),
            "documents": list(documents),
        }


def trace_lines(traces: Mapping[str, Sequence[Document]], *, waiting: Collection[str] = frozenset()) -> list[TraceLine]:
    """Return the line of each trace that has documents; of those `waiting` an event waits in a failure queue."""
    lines = (_line(trace, traces[trace.trace_id]) for trace in traces_of(traces))
    return [replace(line, waiting=line.trace.trace_id in waiting) for line in lines]


def _line(trace: Trace, documents: Sequence[Document]) -> TraceLine:
    notes = [span.annotations for span in trace.spans]
    device = next((str(note["device_id"]) for note in notes if "device_id" in note), None)
    path = dict.fromkeys(str(segment["name"]).rpartition("/")[2] for segment in by_start(documents))
    return TraceLine(trace=trace, about=trace.about or device, path=tuple(path))


def table(lines: Iterable[TraceLine], *, now: datetime) -> Table:
    """Return the lines as a table; all times are UTC."""
    columns = ("started (UTC)", "ms", "about, its trace and its path")
    rows = (_cells(line, now=now) for line in lines)
    return terminal.table(columns, rows, right=("ms",), whole=columns[:2])


def _cells(line: TraceLine, *, now: datetime) -> list[str | Text]:
    trace = line.trace
    about = Text(f"{printable(line.about)}\n" if line.about else "")
    about.append(f"{trace.trace_id}  {' > '.join(map(printable, line.path))}", style="dim")
    if trace.failed:
        about.append(
            f"\nfailed: {cut(printable(trace.causes[0]), _CAUSE)}" if trace.causes else "\nfailed", style="red"
        )
    elif line.waiting:
        about.append("\nfailed: it waits in a failure queue; see `sensorctl redrive --dry-run`", style="red")
    return [terminal.short_time(trace.started_at, now=now), f"{trace.seconds * 1000:,.0f}", about]
