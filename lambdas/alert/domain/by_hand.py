"""What a person does to a running alert: acknowledge it, or close it.

Both name the alert, so that neither can meet the one that follows it. Done twice, they change nothing the second time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from lambdas.alert.domain import lifecycle
from lambdas.alert.domain.models import Decision, MetricState
from lambdas.alert.domain.notices import Acknowledgement


def acknowledge(state: MetricState, given: Acknowledgement, *, alert_id: str) -> Decision[MetricState]:
    """Stop the reminders of an open alert until the acknowledgement lapses; its other e-mails go on.

    If it lapses, `escalate_after` counts anew from there.
    """
    alert = state.alert
    if alert is None or alert.alert_id != alert_id or alert.phase != "open" or alert.acknowledged == given:
        return Decision(state=state, outcome="unchanged")
    acknowledged = replace(alert, acknowledged=given, unattended_at=None)
    return Decision(state=replace(state, alert=acknowledged), outcome="acknowledged")


def close(state: MetricState, *, alert_id: str, by: str, why: str, now: datetime) -> Decision[MetricState]:
    """End an alert and say so; a pending one ends without a word.

    It settles through its last breach and no further: whoever closed it knew of nothing later, so that a reading still
    on its way opens a new alert, and a person's clock that is ahead hides nothing.
    """
    alert = state.alert
    if alert is None or alert.alert_id != alert_id:
        return Decision(state=state, outcome="unchanged")
    return lifecycle.end(
        state,
        alert,
        at=alert.last_at + lifecycle.INSTANT,
        until=max(alert.last_at, now),
        latest=None,
        reason=f"closed by {by}: {why}",
    )
