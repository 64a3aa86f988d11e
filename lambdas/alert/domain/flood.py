"""A source that opens too many alerts in an hour: one e-mail about it stands for those beyond.

Alerts that the e-mail budget takes at once do not count. One over the hourly limit is stored but not mailed until it
escalates or a reminder is due, which count like a new one; until then its end is not mailed either.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lambdas.alert.domain.event_times import instant
from lambdas.alert.domain.models import Decision, Flood, State
from lambdas.alert.domain.notices import AlertFacts, FloodFacts, Notice
from lambdas.alert.domain.withheld import is_unannounced
from lambdas.shared.names import source_of


def counted_in(before: State, decision: Decision[Any], *, now: datetime) -> tuple[Flood, AlertFacts] | None:
    """Return the source and hour in which a first e-mail about an alert counts, and what it would say; None for others.

    That is the hour of the upload, whenever its event is handled: an upload whose events are tried again for hours is
    still one flood. A reminder comes of no upload, and counts when it is due. Raises ContractError for a bad time.
    """
    for notice in decision.notices:
        if notice.alert is not None and (notice.kind == "opened" or is_unannounced(before)):
            breach = notice.alert.breach
            uploaded = breach.uploaded_at if notice.kind != "reminder" else None
            at = instant(uploaded, name="uploaded_at") if uploaded else now
            hour = at.astimezone(UTC).strftime("%Y-%m-%dT%HZ")
            return Flood(source=source_of(breach.object.key), hour=hour), notice.alert
    return None


def on_flood(state: Flood, facts: AlertFacts, *, most: int) -> Decision[Flood]:
    """Mail the first alert beyond `most`, and none of the others.

    The e-mail is as severe as what it stands for may be, so that a subscriber to critical alerts alone gets it too.
    """
    if state.first is not None:
        return Decision(state=state, outcome="unchanged")
    name = hashlib.sha256(f"flood\0{state.source}\0{state.hour}".encode()).hexdigest()[:12]
    flooded = FloodFacts(source=state.source, hour=state.hour, most=most, first=facts.breach)
    notice = Notice(kind="flood", alert_id=name, severity="critical", flood=flooded)
    return Decision(state=replace(state, first=facts.breach.object), notices=(notice,), outcome="flood")
