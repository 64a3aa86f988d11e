"""The only module that imports the X-Ray SDK: `phase()` opens a subsegment, `trace_id()` names the trace.

The SDK is in maintenance since 2026-02-25; a port to OpenTelemetry touches this file alone.
Subsegments are one per phase of an invocation, never one per SDK call: patched clients cost 16 % CPU and a datagram
a call. All of them are one datagram, sent when the outermost phase ends, also with an exception: the SDK sends one for
each, at a third more CPU. An invocation that is killed (time-out, memory) has none then.
Outside Lambda (tests, tools) every function here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.lambda_launcher import LAMBDA_TRACE_HEADER_KEY, LambdaContext

Annotation = str | int | float | bool

# Phases that wait for the outermost to end; with more of them those that have ended are sent before, because a datagram
# holds 64 KB, and a phase with its annotations 1.3 KB at most.
_MOST_TOGETHER = 40
# The service truncates longer annotation values (AWS X-Ray Developer Guide, "Segment documents").
_MAX_ANNOTATION = 1000


class InvocationContext(LambdaContext):  # type: ignore[misc]  # the SDK has no types
    """Where the SDK keeps an invocation's open subsegments; they end with it.

    The SDK's own starts anew only with another trace. But the invocations of one environment may share a trace (two
    breaches of one object, a retry), and the phases of the later ones would hang below the first. It also parses the
    header for each look at the current subsegment: thirty times for one reading.
    """

    def _refresh_context(self) -> None:
        header = os.environ.get(LAMBDA_TRACE_HEADER_KEY)
        if getattr(self._local, "header", None) != header or not hasattr(self._local, "segment"):
            self._local.segment = None
            super()._refresh_context()
            self._local.header = header


if isinstance(xray_recorder.context, LambdaContext):
    xray_recorder.context = InvocationContext()


class Phase:
    """An open subsegment, or nothing when there is no trace."""

    def __init__(self, subsegment: Any | None) -> None:
        self._subsegment = subsegment

    def annotate(self, **annotations: Annotation | None) -> None:
        """Add indexed values, for filter expressions such as `annotation.severity = "critical"`; None is left out."""
        for key, value in annotations.items():
            if self._subsegment is not None and value is not None:
                self._subsegment.put_annotation(key, value[:_MAX_ANNOTATION] if isinstance(value, str) else value)

    def note(self, name: str, value: object) -> None:
        """Add a value that is shown with the subsegment but not indexed."""
        if self._subsegment is not None:
            self._subsegment.put_metadata(name, value)


@contextmanager
def phase(name: str, **annotations: Annotation | None) -> Iterator[Phase]:
    """Trace the block as a subsegment called `name`; an exception marks it as a fault and goes on."""
    if not _traced():
        yield Phase(None)
        return
    is_outermost = xray_recorder.current_subsegment() is None
    subsegment = xray_recorder.begin_subsegment(name)
    current = Phase(subsegment)
    current.annotate(**annotations)
    try:
        yield current
    except BaseException as error:
        subsegment.add_exception(error, [])
        raise
    finally:
        xray_recorder.streaming_threshold = 0 if is_outermost else _MOST_TOGETHER
        xray_recorder.end_subsegment()


def trace_id() -> str | None:
    """Return the id of the invocation's trace (`1-8hex-24hex`), or None outside a trace."""
    return _header_fields().get("Root")


def trace_header() -> str | None:
    """Return the header that carries the trace to the next hop, with the open subsegment as the parent.

    Where nothing is sampled the subsegment is never sent, so the parent that came in stays.

    EventBridge passes it on when it stands in an entry's `TraceHeader` (PutEventsRequestEntry, EventBridge API
    Reference).
    """
    fields = _header_fields()
    if "Root" not in fields:
        return None
    sampled = fields.get("Sampled", "0")
    current = xray_recorder.current_subsegment() if _traced() and sampled == "1" else None
    parent = current.id if current is not None else fields.get("Parent")
    return f"Root={fields['Root']};" + (f"Parent={parent};" if parent else "") + f"Sampled={sampled}"


def _traced() -> bool:
    return "LAMBDA_TASK_ROOT" in os.environ and "Root" in _header_fields()


def _header_fields() -> dict[str, str]:
    """Split `Root=...;Parent=...;Sampled=1`; the variable changes with every invocation (Lambda Developer Guide)."""
    header = os.environ.get("_X_AMZN_TRACE_ID", "")
    return dict(part.split("=", 1) for part in header.split(";") if "=" in part)
