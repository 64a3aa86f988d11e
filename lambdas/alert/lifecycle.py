"""The life of an alert: (state, breach or tick, rule, now) -> (state, notices). Pure; no AWS SDK import.

Breaches only raise, ticks only lower. A breach joins the alert by minimum, maximum and worst-of, so that duplicates and
any order of arrival give the same state; only a tick, which looks at the device's newest reading, steps down or closes,
and it leaves a watermark behind which nothing is decided again. The diagram is in docs/alerts.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from lambdas.alert.records import (
    RANK,
    Alert,
    AlertFacts,
    Decision,
    MetricState,
    Notice,
    Observation,
    Recorded,
    timestamp,
)
from lambdas.shared.contracts import ContractError, Severity, ThresholdBreached
from lambdas.shared.thresholds import Rule

# A breach older than this is recorded and not mailed: a backfill must not mail last month's fires.
STALE_AFTER = timedelta(hours=24)
# For how long nothing critical must have been read before an alert steps down to warning: without it, a value that
# hovers at the critical limit would mail at every turn.
CALM_AFTER = timedelta(minutes=10)
# The next moment that a reading can be taken.
_AFTER = timedelta(microseconds=1)
# The pause between reminders of an alert whose rule is gone.
REMIND_EVERY = timedelta(hours=4)


def on_breach(
    state: MetricState, breach: ThresholdBreached, *, rule: Rule | None, now: datetime
) -> Decision[MetricState]:
    """Join a breach; it opens or escalates an alert and never lowers one. Raises ContractError for a bad time.

    Without a rule (ingest judged by a document that has changed since, or that we cannot read) it opens at once: an
    alarm too many is better than one too few.
    """
    first, last = _span(breach)
    if now - last > STALE_AFTER:
        return Decision(state=replace(state, recorded=_recorded(state.recorded, breach)), outcome="stale")
    if state.settled_through is not None and last < state.settled_through:
        return Decision(state=state, outcome="late")
    if state.settled_through is not None:
        first = max(first, state.settled_through)
    before = state.alert
    alert = _joined(before, breach, first, last) if before else _new(state, breach, first, last, now)
    if alert == before:
        return Decision(state=state, outcome="unchanged")
    state = replace(state, alert=alert)
    if alert.phase == "pending":
        return _open_if_held(state, alert, through=alert.last_at, rule=rule, now=now) or Decision(
            state=state, outcome="pending"
        )
    if before is not None and RANK[alert.severity] > RANK[before.severity]:
        return _notify(state, alert, "escalated", breach=breach, rule=rule, now=now, until=alert.last_at)
    return Decision(state=state, outcome="joined")


def on_tick(
    state: MetricState, *, latest: Observation | None, rule: Rule | None, now: datetime
) -> Decision[MetricState]:
    """Look at the device's newest reading of the metric and at the clock: close, step down, remind, or open.

    `latest` counts only when it is newer than every breach the alert knows. Nothing happens to a closed alert.
    """
    alert = state.alert
    if alert is None:
        return Decision(state=state, outcome="unchanged")
    fresh = latest if latest is not None and latest.at > alert.last_at else None
    if rule is None:
        end = max(alert.last_at + _AFTER, now)
        return _end(state, alert, at=end, latest=fresh, reason="no threshold is set for it any more")
    tick = _tick_pending if alert.phase == "pending" else _tick_open
    return tick(state, alert, fresh=fresh, rule=rule, now=now) or Decision(state=state, outcome="unchanged")


def _tick_pending(
    state: MetricState, alert: Alert, *, fresh: Observation | None, rule: Rule, now: datetime
) -> Decision[MetricState] | None:
    newest = fresh.at if fresh is not None else alert.last_at
    if fresh is not None and rule.crossing(fresh.value) is None:
        return _end(state, alert, at=fresh.at, latest=fresh)
    if now - newest > STALE_AFTER:
        return _end(state, alert, at=newest + _AFTER, latest=fresh)
    return _open_if_held(state, alert, through=newest, rule=rule, now=now)


def _tick_open(
    state: MetricState, alert: Alert, *, fresh: Observation | None, rule: Rule, now: datetime
) -> Decision[MetricState] | None:
    if fresh is not None and rule.is_clear(fresh.value):
        return _end(state, alert, at=fresh.at, latest=fresh)
    newest = fresh.at if fresh is not None else alert.last_at
    crossing = rule.crossing(fresh.value) if fresh is not None else None
    still_critical = crossing is not None and crossing.severity == "critical"
    if alert.critical_at is not None and newest - alert.critical_at >= CALM_AFTER and not still_critical:
        lowered = replace(alert, severity="warning", critical_at=None, lowered_through=newest)
        return _notify(state, lowered, "deescalated", latest=fresh, rule=rule, now=now, until=newest)
    if alert.remind_at is not None and now >= alert.remind_at:
        return _notify(state, alert, "reminder", latest=fresh, rule=rule, now=now, until=now)
    return None


def alert_id(state: MetricState) -> str:
    """Return the 12 hex digits that name the alert which follows what is settled.

    They come from the device, the metric and the watermark, not from the breach that happens to arrive first: whoever
    opens the alert, and in whichever order, gives it the same name.
    """
    settled = timestamp(state.settled_through) if state.settled_through is not None else ""
    return hashlib.sha256("\0".join((state.device_id, state.metric, settled)).encode()).hexdigest()[:12]


def badness(breach: ThresholdBreached) -> tuple[int, float, str, str]:
    """Return a total order of breaches: severity, distance past the limit, the later one, and the id to break ties."""
    return RANK[breach.severity], abs(float(breach.value) - float(breach.limit)), breach.last_at, breach.breach_id


def instant(text: str, *, name: str) -> datetime:
    """Read an RFC 3339 time with an offset as UTC. Raises ContractError, naming the member."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ContractError(f"event detail: {name} is {text!r:.80}, not an RFC 3339 time with an offset")
    return at.astimezone(UTC)


