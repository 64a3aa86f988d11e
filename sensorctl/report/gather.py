"""Reads of a pipeline what the report shows; the same calls on the embedded AWS and on AWS, each of them bounded."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lambdas.shared.registry import PARTITIONS
from lambdas.shared.thresholds import Thresholds
from sensorctl import alert_list, ledger_scan, observe, readings
from sensorctl.embedded.access import Access
from sensorctl.pipeline import Pipeline
from sensorctl.report import inbox as maildir
from sensorctl.report.compose import Sources, found_alerts, sent
from sensorctl.report.model import Mail, Trace
from sensorctl.report.tracing import trace_of
from sensorctl.thresholds_in_force import thresholds_in_force
from sensorctl.traces import fetch_all

_READINGS = 20_000
_QUARANTINED = 200
_ALERT_TRACES = 100
# The slowest and the failed traces are looked for in this much: every summary in it is read.
_WINDOW = timedelta(hours=6)
# On AWS a summary's duration is exact, so a few of the longest are enough to find the slowest; on the embedded AWS it
# is whole seconds, so all are looked at.
_CANDIDATES, _CANDIDATES_EMBEDDED = 20, 2_000


@dataclass(frozen=True, kw_only=True)
class _OneClientEach(Access):
    """Another's clients, each made once: to make one takes longer than to query a device."""

    of: Access
    made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, *, pool: int = 16, patient_s: int | None = None) -> Any:
        """Return the client of the service."""
        if service not in self.made:
            self.made[service] = self.of.client(service, pool=pool, patient_s=patient_s)
        return self.made[service]


def gather(
    access: Access, pipeline: Pipeline, *, where: str, inbox: Path | None, since: datetime | None, now: datetime
) -> Sources:
    """Read the pipeline. `inbox` is the Maildir of the embedded AWS, None on AWS; `since` limits readings and the rest.

    Raises botocore's errors.
    """
    most = _CANDIDATES if access.endpoint is None else _CANDIDATES_EMBEDDED
    access = _OneClientEach(of=access)
    notes: list[str] = []
    dynamodb = access.client("dynamodb")
    items, cut = _readings(access, pipeline, since=since)
    records, unreadable = alert_list.read(ledger_scan.items(dynamodb, table=pipeline.alerts_table))
    if unreadable:
        notes.append(f"{len(unreadable)} items of the ledger cannot be read: they are of another version.")
    if cut:
        notes.append(f"Of {len(cut)} devices only the newest {_READINGS:,} readings are in this report.")
    mails = maildir.read(inbox) if inbox is not None else None
    if mails is None:
        notes.append("There is no mailbox on AWS: the e-mails are those that the ledger says were sent.")
    told: Sequence[Mail] = mails if mails is not None else sent(records, since=since)
    wanted = [each for alert in found_alerts(items, records, told, since=since) for each in alert.trace_ids]
    traces, faults = _traces(access.client("xray"), wanted, most=most, since=since, now=now)
    return Sources(
        where=where,
        made_at=now,
        since=since,
        items=items,
        cut=frozenset(cut),
        thresholds=_thresholds(access, pipeline, notes),
        records=records,
        mails=mails,
        rejects=_rejects(access.client("s3"), pipeline.landing_bucket, since=since, notes=notes),
        traces=traces,
        faults=faults,
        waiting=observe.failed_events(access, pipeline),
        notes=tuple(notes),
    )


def _readings(
    access: Access, pipeline: Pipeline, *, since: datetime | None
) -> tuple[dict[str, list[dict[str, Any]]], set[str]]:
    """Return the newest readings of each registered device, and of which devices there are more."""
    found: dict[str, list[dict[str, Any]]] = {}
    cut = set()
    for device_id in sorted(_devices(access.client("dynamodb"), pipeline.readings_table)):
        newest = readings.of_device(access, pipeline, device_id=device_id, since=since)
        items = list(itertools.islice(newest, _READINGS + 1))
        if len(items) > _READINGS:
            cut.add(device_id)
        if items:
            found[device_id] = items[:_READINGS]
    return found, cut


def _devices(dynamodb: Any, table: str) -> Iterator[str]:
    for partition in PARTITIONS:
        pages = dynamodb.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="device_id = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
        )
        for page in pages:
            yield from (item["reading_id"]["S"] for item in page["Items"])


def _thresholds(access: Access, pipeline: Pipeline, notes: list[str]) -> Thresholds | None:
    """Return the thresholds in force; without them the report has no limit lines, and says why."""
    thresholds, problem = thresholds_in_force(access, pipeline)
    if problem is not None:
        notes.append(f"No limits are drawn: {problem}.")
    return thresholds


def _rejects(s3: Any, bucket: str, *, since: datetime | None, notes: list[str]) -> list[observe.RejectedRecord]:
    """Return the lines of the newest quarantine objects."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="quarantine/")
    entries = [entry for page in pages for entry in page.get("Contents", ())]
    entries = [entry for entry in entries if since is None or entry["LastModified"] >= since]
    entries.sort(key=lambda entry: entry["LastModified"], reverse=True)
    if len(entries) > _QUARANTINED:
        notes.append(f"Of {len(entries):,} quarantine objects only the newest {_QUARANTINED} were read.")
    found = []
    for entry in entries[:_QUARANTINED]:
        source = entry["Key"].removeprefix("quarantine/").rpartition("/")[0]
        for line in s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].iter_lines():
            members = json.loads(line)
            if "reason" in members:  # the last line of a cut object only counts
                found.append(observe.RejectedRecord(key=source, **members))
    return found


def _traces(
    xray: Any, of_alerts: Sequence[str], *, most: int, since: datetime | None, now: datetime
) -> tuple[dict[str, Trace], int]:
    """Return the traces of the first alerts, the `most` longest and the failed ones, and how many have failed."""
    begin = max(since or now - _WINDOW, now - _WINDOW).astimezone(UTC)
    pages = xray.get_paginator("get_trace_summaries").paginate(StartTime=begin, EndTime=now + timedelta(minutes=1))
    summaries = [summary for page in pages for summary in page["TraceSummaries"]]
    longest = sorted(summaries, key=lambda summary: summary.get("Duration", 0), reverse=True)[:most]
    faulty = [summary for summary in summaries if summary.get("HasFault")]
    looked_at = [*dict.fromkeys(of_alerts)][:_ALERT_TRACES]
    looked_at += [summary["Id"] for summary in (*longest, *faulty[:_CANDIDATES])]
    return _fetched(xray, list(dict.fromkeys(looked_at))), len(faulty)


def _fetched(xray: Any, trace_ids: list[str]) -> dict[str, Trace]:
    made = (trace_of(trace_id, parts) for trace_id, parts in fetch_all(xray, trace_ids).items() if parts)
    return {trace.trace_id: trace for trace in made if trace is not None}
