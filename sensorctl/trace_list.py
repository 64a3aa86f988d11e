"""Traces as lines for people and programs. Pure; no AWS SDK import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.shared.printable import printable
from lambdas.shared.times import timestamp
from sensorctl.report.model import Trace
from sensorctl.report.tracing import trace_of
from sensorctl.traces import Document

# What a trace is about, in the order in which it says so best.
_ABOUT = ("object_key", "device_id")


@dataclass(frozen=True, kw_only=True)
class TraceLine:
    """One trace, the object or device it is about (None: the sweep), and the segments it went through."""

    trace: Trace
    about: str | None
    path: tuple[str, ...]

    def to_json(self, documents: Sequence[Document]) -> dict[str, Any]:
        """Return it for a program, with X-Ray's own documents."""
        return {
            "trace_id": self.trace.trace_id,
            "started_at": timestamp(self.trace.started_at),
            "ms": round(self.trace.seconds * 1000, 3),
            "failed": self.trace.failed,
            "about": self.about,
            "path": list(self.path),
            "causes": list(self.trace.causes),
            "documents": list(documents),
        }


def trace_line(trace_id: str, documents: Sequence[Document]) -> TraceLine | None:
    """Return a trace's line, or None where there is no document of it."""
    trace = trace_of(trace_id, documents)
    if trace is None:
        return None
    notes = [span.annotations for span in trace.spans]
    about = next((str(each[name]) for name in _ABOUT for each in notes if name in each), None)
    segments = sorted(documents, key=lambda document: float(document["start_time"]))
    path = dict.fromkeys(str(segment["name"]).rpartition("/")[2] for segment in segments)
    return TraceLine(trace=trace, about=about, path=tuple(path))


def table(lines: Iterable[TraceLine]) -> Table:
    """Return the lines as a table; all times are UTC."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("trace", no_wrap=True)
    shown.add_column("started (UTC)", no_wrap=True)
    shown.add_column("ms", justify="right")
    shown.add_column("about, and its way", overflow="fold")
    for line in lines:
        trace = line.trace
        told = Text(f"{printable(line.about)}\n" if line.about else "")
        told.append(" > ".join(map(printable, line.path)), style="dim")
        if trace.failed:
            told.append(f"\nfailed: {printable(trace.causes[0])[:100]}" if trace.causes else "\nfailed", style="red")
        shown.add_row(
            trace.trace_id,
            f"{trace.started_at:%Y-%m-%d %H:%M:%S}",
            f"{trace.seconds * 1000:.0f}",
            told,
        )
    return shown
