"""Finds traces: by the object, alert or device they are about, and the newest, slowest and failed ones of a while.

On AWS, X-Ray's annotations are indexed and asked for. The embedded AWS indexes none, so there the documents of the span
are read and compared; the answer is the same.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError

from lambdas.shared.names import INCOMING_PREFIX
from sensorctl.alerts import ledger_records
from sensorctl.alerts.listing import lines
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError
from sensorctl.readings.query import of_device
from sensorctl.redrive.waiting import look_into
from sensorctl.traces.documents import Document, fetch_all, walk
from sensorctl.traces.listing import trace_lines

Order = Literal["newest", "slowest", "failed"]

# X-Ray Developer Guide, "Trace ID format"; the alert's id is 12 hex digits (docs/alerts.md).
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_ALERT_ID = re.compile(r"[0-9a-f]{12}")
# An object waits at most 6 hours in Lambda's queue; GetTraceSummaries takes as much at once (X-Ray API Reference).
_AFTER_UPLOAD = timedelta(hours=6)
_CLOCKS = timedelta(minutes=1)
# On AWS a summary's duration is exact. On the embedded AWS it is whole seconds, so more are read to sort them.
_CANDIDATES_EMBEDDED = 2_000
_WITH_SWEEPS = 4
_DEVICE_READINGS = 1_000

TraceDocuments = dict[str, list[Document]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Traces to show, how many there are in all, and whether that many were counted or there may be more.

    `waiting` are those of which an event waits in a failure queue: they have failed, though X-Ray may not know.
    """

    documents: TraceDocuments
    total: int
    complete: bool = True
    waiting: frozenset[str] = frozenset()


