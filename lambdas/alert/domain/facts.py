"""What an e-mail says of an alert, gathered from its state, the rule in force and the newest reading."""

from __future__ import annotations

from datetime import datetime

from lambdas.alert.domain.models import Alert, EndedAlert, MetricState
from lambdas.alert.domain.notices import AlertFacts, Observation
from lambdas.shared.events import Bound, Severity, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Crossing, Rule


def facts_of(
    state: MetricState,
    alert: Alert,
    *,
    breach: ThresholdBreached,
    until: datetime,
    latest: Observation | None,
    rule: Rule | None,
    level: Severity | None = None,
) -> AlertFacts:
    """Return what every e-mail of the alert says; `breach` is the one it is about, `level` holds now."""
    return AlertFacts(
        device_id=state.device_id,
        metric=state.metric,
        level=level,
        breach=breach,
        unit=rule.unit if rule is not None else None,
        since=alert.since,
        until=until,
        latest=latest,
        opposite=alert.below if breach.bound == "above" else alert.above,
        acknowledged=alert.acknowledged,
        runbook=rule.runbook if rule is not None else None,
    )


def limit_in_force(
    rule: Rule | None, alert: Alert, *, latest: Observation | None, severity: Severity
) -> Crossing | None:
    """Return the rule's limit of that severity on the side where the value is, or None where the rule has none.

    It may have been changed since the breach: ingest judged that by the limit of its day.
    """
    if rule is None:
        return None
    crossing = rule.crossing(latest.value) if latest is not None else None
    bound: Bound = crossing.bound if crossing is not None else alert.worst.bound
    bounds = rule.critical if severity == "critical" else rule.warning
    limit = (bounds.above if bound == "above" else bounds.below) if bounds is not None else None
    return Crossing(severity=severity, bound=bound, limit=limit) if limit is not None else crossing


def ended_alert(alert: Alert, *, until: datetime) -> EndedAlert:
    """Return what the ledger keeps of an alert that has ended."""
    worst = alert.worst
    return EndedAlert(
        alert_id=alert.alert_id,
        severity=worst.severity,
        since=alert.since,
        until=until,
        value=worst.value,
        bound=worst.bound,
        limit=worst.limit,
        unit=worst.unit,
        trace_id=worst.trace_id,
        acknowledged_by=alert.acknowledged.by if alert.acknowledged is not None else None,
    )
