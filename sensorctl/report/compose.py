"""Makes the report from everything that was gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lambdas.alert.domain.models import Flood, MetricState, Record, Rejection, Silence
from lambdas.alert.domain.mutes import Mutes, OneOffMutes
from lambdas.alert.domain.notices import Message
from sensorctl.readings.stored import RejectedRecord
from sensorctl.report.alerts import alerts_of
from sensorctl.report.model import Alert, Device, Mail, Report, Totals
from sensorctl.traces.summary import Trace, failed_ids, slowest_ids

_TRACES = 5
_MAILS = 500
_REJECTS = 500


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What was read of the pipeline.

    `mails` is None where there is no mailbox; then the ledger's `records` say what was sent. `traces` hold those of the
    alerts and those looked at for the slowest and the failed ones; `faults` counts all that X-Ray knows to have failed.
    """

    where: str
    made_at: datetime
    since: datetime | None
    devices: Sequence[Device]
    records: Sequence[Record]
    mails: Sequence[Mail] | None
    rejects: Sequence[RejectedRecord]
    traces: Mapping[str, Trace]
    faults: int
    waiting: int
    mutes: Mutes = field(default_factory=lambda: Mutes(one_off=OneOffMutes()))
    notes: tuple[str, ...] = ()


def compose(sources: Sources) -> Report:
    """Return the report: devices with alerts first, then by name; e-mails and rejects newest and first come first."""
    mails = sources.mails if sources.mails is not None else sent(sources.records, since=sources.since)
    listed = [_marked(alert, sources) for alert in alerts_of(sources.records, since=sources.since)]
    most_urgent = {alert.device_id: place for place, alert in reversed(list(enumerate(listed)))}
    devices = sources.devices
    traces = sources.traces
    slow = slowest_ids(traces.values(), most=_TRACES)
    failed = failed_ids(traces.values(), most=_TRACES)
    shown = {*slow, *failed, *(alert.trace_id for alert in listed if alert.trace_id)}
    return Report(
        where=sources.where,
        made_at=sources.made_at,
        since=sources.since,
        devices=tuple(sorted(devices, key=lambda device: _place(device, most_urgent))),
        alerts=tuple(listed),
        mails=tuple(sorted(mails, key=lambda mail: mail.sent_at, reverse=True)[:_MAILS]),
        rejects=tuple(sorted(sources.rejects, key=lambda reject: (reject.key, reject.offset))[:_REJECTS]),
        traces={trace_id: traces[trace_id] for trace_id in sorted(shown & traces.keys())},
        slowest=slow,
        failed=failed,
        totals=Totals(
            devices=len(devices),
            readings=sum(device.readings for device in devices),
            breaches=sum(chart.breaches for device in devices for chart in device.charts),
            alerts=len(listed),
            running=sum(alert.state in ("open", "silent") for alert in listed),
            mails=len(mails),
            rejected=sum(reject.member is None for reject in sources.rejects),
            bad_values=sum(reject.member is not None for reject in sources.rejects),
            faults=sources.faults,
            waiting=sources.waiting,
        ),
        notes=(
            *sources.notes,
            *_left_out("e-mails", len(mails), most=_MAILS),
            *_left_out("rejected records and values", len(sources.rejects), most=_REJECTS),
        ),
    )


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


def _marked(alert: Alert, sources: Sources) -> Alert:
    """Return an alert with the mute that withholds its e-mails, if it has not ended."""
    if alert.state not in ("open", "silent"):
        return alert
    muting = sources.mutes.muting(alert.device_id, alert.metric, now=sources.made_at)
    return replace(alert, muted=muting.name if muting is not None else None)


def _place(device: Device, most_urgent: Mapping[str, int]) -> tuple[bool, bool, int, str]:
    """Devices with alerts first, and of those the ones with a history to show."""
    alerted = device.device_id in most_urgent
    return not alerted, device.readings < 2, most_urgent.get(device.device_id, 0), device.device_id


def _is_new(message: Message, since: datetime | None) -> bool:
    return since is None or (message.settled_at is not None and message.settled_at >= since)


def _about(record: Record) -> str:
    state = record.state
    if isinstance(state, MetricState):
        return f"{state.device_id} {state.metric}"
    if isinstance(state, Silence):
        return state.device_id
    if isinstance(state, Flood):
        return state.source
    return state.prefix if isinstance(state, Rejection) else ""


def _left_out(what: str, count: int, *, most: int) -> list[str]:
    return [f"Of {count:,} {what} only {most:,} are listed."] if count > most else []
