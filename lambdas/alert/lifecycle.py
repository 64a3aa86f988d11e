"""The life of an alert: (state, breach or tick, rule, now) -> (state, notices). Pure; no AWS SDK import.

Breaches only raise, ticks only lower. A breach joins the alert by minimum, maximum and worst-of, so that duplicates and
any order of arrival give the same state; only a tick, which looks at the device's newest reading, steps down or closes,
and it leaves a watermark behind which nothing is decided again. The diagram is in docs/alerts.md.

All reading times are counted: the earlier of the device's stamp and the upload. A stamp that is ahead can therefore
settle, close or hide nothing beyond its own upload.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from lambdas.alert.facts import facts_of, limit_in_force
from lambdas.alert.records import (
    RANK,
    Alert,
    Decision,
    MetricState,
    Notice,
    Observation,
    Recorded,
)
from lambdas.shared.contracts import ContractError, Severity, ThresholdBreached
from lambdas.shared.thresholds import Rule
from lambdas.shared.times import timestamp

# A breach older than this is recorded and not mailed: a backfill must not mail last month's fires.
STALE_AFTER = timedelta(hours=24)
# For how long nothing critical must have been read before an alert steps down to warning: without it, a value that
# hovers at the critical limit would mail at every turn.
CALM_AFTER = timedelta(minutes=10)
# A reminder says so when nothing was read for longer than this.
QUIET_AFTER = timedelta(minutes=10)
# The next moment that a reading can be taken.
_AFTER = timedelta(microseconds=1)
# The pause between reminders of an alert whose rule is gone.
REMIND_EVERY = timedelta(hours=4)


def on_breach(
    state: MetricState, breach: ThresholdBreached, *, rule: Rule | None, now: datetime
) -> Decision[MetricState]:
    """Join a breach; it opens or escalates an alert and never lowers one. Raises ContractError for a bad time.

    An open alert is mailed again when its severity rises (`escalated`), and when a side of the range is crossed that
    was not, or less severely (`crossed`): 13 and then -6 against limits of 12 and 0 are two different problems.

    Without a rule (ingest judged by a document that has changed since, or that we cannot read) it opens at once: an
    alarm too many is better than one too few.
    """
    first, last = _counted_span(breach, now=now)
    if now - last > STALE_AFTER:
        recorded = _recorded(state.recorded, first, last, severity=breach.severity)
        return Decision(state=replace(state, recorded=recorded), outcome="stale")
    if state.settled_through is not None and last < state.settled_through:
        return Decision(state=state, outcome="late")
    if state.settled_through is not None:
        first = max(first, state.settled_through)
    before = _with_sides(state.alert) if state.alert is not None else None
    alert = _joined(before, breach, first, last) if before else _new(state, breach, first, last, now)
    if alert == before:
        return Decision(state=state, outcome="unchanged")
    state = replace(state, alert=alert)
    if alert.phase == "pending":
        return _open_if_held(state, alert, through=alert.last_at, rule=rule, now=now) or Decision(
            state=state, outcome="pending"
        )
    kind = _rise(before, alert) if before is not None else None
    if kind is None:
        return Decision(state=state, outcome="joined")
    return _notify(state, alert, kind, breach=breach, rule=rule, now=now, until=alert.last_at)


def on_tick(
    state: MetricState,
    *,
    latest: Observation | None,
    rule: Rule | None,
    now: datetime,
    first_clear: Observation | None = None,
) -> Decision[MetricState]:
    """Look at the device's newest reading of the metric and at the clock: close, step down, remind, or open.

    `latest` counts only when it is newer than every breach the alert knows. `first_clear` is the first reading after
    them that was past clear: an all-clear names its time, and settles through `latest`. Nothing happens to a closed
    alert.
    """
    alert = state.alert
    if alert is None:
        return Decision(state=state, outcome="unchanged")
    fresh = latest if latest is not None and latest.at > alert.last_at else None
    if rule is None:
        end = max(alert.last_at + _AFTER, now)
        return _end(state, alert, at=end, latest=fresh, reason="no threshold is set for it any more")
    if alert.phase == "pending":
        decision = _tick_pending(state, alert, fresh=fresh, rule=rule, now=now)
    else:
        decision = _tick_open(state, alert, fresh=fresh, first_clear=first_clear, rule=rule, now=now)
    return decision or Decision(state=state, outcome="unchanged")


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
    state: MetricState,
    alert: Alert,
    *,
    fresh: Observation | None,
    first_clear: Observation | None,
    rule: Rule,
    now: datetime,
) -> Decision[MetricState] | None:
    if fresh is not None and rule.is_clear(fresh.value):
        in_between = first_clear is not None and alert.last_at < first_clear.at <= fresh.at
        return _end(state, alert, at=fresh.at, latest=fresh, cleared=first_clear if in_between else fresh, rule=rule)
    newest = fresh.at if fresh is not None else alert.last_at
    crossing = rule.crossing(fresh.value) if fresh is not None else None
    still_critical = crossing is not None and crossing.severity == "critical"
    if alert.critical_at is not None and newest - alert.critical_at >= CALM_AFTER and not still_critical:
        lowered = replace(
            alert,
            severity="warning",
            above=alert.above and "warning",
            below=alert.below and "warning",
            critical_at=None,
            lowered_through=newest,
        )
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
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    raise ContractError(f"event detail: {name} is {text!r:.80}, not an RFC 3339 time with an offset")


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
        above=breach.severity if breach.bound == "above" else None,
        below=breach.severity if breach.bound == "below" else None,
    )


def _with_sides(alert: Alert) -> Alert:
    """Return the alert with the side it is on, which earlier versions did not store."""
    if alert.above is not None or alert.below is not None:
        return alert
    is_above = alert.worst.bound == "above"
    return replace(alert, above=alert.severity if is_above else None, below=None if is_above else alert.severity)


def _joined(alert: Alert, breach: ThresholdBreached, first: datetime, last: datetime) -> Alert:
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
        worst=max(alert.worst, breach, key=badness),
    )


def _worse(known: Severity | None, new: Severity) -> Severity:
    return "critical" if "critical" in (known, new) else new


def _rise(before: Alert, after: Alert) -> Literal["escalated", "crossed"] | None:
    if RANK[after.severity] > RANK[before.severity]:
        return "escalated"
    return "crossed" if (after.above, after.below) != (before.above, before.below) else None


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
    kind: Literal["opened", "escalated", "crossed", "deescalated", "reminder"],
    *,
    rule: Rule | None,
    now: datetime,
    until: datetime,
    breach: ThresholdBreached | None = None,
    latest: Observation | None = None,
) -> Decision[MetricState]:
    alert = replace(alert, remind_at=now + (rule.remind_every if rule is not None else REMIND_EVERY))
    facts = facts_of(state, alert, breach=breach or alert.worst, until=until, latest=latest, level=alert.severity)
    if kind in ("deescalated", "reminder"):
        newest = latest.at if latest is not None else alert.last_at
        quiet_since = newest if now - newest > QUIET_AFTER else None
        limit = limit_in_force(rule, alert, latest=latest, severity=alert.severity)
        facts = replace(facts, limit=limit, quiet_since=quiet_since)
    notice = Notice(kind=kind, alert_id=alert.alert_id, severity=alert.worst.severity, alert=facts)
    return Decision(state=replace(state, alert=alert), notices=(notice,), outcome=kind)


def _end(
    state: MetricState,
    alert: Alert,
    *,
    at: datetime,
    latest: Observation | None,
    cleared: Observation | None = None,
    rule: Rule | None = None,
    reason: str | None = None,
) -> Decision[MetricState]:
    """Close at a reading time, which settles all before it; what was never opened ends without a word.

    `at` is later than every breach of the alert, so that no two alerts follow the same watermark (see `alert_id`).
    """
    settled = max(state.settled_through or at, at)
    closed = replace(state, alert=None, settled_through=settled)
    if alert.phase == "pending":
        return Decision(state=closed, outcome="dropped")
    until = cleared.at if cleared is not None else at
    facts = replace(
        facts_of(state, alert, breach=alert.worst, until=until, latest=latest),
        cleared=cleared,
        limit=limit_in_force(rule, alert, latest=None, severity=alert.worst.severity),
        reason=reason,
    )
    notice = Notice(kind="resolved", alert_id=alert.alert_id, severity=alert.worst.severity, alert=facts)
    return Decision(state=closed, notices=(notice,), outcome="resolved")


def _recorded(before: Recorded | None, first: datetime, last: datetime, *, severity: Severity) -> Recorded:
    if before is None:
        return Recorded(first_at=first, last_at=last, severity=severity)
    return Recorded(
        first_at=min(before.first_at, first),
        last_at=max(before.last_at, last),
        severity=_worse(before.severity, severity),
    )


def _counted_span(breach: ThresholdBreached, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and last reading time, neither later than the upload (than now, where the event has none)."""
    first, last = instant(breach.first_at, name="first_at"), instant(breach.last_at, name="last_at")
    if first > last:
        raise ContractError(f"event detail: first_at ({breach.first_at}) is after last_at ({breach.last_at})")
    uploaded = instant(breach.uploaded_at, name="uploaded_at") if breach.uploaded_at else now
    return min(first, uploaded), min(last, uploaded)
