"""Traces through the X-Ray API, and the waterfall they are shown as. Works the same on the embedded AWS and on AWS."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from sensorctl import terminal
from sensorctl.aws.access import Access

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
    known = {part["id"] for document in documents for part in walk(document)}
    children: dict[str | None, list[Document]] = defaultdict(list)
    for document in documents:
        parent = document.get("parent_id")
        children[parent if parent in known else None].append(document)

    found: list[Span] = []
    seen: set[int] = set()
    # Those that name each other as parents in a ring have no root: they follow as roots of their own.
    waiting = [(node, 0) for node in (*by_start(documents)[::-1], *by_start(children[None])[::-1])]
    while waiting:
        node, depth = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        start = float(node["start_time"])
        found.append(
            Span(
                name=node["name"],
                depth=depth,
                start=start - origin,
                duration=float(node.get("end_time", start)) - start,
                fault=bool(node.get("fault")),
                annotations=node.get("annotations", {}),
            )
        )
        below = by_start([*node.get("subsegments", ()), *children.get(node["id"], ())])
        waiting += [(child, depth + 1) for child in reversed(below)]
    return found


def by_start(documents: Iterable[Document]) -> list[Document]:
    """Return documents in the order in which they began."""
    return sorted(documents, key=lambda document: float(document["start_time"]))


def waterfall(trace: Sequence[Span], *, title: str) -> Table:
    """Return the picture of a trace."""
    total = max((span.start + span.duration for span in trace), default=0) or 1

    def row(span: Span) -> tuple[str | Text, ...]:
        before = min(int(_BAR * span.start / total), _BAR - 1)
        length = max(1, min(round(_BAR * span.duration / total), _BAR - before))
        style = "red" if span.fault else "green" if span.depth == 0 else "cyan"
        bar = Text((" " * before + "━" * length).ljust(_BAR), style=style)
        return "  " * span.depth + span.name, f"{span.duration * 1000:.0f}", bar

    return terminal.table(("segment", "ms", ""), map(row, trace), title=title, right=("ms",), whole=("segment", ""))


def walk(document: Document) -> Iterator[Document]:
    """Yield a document and all its subsegments."""
    yield document
    for child in document.get("subsegments", ()):
        yield from walk(child)
