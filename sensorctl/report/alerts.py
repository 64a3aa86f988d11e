"""Makes the report's alerts, each with its span, from the ledger's records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from lambdas.alert.domain.models import RANK, MetricState, Record, Silence
from lambdas.alert.domain.notices import Message
from lambdas.alert.mail.formatting import acknowledged_text
from sensorctl.alerts.history import of_metric
from sensorctl.alerts.listing import AlertLine
from sensorctl.report.model import Alert, Worst


def alerts_of(records: Iterable[Record], *, since: datetime | None = None) -> list[Alert]:
    """Return alerts and silences: open ones first, then the most severe, then the newest.

    What had ended before `since` is left out; a pending alert is left out, too. Of the alerts of a metric that have
    ended, the ledger keeps the last few.
    """
    found = [alert for record in records for alert in _of_record(record, since=since)]
    kept = [alert for alert in found if since is None or alert.until is None or alert.until >= since]
    return sorted(kept, key=_urgency)


def _of_record(record: Record, *, since: datetime | None) -> Iterator[Alert]:
    state = record.state
    if isinstance(state, Silence):
        yield from _silence(state, record.outbox, since=since)
    if not isinstance(state, MetricState):
        return
    kinds: dict[str, list[str]] = {}
    for message in record.outbox:
        kinds.setdefault(message.message_id.partition("-")[0], []).append(message.kind)
    for line in of_metric(state):
        worst = line.worst
        if worst is None or line.alert_id is None:
            continue
        yield Alert(
            alert_id=line.alert_id,
            device_id=state.device_id,
            metric=state.metric,
            state="open" if line.until is None else "closed",
            severity=worst.severity,
            since=line.since,
            until=line.until,
            worst=Worst(value=float(worst.value), unit=worst.unit, bound=worst.bound, limit=float(worst.limit)),
            acknowledged=_acknowledged(line),
            mailed=tuple(kinds.get(line.alert_id, ())),
            trace_id=worst.trace_id,
        )


def _acknowledged(line: AlertLine) -> str | None:
    if line.acknowledged is not None:
        return acknowledged_text(line.acknowledged)
    return f"by {line.acknowledged_by}" if line.acknowledged_by else None


def _silence(state: Silence, outbox: Sequence[Message], *, since: datetime | None) -> Iterator[Alert]:
    """Yield the silence, or nothing if none was mailed or it had ended before `since`."""
    if state.since is None and not any(since is None or message.created_at >= since for message in outbox):
        return
    yield Alert(
        alert_id=outbox[-1].message_id.partition("-")[0] if outbox else "",
        device_id=state.device_id,
        metric=None,
        state="silent" if state.since is not None else "reporting",
        severity=None,
        since=state.since,
        mailed=tuple(message.kind for message in outbox),
    )


def _urgency(alert: Alert) -> tuple[int, int, float, str, str]:
    place = ("open", "silent", "closed", "reporting").index(alert.state)
    newest = alert.since.timestamp() if alert.since is not None else 0.0
    return place, -RANK[alert.severity], -newest, alert.device_id, alert.metric or ""
