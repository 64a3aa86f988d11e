"""Summarises X-Ray's documents as traces with what went wrong in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sensorctl.traces.documents import Document, Span, spans, walk

_MOST_CAUSES = 5


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One trace as a waterfall, `seconds` from its first start to its last end.

    `causes` say why a part failed, `about` which object it was about.
    """

    trace_id: str
    started_at: datetime
    seconds: float
    failed: bool
    spans: tuple[Span, ...]
    causes: tuple[str, ...] = ()
    about: str | None = None


def trace_of(trace_id: str, documents: Sequence[Document]) -> Trace | None:
    """Return the trace, or None where there is no document of it."""
    if not documents:
        return None
    lines = tuple(spans(list(documents)))
    causes = [cause for document in documents for cause in _causes(document)]
    return Trace(
        trace_id=trace_id,
        started_at=datetime.fromtimestamp(min(float(document["start_time"]) for document in documents), UTC),
        seconds=max(span.start + span.duration for span in lines),
        failed=any(span.fault for span in lines),
        spans=lines,
        causes=tuple(dict.fromkeys(causes))[:_MOST_CAUSES],
        about=next((str(about) for span in lines if (about := span.annotations.get("object_key"))), None),
    )


def traces_of(documents: Mapping[str, Sequence[Document]]) -> list[Trace]:
    """Return the traces among documents by trace id."""
    traces = (trace_of(trace_id, parts) for trace_id, parts in documents.items())
    return [trace for trace in traces if trace is not None]


def slowest_ids(traces: Iterable[Trace], *, most: int) -> tuple[str, ...]:
    """Return the ids of the slowest traces, the slowest first."""
    return tuple(trace.trace_id for trace in sorted(traces, key=lambda trace: -trace.seconds)[:most])


def failed_ids(traces: Iterable[Trace], *, most: int) -> tuple[str, ...]:
    """Return the ids of the traces with a fault, the newest first."""
    faulty = [trace for trace in traces if trace.failed]
    return tuple(trace.trace_id for trace in sorted(faulty, key=lambda trace: trace.started_at, reverse=True)[:most])


def _causes(document: Document) -> Iterator[str]:
    """Yield what was raised (X-Ray Developer Guide, "Segment documents": `cause` is an object or another's id)."""
    for part in walk(document):
        cause = part.get("cause")
        for raised in cause.get("exceptions", ()) if isinstance(cause, dict) else ():
            yield f"{part.get('name', '')}: {raised.get('type', 'error')}: {raised.get('message', '')}"
