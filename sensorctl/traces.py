"""Traces through the X-Ray API, and the waterfall they are shown as. Works the same on the embedded AWS and on AWS."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from sensorctl.embedded.access import Access

Document = dict[str, Any]

_BAR = 40
# At most so many ids a call (X-Ray API Reference, "BatchGetTraces").
_BATCH = 5


@dataclass(frozen=True, kw_only=True)
class Span:
    """One line of a waterfall; times in seconds, `start` from the beginning of the trace."""

    name: str
    depth: int
    start: float
    duration: float
    fault: bool
    annotations: dict[str, Any]


def fetch(access: Access, trace_id: str) -> list[Document]:
    """Return the segment documents of a trace; none when X-Ray does not know it (yet)."""
    return fetch_all(access.client("xray"), [trace_id])[trace_id]


def fetch_all(xray: Any, trace_ids: Sequence[str]) -> dict[str, list[Document]]:
    """Return the segment documents of each trace, page by page: a long trace comes in several."""
    documents: dict[str, list[Document]] = {trace_id: [] for trace_id in trace_ids}
    for start in range(0, len(trace_ids), _BATCH):
        pages = xray.get_paginator("batch_get_traces").paginate(TraceIds=list(trace_ids[start : start + _BATCH]))
        for trace in (trace for page in pages for trace in page["Traces"]):
            documents[trace["Id"]] += [json.loads(segment["Document"]) for segment in trace["Segments"]]
    return documents


def spans(documents: list[Document]) -> list[Span]:
    """Return the trace as lines, each after the one it belongs to, siblings by their start."""
    if not documents:
        return []
    origin = min(float(document["start_time"]) for document in documents)
    known = {each["id"] for document in documents for each in _walk(document)}
    children: dict[str | None, list[Document]] = defaultdict(list)
    for document in documents:
        parent = document.get("parent_id")
        children[parent if parent in known else None].append(document)

    def lines(node: Document, depth: int) -> Iterator[Span]:
        start = float(node["start_time"])
        yield Span(
            name=node["name"],
            depth=depth,
            start=start - origin,
            duration=float(node.get("end_time", start)) - start,
            fault=bool(node.get("fault")),
            annotations=node.get("annotations", {}),
        )
        below = [*node.get("subsegments", ()), *children.get(node["id"], ())]
        for child in sorted(below, key=lambda child: float(child["start_time"])):
            yield from lines(child, depth + 1)

    roots = sorted(children[None], key=lambda root: float(root["start_time"]))
    return [span for root in roots for span in lines(root, 0)]


def waterfall(trace: list[Span], *, title: str) -> Table:
    """Return the picture of a trace."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    table.add_column("segment", no_wrap=True)
    table.add_column("ms", justify="right")
    table.add_column("", width=_BAR)
    total = max((span.start + span.duration for span in trace), default=0) or 1
    for span in trace:
        before = min(int(_BAR * span.start / total), _BAR - 1)
        length = max(1, min(round(_BAR * span.duration / total), _BAR - before))
        style = "red" if span.fault else "green" if span.depth == 0 else "cyan"
        table.add_row(
            Text("  " * span.depth + span.name),
            f"{span.duration * 1000:.0f}",
            Text(" " * before + "━" * length, style=style),
        )
    return table


def _walk(document: Document) -> Iterator[Document]:
    yield document
    for child in document.get("subsegments", ()):
        yield from _walk(child)
