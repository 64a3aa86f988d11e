"""Reads from a pipeline what the report shows, with the same bounded calls on the embedded AWS and on AWS."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lambdas.alert.mail.formatting import counted
from lambdas.shared.names import QUARANTINE_PREFIX
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.alerts import ledger_records, muting
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.devices.registry import registered
from sensorctl.readings.query import of_device
from sensorctl.readings.stored import RejectedRecord, failed_events, rejected_in
from sensorctl.report import charts
from sensorctl.report import inbox as maildir
from sensorctl.report.alerts import alerts_of
from sensorctl.report.compose import Sources
from sensorctl.report.model import Device
from sensorctl.thresholds.parameter import thresholds_in_force
from sensorctl.traces.documents import fetch_all
from sensorctl.traces.summary import Trace, traces_of

# Over all devices together, so that a report of a thousand devices fits into memory; the charts into some 3 MB of page.
_READINGS, _READINGS_OF_ONE = 400_000, 20_000
_POINTS = 150_000
_FEWEST, _MOST = 100, 1_000
# Charts of a device, where nobody has counted them yet.
_METRICS = 2
_QUARANTINED = 200
_ALERT_TRACES = 100
# The slowest and the failed traces are looked for in this much: every summary in it is read.
_WINDOW = timedelta(hours=6)
# On AWS a summary's duration is exact, so a few of the longest are enough to find the slowest; on the embedded AWS it
# is whole seconds, so all are looked at.
_CANDIDATES, _CANDIDATES_EMBEDDED = 20, 2_000


@dataclass(frozen=True, kw_only=True)
class _OneClientEach(Access):
    """Access that makes each client once: making one takes longer than to query a device."""

    of: Access
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, *, pool: int = 16, patient_s: int | None = None) -> Any:
        """Return the client of the service."""
        if service not in self.clients:
            self.clients[service] = self.of.client(service, pool=pool, patient_s=patient_s)
        return self.clients[service]


def gather(
    access: Access, pipeline: Pipeline, *, where: str, inbox: Path | None, since: datetime | None, now: datetime
) -> Sources:
    """Read the pipeline. `inbox` is the Maildir of the embedded AWS, None on AWS; `since` limits readings and the rest.

    Raises botocore's errors.
    """
    most = _CANDIDATES if access.endpoint is None else _CANDIDATES_EMBEDDED
    access = _OneClientEach(of=access)
    notes: list[str] = []
    thresholds = _thresholds(access, pipeline, notes)
    devices = _devices(access, pipeline, thresholds, since=since)
    records, unreadable = ledger_records.read(access.client("dynamodb"), table=pipeline.alerts_table)
    if unreadable:
        items = counted(len(unreadable), "item")
        notes.append(f"{items} of the ledger cannot be read: another version wrote there.")
    if cut := [device for device in devices if device.more]:
        fewest = min(device.readings for device in cut)
        notes.append(f"Of {counted(len(cut), 'device')} only the newest {fewest:,} readings are in this report.")
    mails = maildir.read(inbox) if inbox is not None else None
    if mails is None:
        notes.append("There is no mailbox on AWS: the e-mails are those that the ledger says were sent.")
    wanted = [alert.trace_id for alert in alerts_of(records, since=since) if alert.trace_id]
    traces, faults = _traces(access.client("xray"), wanted, most=most, since=since, now=now)
    return Sources(
        where=where,
        made_at=now,
        since=since,
        devices=devices,
        records=records,
        mails=mails,
        rejects=_rejects(access.client("s3"), pipeline.landing_bucket, since=since, notes=notes),
        traces=traces,
        faults=faults,
        waiting=failed_events(access, pipeline),
        mutes=muting.beside(thresholds, access, pipeline).mutes,
        notes=tuple(notes),
    )


def _devices(
    access: Access, pipeline: Pipeline, thresholds: Thresholds | None, *, since: datetime | None
) -> list[Device]:
    """Return each registered device with the charts of its newest readings, which are dropped once these are drawn."""
    names = registered(access.client("dynamodb"), table=pipeline.readings_table)
    share, points = shares(len(names))
    found = []
    for name in names:
        newest = of_device(access, pipeline, device_id=name, since=since)
        items = list(itertools.islice(newest, share + 1))
        if items:
            more = len(items) > share
            found.append(charts.device(name, items[:share], thresholds=thresholds, most=points, more=more))
    return found


def shares(devices: int) -> tuple[int, int]:
    """Return how many readings each of so many devices may bring, and how many points each of its charts."""
    readings = min(max(_READINGS // max(devices, 1), _FEWEST), _READINGS_OF_ONE)
    return readings, min(max(_POINTS // max(_METRICS * devices, 1), _FEWEST), _MOST)


def _thresholds(access: Access, pipeline: Pipeline, notes: list[str]) -> Thresholds | None:
    """Return the thresholds in force; without them the report has no limit lines, and says why."""
    thresholds, problem = thresholds_in_force(access, pipeline)
    if problem is not None:
        notes.append(f"No limits are drawn: {problem}.")
    return thresholds


def _rejects(s3: Any, bucket: str, *, since: datetime | None, notes: list[str]) -> list[RejectedRecord]:
    """Return the lines of the newest quarantine objects."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=QUARANTINE_PREFIX)
    entries = [entry for page in pages for entry in page.get("Contents", ())]
    entries = [entry for entry in entries if since is None or entry["LastModified"] >= since]
    entries.sort(key=lambda entry: entry["LastModified"], reverse=True)
    if len(entries) > _QUARANTINED:
        notes.append(f"Of {len(entries):,} quarantine objects only the newest {_QUARANTINED} were read.")
    return [record for entry in entries[:_QUARANTINED] for record in rejected_in(s3, bucket, entry["Key"])]


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
    traces = traces_of(fetch_all(xray, list(dict.fromkeys(looked_at))))
    return {trace.trace_id: trace for trace in traces}, len(faulty)