class TraceSearch:
    """The traces of one pipeline, in the order to show them in."""

    def __init__(self, access: Access, pipeline: Pipeline) -> None:
        self._access = access
        self._pipeline = pipeline
        self._xray = access.client("xray")
        self._embedded = access.endpoint is not None

    def about(self, what: str, *, most: int) -> Found:
        """Return the traces of a trace id, an object's key, an alert's id or a device, at most `most` of them.

        Raises UserError where it is none of these, or where X-Ray has no trace of it.
        """
        if _TRACE_ID.fullmatch(what):
            ids = [what]
        elif what.startswith(INCOMING_PREFIX):
            ids = self._of_object(what, most=most)
        else:
            ids = (self._of_alert(what) if _ALERT_ID.fullmatch(what) else []) or self._of_device(what)
        found = {trace_id: documents for trace_id, documents in fetch_all(self._xray, ids[:most]).items() if documents}
        if not found:
            raise UserError(f"X-Ray has no trace of {what}; it may not have been sampled, or is not there yet")
        return Found(documents=found, total=max(len(ids), len(found)))

    def recent(self, order: Order, *, since: datetime, now: datetime, most: int) -> Found:
        """Return the newest, slowest or failed traces that began since then, but no sweep that went well.

        An invocation that was killed may leave no document that says so: what waits in the failure queues has failed
        too.
        """
        summaries = self._summaries(since, min(now + _CLOCKS, since + _AFTER_UPLOAD))
        waiting: frozenset[str] = frozenset()
        if order == "failed":
            waiting = self._of_waiting_events([summary["Id"] for summary in summaries], since=since)
            summaries = [
                summary
                for summary in summaries
                if summary.get("HasFault") or summary.get("HasError") or summary["Id"] in waiting
            ]
        if order == "slowest":
            summaries.sort(key=lambda summary: -float(summary.get("Duration", 0)))
        else:
            summaries.sort(key=lambda summary: summary["Id"].split("-")[1], reverse=True)
        every = order == "slowest" and self._embedded
        candidates = summaries[: _CANDIDATES_EMBEDDED if every else most * _WITH_SWEEPS]
        found = fetch_all(self._xray, [summary["Id"] for summary in candidates])
        # Of the sweeps, one a minute, only those that failed are of interest.
        traces = [line.trace for line in trace_lines(found) if line.about is not None or line.trace.failed]
        traces.sort(key=lambda trace: -trace.seconds if order == "slowest" else -trace.started_at.timestamp())
        return Found(
            documents={trace.trace_id: found[trace.trace_id] for trace in traces[:most]},
            total=len(traces),
            complete=len(candidates) == len(summaries),
            waiting=waiting,
        )

    def _of_waiting_events(self, known: Sequence[str], *, since: datetime) -> frozenset[str]:
        """Return the traces of events that wait in the failure queues, as far as SQS hands them out; see `look_into`.

        `known` are the traces among which the embedded AWS looks for objects.
        """
        sqs = self._access.client("sqs")
        queues = [look_into(sqs, queue, url) for queue, url in self._pipeline.failure_queues.items() if queue != "mail"]
        events = [event for queue in queues for event in queue.seen if event.since >= since]
        keys = {key for event in events for key in event.object_keys}
        named = {event.trace_id for event in events if event.trace_id is not None}
        if not self._embedded:
            spans = ((since - _AFTER_UPLOAD, since), (since, since + _AFTER_UPLOAD))
            of_keys = {
                summary["Id"]
                for key in sorted(keys)
                for span in spans
                for summary in self._summaries(*span, object_key=key)
            }
        else:
            of_keys = set(self._about_objects(known[-_CANDIDATES_EMBEDDED:], keys)) if keys else set()
        return frozenset(named | of_keys)

    def _about_objects(self, ids: Sequence[str], keys: Collection[str]) -> Iterator[str]:
        """Yield those of the traces that are about one of the objects."""
        for trace_id, documents in fetch_all(self._xray, ids).items():
            parts = (part for whole in documents for part in walk(whole))
            if any(part.get("annotations", {}).get("object_key") in keys for part in parts):
                yield trace_id

    def _of_object(self, key: str, *, most: int) -> list[str]:
        try:
            uploaded = self._access.client("s3").head_object(Bucket=self._pipeline.landing_bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                raise UserError(f"there is no object {key} in the landing bucket") from None
            raise
        begin = uploaded["LastModified"].astimezone(UTC) - _CLOCKS
        end = min(begin + _AFTER_UPLOAD, datetime.now(UTC) + _CLOCKS)
        if not self._embedded:
            return [summary["Id"] for summary in self._summaries(begin, end, object_key=key)][:most]
        return list(self._about_objects([summary["Id"] for summary in self._summaries(begin, end)], {key}))

    def _of_alert(self, alert_id: str) -> list[str]:
        """Return the trace of the alert's worst breach; once it has ended, of its newest readings out of bounds."""
        records, _ = ledger_records.read(self._access.client("dynamodb"), table=self._pipeline.alerts_table)
        line = next((line for line in lines(records) if line.alert_id == alert_id), None)
        if line is None:
            return []
        worst = line.worst.trace_id if line.worst is not None else None
        return [worst] if worst is not None else self._of_device(line.device_id, breaching=line.metric)

    def _of_device(self, device_id: str, *, breaching: str | None = None) -> list[str]:
        """Return the traces of a device's newest readings, or of those with the metric `breaching` out of bounds."""
        newest = of_device(self._access, self._pipeline, device_id=device_id)
        items = list(itertools.islice(newest, _DEVICE_READINGS))
        if not items:
            raise UserError(
                f"{device_id} is no trace id, no object below {INCOMING_PREFIX}, no alert in the ledger and no device "
                "with readings; `sensorctl traces` lists what there is"
            )
        wanted = [
            item
            for item in items
            if breaching is None or breaching in {breach["metric"] for breach in item.get("breaches", ())}
        ]
        return list(dict.fromkeys(item["trace_id"] for item in wanted if "trace_id" in item))

    def _summaries(self, begin: datetime, end: datetime, *, object_key: str | None = None) -> list[dict[str, Any]]:
        asked = {}
        if object_key is not None:
            # X-Ray Developer Guide, "Filter expressions": a string is in quotes, so it can hold none.
            asked = {"FilterExpression": f'annotation.object_key = "{object_key.replace(chr(34), "")}"'}
        pages = self._xray.get_paginator("get_trace_summaries").paginate(StartTime=begin, EndTime=end, **asked)
        return [summary for page in pages for summary in page["TraceSummaries"]]
