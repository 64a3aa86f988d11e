"""X-Ray's documents in, traces as the report shows them out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from sensorctl.report.model import Trace
from sensorctl.traces import Document, spans

_MOST_CAUSES = 5


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
    )


def slowest(traces: Iterable[Trace], *, most: int) -> tuple[str, ...]:
    """Return the ids of the slowest traces, the slowest first."""
    return tuple(trace.trace_id for trace in sorted(traces, key=lambda trace: -trace.seconds)[:most])


def failed(traces: Iterable[Trace], *, most: int) -> tuple[str, ...]:
    """Return the ids of the traces with a fault, the newest first."""
    faulty = [trace for trace in traces if trace.failed]
    return tuple(trace.trace_id for trace in sorted(faulty, key=lambda trace: trace.started_at, reverse=True)[:most])


def _causes(document: Document) -> Iterator[str]:
    """Yield what was raised (X-Ray Developer Guide, "Segment documents": `cause` is an object or another's id)."""
    cause = document.get("cause")
    if isinstance(cause, dict):
        for raised in cause.get("exceptions", ()):
            yield f"{document.get('name', '')}: {raised.get('type', 'error')}: {raised.get('message', '')}"
    for child in document.get("subsegments", ()):
        yield from _causes(child)
