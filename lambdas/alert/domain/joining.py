"""How breaches make an alert: each joins by minimum, maximum and worst-of, so order and duplicates change nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Literal

from lambdas.alert.domain.models import RANK, Alert, Known, MetricState, StaleBreaches
from lambdas.shared.events import Severity, ThresholdBreached
from lambdas.shared.times import timestamp

# What an e-mail about an open alert says of it.
Mailed = Literal["opened", "escalated", "crossed", "deescalated", "reminder", "unattended"]


def new_alert(state: MetricState, breach: ThresholdBreached, first: datetime, last: datetime, now: datetime) -> Alert:
    """Return the pending alert that a first breach makes."""
    return Alert(
        alert_id=_alert_id(state),
        phase="pending",
        severity=breach.severity,
        noticed_at=now,
        since=first,
        last_at=last,
        critical_at=last if breach.severity == "critical" else None,
        worst=breach,
        above=breach.severity if breach.bound == "above" else None,
        below=breach.severity if breach.bound == "below" else None,
    )


def joined(alert: Alert, breach: ThresholdBreached, first: datetime, last: datetime) -> Alert:
    """Return the alert with one more breach, whose readings were taken from `first` to `last`."""
    lowered = alert.lowered_through is not None and last <= alert.lowered_through
    level: Severity = "warning" if lowered else breach.severity
    critical = level == "critical"
    return replace(
        alert,
        severity=_worse(alert.severity, level),
        above=_worse(alert.above, level) if breach.bound == "above" else alert.above,
        below=_worse(alert.below, level) if breach.bound == "below" else alert.below,
        since=min(alert.since, first),
        last_at=max(alert.last_at, last),
        critical_at=max(alert.critical_at or last, last) if critical else alert.critical_at,
        worst=max(alert.worst, breach, key=severity_key),
    )


def with_sides(alert: Alert) -> Alert:
    """Return the alert with the side it is on, which earlier versions did not store."""
    if alert.above is not None or alert.below is not None:
        return alert
    is_above = alert.worst.bound == "above"
    return replace(alert, above=alert.severity if is_above else None, below=None if is_above else alert.severity)


def rise(known: Known | Alert, alert: Alert) -> Literal["escalated", "crossed"] | None:
    """Return the kind of e-mail that a rise over what is `known` deserves, or None: nothing is worse than that."""
    if RANK[alert.severity] > RANK[known.severity]:
        return "escalated"
    risen = RANK[alert.above] > RANK[known.above] or RANK[alert.below] > RANK[known.below]
    return "crossed" if risen else None


def news(alert: Alert, *, known: Known) -> Mailed | None:
    """Return the kind of e-mail that says what people do not know of an open alert, or None: they know all of it."""
    if known.severity is None:
        return "opened"
    kind = rise(known, alert)
    if kind == "crossed":
        side = (alert.above, known.above) if alert.worst.bound == "above" else (alert.below, known.below)
        # It would name the worst breach, which is on the side that people know of.
        return kind if RANK[side[0]] > RANK[side[1]] else "reminder"
    return kind or ("deescalated" if RANK[alert.severity] < RANK[known.severity] else None)


def recorded(before: StaleBreaches | None, first: datetime, last: datetime, *, severity: Severity) -> StaleBreaches:
    """Return the span of stale breaches with one more."""
    if before is None:
        return StaleBreaches(first_at=first, last_at=last, severity=severity)
    return StaleBreaches(
        first_at=min(before.first_at, first),
        last_at=max(before.last_at, last),
        severity=_worse(before.severity, severity),
    )


def severity_key(breach: ThresholdBreached) -> tuple[int, float, str, str]:
    """Return a total order of breaches: severity, distance past the limit, the later one, and the id to break ties."""
    return RANK[breach.severity], abs(float(breach.value) - float(breach.limit)), breach.last_at, breach.breach_id


def _alert_id(state: MetricState) -> str:
    """Return the 12 hex digits that name the alert which follows what is settled.

    They come from the device, the metric and the watermark, not from the breach that happens to arrive first: whoever
    opens the alert, and in whichever order, gives it the same name.
    """
    settled = timestamp(state.settled_through) if state.settled_through is not None else ""
    return hashlib.sha256("\0".join((state.device_id, state.metric, settled)).encode()).hexdigest()[:12]


def _worse(known: Severity | None, new: Severity) -> Severity:
    return "critical" if "critical" in (known, new) else new