def _new(state: MetricState, breach: ThresholdBreached, first: datetime, last: datetime, now: datetime) -> Alert:
    return Alert(
        alert_id=alert_id(state),
        phase="pending",
        severity=breach.severity,
        noticed_at=now,
        since=first,
        last_at=last,
        critical_at=last if breach.severity == "critical" else None,
        worst=breach,
    )


def _joined(alert: Alert, breach: ThresholdBreached, first: datetime, last: datetime) -> Alert:
    lowered = alert.lowered_through is not None and last <= alert.lowered_through
    critical = breach.severity == "critical" and not lowered
    severity: Severity = "critical" if critical else alert.severity
    return replace(
        alert,
        severity=severity,
        since=min(alert.since, first),
        last_at=max(alert.last_at, last),
        critical_at=max(alert.critical_at or last, last) if critical else alert.critical_at,
        worst=max(alert.worst, breach, key=badness),
    )


def _open_if_held(
    state: MetricState, alert: Alert, *, through: datetime, rule: Rule | None, now: datetime
) -> Decision[MetricState] | None:
    """Open a pending alert if its breach has lasted for the rule's `for`, from its first reading `through` its last."""
    hold = rule.hold if rule is not None else timedelta(0)
    if through - alert.since < hold:
        return None
    return _notify(state, replace(alert, phase="open"), "opened", rule=rule, now=now, until=through)


def _notify(
    state: MetricState,
    alert: Alert,
    kind: Literal["opened", "escalated", "deescalated", "reminder"],
    *,
    rule: Rule | None,
    now: datetime,
    until: datetime,
    breach: ThresholdBreached | None = None,
    latest: Observation | None = None,
) -> Decision[MetricState]:
    alert = replace(alert, remind_at=now + (rule.remind_every if rule is not None else REMIND_EVERY))
    facts = _facts(state, alert, level=alert.severity, until=until, latest=latest)
    facts = replace(facts, breach=breach or facts.breach)
    notice = Notice(kind=kind, alert_id=alert.alert_id, severity=alert.worst.severity, alert=facts)
    return Decision(state=replace(state, alert=alert), notices=(notice,), outcome=kind)


def _end(
    state: MetricState, alert: Alert, *, at: datetime, latest: Observation | None, reason: str | None = None
) -> Decision[MetricState]:
    """Close at a reading time, which settles all before it; what was never opened ends without a word.

    `at` is later than every breach of the alert, so that no two alerts follow the same watermark (see `alert_id`).
    """
    settled = max(state.settled_through or at, at)
    closed = replace(state, alert=None, settled_through=settled)
    if alert.phase == "pending":
        return Decision(state=closed, outcome="dropped")
    facts = replace(_facts(state, alert, level=None, until=at, latest=latest), reason=reason)
    notice = Notice(kind="resolved", alert_id=alert.alert_id, severity=alert.worst.severity, alert=facts)
    return Decision(state=closed, notices=(notice,), outcome="resolved")


def _facts(
    state: MetricState, alert: Alert, *, level: Severity | None, until: datetime, latest: Observation | None
) -> AlertFacts:
    return AlertFacts(
        device_id=state.device_id,
        metric=state.metric,
        level=level,
        breach=alert.worst,
        since=alert.since,
        until=until,
        latest=latest,
    )


def _recorded(before: Recorded | None, breach: ThresholdBreached) -> Recorded:
    first, last = _span(breach)
    if before is None:
        return Recorded(first_at=first, last_at=last, severity=breach.severity)
    return Recorded(
        first_at=min(before.first_at, first),
        last_at=max(before.last_at, last),
        severity="critical" if "critical" in (before.severity, breach.severity) else "warning",
    )


def _span(breach: ThresholdBreached) -> tuple[datetime, datetime]:
    first, last = instant(breach.first_at, name="first_at"), instant(breach.last_at, name="last_at")
    if first > last:
        raise ContractError(f"event detail: first_at ({breach.first_at}) is after last_at ({breach.last_at})")
    return first, last
