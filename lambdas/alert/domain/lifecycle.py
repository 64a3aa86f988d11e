"""The life of an alert: (state, breach or tick, rule, now) -> (state, notices).

A breach can only open or raise an alert; a tick, the look that the sweep takes at it every minute, can only lower or
close it. A breach joins by minimum, maximum and worst-of, so that duplicates and any order of arrival give the same
state. A tick that closes stores `settled_through`: readings before that time never change the alert again. The diagram
is in docs/alerts.md.

Reading times here are the earlier of the device's timestamp and the upload, so that a clock that is ahead closes and
hides nothing beyond its own upload.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from lambdas.alert.domain import all_clear
from lambdas.alert.domain.all_clear import ClearLook
from lambdas.alert.domain.event_times import counted_span
from lambdas.alert.domain.facts import ended_alert, facts_of, limit_in_force
from lambdas.alert.domain.joining import Mailed, joined, new_alert, news, recorded, rise, with_sides
from lambdas.alert.domain.models import Alert, Decision, MetricState
from lambdas.alert.domain.notices import Notice, Observation
from lambdas.shared.events import ThresholdBreached
from lambdas.shared.thresholds.thresholds import Rule

# A breach older than this is recorded and not mailed, so that uploading old data sends no e-mails.
STALE_AFTER = timedelta(hours=24)
# For how long nothing critical must have been read before an alert steps down to warning: without it, a value that
# hovers at the critical limit would mail at every turn.
CALM_AFTER = timedelta(minutes=10)
# A reminder says so when nothing was read for longer than this.
QUIET_AFTER = timedelta(minutes=10)
# From one moment that a reading can be taken at to the next.
INSTANT = timedelta(microseconds=1)
# Alerts that have ended stay in their metric's item: a few, for people who look back, in a kilobyte.
_ENDED_KEPT = 5
# The pause between reminders of an alert whose rule is gone.
REMIND_EVERY = timedelta(hours=4)


def on_breach(
    state: MetricState, breach: ThresholdBreached, *, rule: Rule | None, now: datetime, muted: bool = False
) -> Decision[MetricState]:
    """Join a breach; it opens or escalates an alert and never lowers one. Raises ContractError for a bad time.

    An open alert is mailed again when its severity rises (`escalated`), and when a side of the range is crossed that
    was not, or less severely (`crossed`): 13 and then -6 against limits of 12 and 0 are two different problems.

    Without a rule (ingest judged by a document that has changed since, or that we cannot read) it opens at once: an
    alarm too many is better than one too few.

    While it is `muted` a decision is what it would be else (`withheld.muted` takes its e-mail); afterwards the first
    one says what people have not heard.
    """
    first, last = counted_span(breach, now=now)
    if now - last > STALE_AFTER:
        span = recorded(state.recorded, first, last, severity=breach.severity)
        return Decision(state=replace(state, recorded=span), outcome="stale")
    if state.settled_through is not None and last < state.settled_through:
        return Decision(state=state, outcome="late")
    if state.settled_through is not None:
        first = max(first, state.settled_through)
    before = with_sides(state.alert) if state.alert is not None else None
    alert = joined(before, breach, first, last) if before else new_alert(state, breach, first, last, now)
    if alert == before:
        return Decision(state=state, outcome="unchanged")
    state = replace(state, alert=alert)
    if alert.phase == "pending":
        return _open_if_held(state, alert, through=alert.last_at, rule=rule, now=now) or Decision(
            state=state, outcome="pending"
        )
    kind: Mailed | None
    if before is None:
        kind = None
    elif before.known is not None and not muted:
        kind, breach = news(alert, known=before.known), alert.worst
    else:
        kind = rise(before, alert)
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
    clear_look: ClearLook | None = None,
    muted: bool = False,
) -> Decision[MetricState]:
    """Look at the device's newest reading of the metric and at the clock: close, step down, remind, or open.

    `latest` counts only when it is newer than every breach the alert knows. `first_clear` is the first reading after
    them that was past clear: an all-clear names its time, and settles through `latest`. For a rule with `clear_for`
    `clear_look` counts instead. Nothing happens to a closed alert. `muted` is as in `on_breach`.
    """
    alert = state.alert
    if alert is None:
        return Decision(state=state, outcome="unchanged")
    fresh = latest if latest is not None and latest.at > alert.last_at else None
    if rule is None:
        return end(
            state,
            alert,
            at=max(alert.last_at + INSTANT, now),
            latest=fresh,
            reason="no threshold is set for it any more",
        )
    if alert.phase == "pending":
        decision = _tick_pending(state, alert, fresh=fresh, rule=rule, now=now)
    else:
        decision = _tick_open(
            state,
            alert,
            fresh=fresh,
            first_clear=first_clear,
            look=clear_look,
            rule=rule,
            now=now,
            muted=muted,
        )
    return decision or Decision(state=state, outcome="unchanged")


def _tick_pending(
    state: MetricState, alert: Alert, *, fresh: Observation | None, rule: Rule, now: datetime
) -> Decision[MetricState] | None:
    newest = fresh.at if fresh is not None else alert.last_at
    if fresh is not None and rule.crossing(fresh.value) is None:
        return end(state, alert, at=fresh.at, latest=fresh)
    if now - newest > STALE_AFTER:
        return end(state, alert, at=newest + INSTANT, latest=fresh)
    return _open_if_held(state, alert, through=newest, rule=rule, now=now)


def _tick_open(
    state: MetricState,
    alert: Alert,
    *,
    fresh: Observation | None,
    first_clear: Observation | None,
    look: ClearLook | None,
    rule: Rule,
    now: datetime,
    muted: bool,
) -> Decision[MetricState] | None:
    is_clear = fresh is not None and rule.is_clear(fresh.value)
    kept = None
    if fresh is not None and is_clear:
        if rule.clear_for:
            cleared = all_clear.ends(alert, look, latest=fresh, rule=rule)
        else:
            in_between = first_clear is not None and alert.last_at < first_clear.at <= fresh.at
            cleared = first_clear if in_between else fresh
        if cleared is not None:
            return end(state, alert, at=fresh.at, latest=fresh, cleared=cleared, rule=rule)
        if look is not None and look.row.after == alert.last_at and look.row != alert.clear_row:
            alert = replace(alert, clear_row=look.row)
            state = replace(state, alert=alert)
            kept = Decision(state=state, outcome="clearing")
    newest = fresh.at if fresh is not None else alert.last_at
    crossing = rule.crossing(fresh.value) if fresh is not None else None
    still_critical = crossing is not None and crossing.severity == "critical"
    calm = alert.critical_at is not None and newest - alert.critical_at >= CALM_AFTER and not still_critical
    calm = calm and not is_clear
    present = _lowered(alert, through=newest) if calm else alert
    kind: Mailed | None = "deescalated" if calm else None
    if alert.known is not None and not muted:
        kind = news(present, known=alert.known)
    if kind is None and not calm:
        kind = _due(alert, rule=rule, now=now)
    if kind is None:
        return Decision(state=replace(state, alert=present), outcome="deescalated") if calm else kept
    until = newest if kind == "deescalated" else now
    return _notify(state, present, kind, latest=fresh, rule=rule, now=now, until=until)


def _lowered(alert: Alert, *, through: datetime) -> Alert:
    return replace(
        alert,
        severity="warning",
        above=alert.above and "warning",
        below=alert.below and "warning",
        critical_at=None,
        lowered_through=through,
    )


def _due(alert: Alert, *, rule: Rule, now: datetime) -> Mailed | None:
    """Return the kind of e-mail that the clock asks for."""
    if _unattended_since(alert, rule=rule, now=now) is not None:
        return "unattended"
    reminds = alert.remind_at is not None and now >= alert.remind_at and not alert.is_acknowledged(now)
    return "reminder" if reminds else None


def _unattended_since(alert: Alert, *, rule: Rule | None, now: datetime) -> datetime | None:
    """Return since when nobody has had the alert acknowledged, if that has to be mailed now.

    It is mailed once, and once more for an acknowledgement that has lapsed.
    """
    if rule is None or rule.escalate_after is None or alert.unattended_at is not None:
        return None
    if alert.flood is not None or alert.is_acknowledged(now):
        return None
    since = alert.mailed_at or alert.noticed_at
    if alert.acknowledged is not None and alert.acknowledged.until is not None:
        since = max(since, alert.acknowledged.until)
    return since if now - since >= rule.escalate_after else None


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
    kind: Mailed,
    *,
    rule: Rule | None,
    now: datetime,
    until: datetime,
    breach: ThresholdBreached | None = None,
    latest: Observation | None = None,
) -> Decision[MetricState]:
    unattended_since = None
    if kind == "unattended":  # others are to hear of it, so that the next reminder is due as it was
        unattended_since = _unattended_since(alert, rule=rule, now=now)
        alert = replace(alert, unattended_at=now)
    else:
        alert = replace(alert, remind_at=now + (rule.remind_every if rule is not None else REMIND_EVERY))
    if kind == "opened" or alert.flood is not None:
        alert = replace(alert, mailed_at=now)
    facts = facts_of(
        state, alert, breach=breach or alert.worst, until=until, latest=latest, rule=rule, level=alert.severity
    )
    if kind in ("deescalated", "reminder", "unattended"):
        newest = latest.at if latest is not None else alert.last_at
        quiet_since = newest if now - newest > QUIET_AFTER else None
        limit = limit_in_force(rule, alert, latest=latest, severity=alert.severity)
        facts = replace(facts, limit=limit, quiet_since=quiet_since, unattended_since=unattended_since)
        if rule is not None and latest is not None and rule.is_clear(latest.value):
            facts = replace(facts, clear_for=rule.clear_for.total_seconds())
    facts = replace(facts, withheld_at=alert.known.withheld_at if alert.known is not None else None)
    notice = Notice(kind=kind, alert_id=alert.alert_id, severity=alert.worst.severity, alert=facts)
    return Decision(state=replace(state, alert=alert), notices=(notice,), outcome=kind)


def end(
    state: MetricState,
    alert: Alert,
    *,
    at: datetime,
    latest: Observation | None,
    cleared: Observation | None = None,
    rule: Rule | None = None,
    until: datetime | None = None,
    reason: str | None = None,
) -> Decision[MetricState]:
    """Close at a reading time, which settles all before it; what was never opened ends without a word.

    People hear that it lasted until its all-clear (`cleared`), else `until`, else `at`.

    `at` is later than every breach of the alert, so that no two alerts follow the same watermark (see `_alert_id`).
    """
    settled = max(state.settled_through or at, at)
    closed = replace(state, alert=None, settled_through=settled)
    if alert.phase == "pending":
        return Decision(state=closed, outcome="dropped")
    until = cleared.at if cleared is not None else until or at
    facts = replace(
        facts_of(state, alert, breach=alert.worst, until=until, latest=latest, rule=rule),
        cleared=cleared,
        limit=limit_in_force(rule, alert, latest=None, severity=alert.worst.severity),
        reason=reason,
    )
    notice = Notice(kind="resolved", alert_id=alert.alert_id, severity=alert.worst.severity, alert=facts)
    ended = (*state.ended, ended_alert(alert, until=until))[-_ENDED_KEPT:]
    return Decision(state=replace(closed, ended=ended), notices=(notice,), outcome="resolved")
