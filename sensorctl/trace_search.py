"""Finds traces: by the object, alert or device they are about, and the newest, slowest and failed ones of a while.

On AWS, X-Ray's annotations are indexed and asked for. The embedded AWS indexes none, so there the documents of the span
are read and compared; the answer is the same.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError

from sensorctl import alert_list, ledger_scan, readings
from sensorctl.embedded.access import Access
from sensorctl.errors import UserError
from sensorctl.pipeline import Pipeline
from sensorctl.report.model import Trace
from sensorctl.trace_list import trace_line
from sensorctl.traces import Document, fetch_all
from sensorctl.uploader import INCOMING

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

Found = dict[str, list[Document]]


class TraceSearch:
    """The traces of one pipeline. Every method returns documents by trace id, in the order to show them in."""

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
        elif what.startswith(INCOMING):
            ids = self._of_object(what, most=most)
        else:
            ids = (self._of_alert(what) if _ALERT_ID.fullmatch(what) else []) or self._of_device(what)
        found = {trace_id: documents for trace_id, documents in self._fetched(ids[:most]).items() if documents}
        if not found:
            raise UserError(f"X-Ray has no trace of {what}; it may not have been sampled, or is not there yet")
        return found

    def recent(self, order: Order, *, since: datetime, now: datetime, most: int) -> Found:
        """Return the newest, slowest or failed traces that began since then, but no sweep that went well."""
        summaries = self._summaries(since, now + _CLOCKS)
        if order == "failed":
            summaries = [each for each in summaries if each.get("HasFault") or each.get("HasError")]
        if order == "slowest":
            summaries.sort(key=lambda each: -float(each.get("Duration", 0)))
        else:
            summaries.sort(key=lambda each: _began(each["Id"]), reverse=True)
        every = order == "slowest" and self._embedded
        candidates = summaries[: _CANDIDATES_EMBEDDED if every else most * _WITH_SWEEPS]
        found = self._fetched([each["Id"] for each in candidates])
        lines = [line for each in found.items() if (line := trace_line(*each)) is not None]
        # Of the sweeps, one a minute, only those that failed are of interest.
        lines = [line for line in lines if line.about is not None or line.trace.failed]
        lines.sort(key=lambda line: _place(line.trace, order))
        return {line.trace.trace_id: found[line.trace.trace_id] for line in lines[:most]}

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
            return [each["Id"] for each in self._summaries(begin, end, annotation=("object_key", key))][:most]
        ids = [each["Id"] for each in self._summaries(begin, end)]
        return [id for id, documents in self._fetched(ids).items() if key in _annotated(documents, "object_key")]

    def _of_alert(self, alert_id: str) -> list[str]:
        """Return the trace of the alert's worst breach; once it has ended, of its newest readings out of bounds."""
        dynamodb = self._access.client("dynamodb")
        records, _ = alert_list.read(ledger_scan.items(dynamodb, table=self._pipeline.alerts_table))
        line = next((line for line in alert_list.lines(records) if line.alert_id == alert_id), None)
        if line is None:
            return []
        worst = line.worst.trace_id if line.worst is not None else None
        return [worst] if worst is not None else self._of_device(line.device_id, breaching=line.metric)

    def _of_device(self, device_id: str, *, breaching: str | None = None) -> list[str]:
        """Return the traces of a device's newest readings, or of those with the metric `breaching` out of bounds."""
        newest = readings.of_device(self._access, self._pipeline, device_id=device_id)
        items = list(itertools.islice(newest, _DEVICE_READINGS))
        if not items:
            raise UserError(
                f"{device_id} is no trace id, no object below {INCOMING}, no alert in the ledger and no device with "
                "readings; `sensorctl traces` lists what there is"
            )
        wanted = [item for item in items if breaching is None or breaching in _out_of_bounds(item)]
        return list(dict.fromkeys(item["trace_id"] for item in wanted if "trace_id" in item))

    def _summaries(
        self, begin: datetime, end: datetime, *, annotation: tuple[str, str] | None = None
    ) -> list[dict[str, Any]]:
        asked = {}
        if annotation is not None:
            # X-Ray Developer Guide, "Filter expressions": a string stands in quotes, so it can hold none.
            asked = {"FilterExpression": f'annotation.{annotation[0]} = "{annotation[1].replace(chr(34), "")}"'}
        pages = self._xray.get_paginator("get_trace_summaries").paginate(StartTime=begin, EndTime=end, **asked)
        return [summary for page in pages for summary in page["TraceSummaries"]]

    def _fetched(self, trace_ids: Sequence[str]) -> Found:
        return fetch_all(self._xray, trace_ids)


def _annotated(documents: Iterable[Document], name: str) -> set[Any]:
    values = set()
    for document in documents:
        if name in document.get("annotations", {}):
            values.add(document["annotations"][name])
        values |= _annotated(document.get("subsegments", ()), name)
    return values


def _out_of_bounds(item: dict[str, Any]) -> set[str]:
    return {breach["metric"] for breach in item.get("breaches", ())}


def _began(trace_id: str) -> str:
    """Return the part of a trace id that tells its second: eight hex digits, in the order of time."""
    return trace_id.split("-")[1]


def _place(trace: Trace, order: Order) -> float:
    return -trace.seconds if order == "slowest" else -trace.started_at.timestamp()
