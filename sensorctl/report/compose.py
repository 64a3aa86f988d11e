"""Everything that was gathered in, the report out. Pure; no AWS SDK import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.alert.records import Message, MetricState, Record, Rejection, Silence
from lambdas.shared.thresholds import Thresholds
from sensorctl.observe import RejectedRecord
from sensorctl.report import alerts, charts, tracing
from sensorctl.report.model import Alert, Device, Mail, Report, Totals, Trace

# Over all charts together: some 3 MB of the page.
_POINTS = 150_000
_FEWEST, _MOST = 100, 1_000
_TRACES = 5
_MAILS = 500
_REJECTS = 500


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What was read of the pipeline.

    `items` are the readings of each device, of which those of `cut` are only the newest. `mails` is None where there is
    no mailbox; then the ledger's `records` tell what was sent. `traces` hold those of the alerts and those looked at
    for the slowest and the failed ones; `faults` counts all that X-Ray knows to have failed.
    """

    where: str
    made_at: datetime
    since: datetime | None
    items: Mapping[str, Sequence[Mapping[str, Any]]]
    cut: frozenset[str]
    thresholds: Thresholds | None
    records: Sequence[Record]
    mails: Sequence[Mail] | None
    rejects: Sequence[RejectedRecord]
    traces: Mapping[str, Trace]
    faults: int
    waiting: int
    notes: tuple[str, ...] = ()


def compose(sources: Sources) -> Report:
    """Return the report: devices with alerts first, then by name; e-mails and rejects newest and first come first."""
    mails = sources.mails if sources.mails is not None else sent(sources.records, since=sources.since)
    listed = found_alerts(sources.items, sources.records, mails, since=sources.since, thresholds=sources.thresholds)
    gravest = {alert.device_id: place for place, alert in reversed(list(enumerate(listed)))}
    count = sum(len({metric for item in items for metric in item["metrics"]}) for items in sources.items.values())
    most = min(max(_POINTS // max(count, 1), _FEWEST), _MOST)
    devices = [
        charts.device(name, items, thresholds=sources.thresholds, most=most, more=name in sources.cut)
        for name, items in sources.items.items()
        if items
    ]
    traces = sources.traces
    slow = tracing.slowest(traces.values(), most=_TRACES)
    failed = tracing.failed(traces.values(), most=_TRACES)
    shown = {*slow, *failed, *(trace_id for alert in listed for trace_id in alert.trace_ids)}
    return Report(
        where=sources.where,
        made_at=sources.made_at,
        since=sources.since,
        devices=tuple(sorted(devices, key=lambda each: _place(each, gravest))),
        alerts=tuple(listed),
        mails=tuple(sorted(mails, key=lambda mail: mail.sent_at, reverse=True)[:_MAILS]),
        rejects=tuple(sorted(sources.rejects, key=lambda reject: (reject.key, reject.offset))[:_REJECTS]),
        traces={trace_id: traces[trace_id] for trace_id in sorted(shown & traces.keys())},
        slowest=slow,
        failed=failed,
        totals=Totals(
            devices=len(devices),
            readings=sum(each.readings for each in devices),
            breaches=sum(chart.breaches for each in devices for chart in each.charts),
            alerts=len(listed),
            running=sum(alert.state in ("open", "silent") for alert in listed),
            mails=len(mails),
            rejected=len(sources.rejects),
            faults=sources.faults,
            waiting=sources.waiting,
        ),
        notes=(
            *sources.notes,
            *_left_out("e-mails", len(mails), most=_MAILS),
            *_left_out("rejected records", len(sources.rejects), most=_REJECTS),
        ),
    )


def found_alerts(
    items: Mapping[str, Sequence[Mapping[str, Any]]],
    records: Sequence[Record],
    mails: Sequence[Mail],
    *,
    since: datetime | None,
    thresholds: Thresholds | None = None,
) -> list[Alert]:
    """Return the alerts, which name the traces to fetch."""
    mailed = {mail.about for mail in mails if mail.about is not None}
    return alerts.of(records, items, mailed=mailed, since=since, thresholds=thresholds)


def sent(records: Sequence[Record], *, since: datetime | None) -> list[Mail]:
    """Return what the ledger says was sent, without the words: it keeps the last few messages of each record."""
    return [
        Mail(
            sent_at=message.settled_at,
            subject=" ".join(filter(None, (f"[{message.kind.upper()}]", _about(record)))),
            kind=message.kind,
            about=message.message_id.partition("-")[0],
        )
        for record in records
        for message in record.outbox
        if message.status == "SENT" and message.settled_at is not None and _is_new(message, since)
    ]


def _place(device: Device, gravest: Mapping[str, int]) -> tuple[bool, bool, int, str]:
    """Devices with alerts first, and of those the ones with a history to show."""
    alerted = device.device_id in gravest
    return not alerted, device.readings < 2, gravest.get(device.device_id, 0), device.device_id


def _is_new(message: Message, since: datetime | None) -> bool:
    return since is None or (message.settled_at is not None and message.settled_at >= since)


def _about(record: Record) -> str:
    state = record.state
    if isinstance(state, MetricState):
        return f"{state.device_id} {state.metric}"
    if isinstance(state, Silence):
        return state.device_id
    return state.prefix if isinstance(state, Rejection) else ""


def _left_out(what: str, count: int, *, most: int) -> list[str]:
    return [f"Of {count:,} {what} only {most:,} are listed."] if count > most else []
