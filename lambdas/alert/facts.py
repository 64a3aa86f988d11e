"""What an e-mail says of an alert, gathered from its state, the rule in force and the newest reading. Pure."""

from __future__ import annotations

from datetime import datetime

from lambdas.alert.records import Alert, AlertFacts, MetricState, Observation
from lambdas.shared.contracts import Bound, Severity, ThresholdBreached
from lambdas.shared.thresholds import Crossing, Rule


def facts_of(
    state: MetricState,
    alert: Alert,
    *,
    breach: ThresholdBreached,
    until: datetime,
    latest: Observation | None,
    level: Severity | None = None,
) -> AlertFacts:
    """Return what every e-mail of the alert says; `breach` is the one it is about, `level` holds now."""
    return AlertFacts(
        device_id=state.device_id,
        metric=state.metric,
        level=level,
        breach=breach,
        since=alert.since,
        until=until,
        latest=latest,
        opposite=alert.below if breach.bound == "above" else alert.above,
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
