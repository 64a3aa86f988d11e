"""Rejected records: at most one e-mail for each source and hour."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from lambdas.alert.domain.lifecycle import STALE_AFTER
from lambdas.alert.domain.models import Decision, Rejection
from lambdas.alert.domain.notices import Notice, RejectedFacts
from lambdas.shared.events import ReadingsRejected
from lambdas.shared.names import source_of


def blank(rejected: ReadingsRejected, *, at: datetime) -> Rejection:
    """Return the state of the source and the hour that an event belongs to.

    `at` is the event's own time, which every redelivery of it keeps, so that none can fall into another hour.
    """
    return Rejection(prefix=source_of(rejected.object.key), hour=at.astimezone(UTC).strftime("%Y-%m-%dT%HZ"))


def on_rejected(state: Rejection, rejected: ReadingsRejected, *, at: datetime, now: datetime) -> Decision[Rejection]:
    """Mail the first object of the hour; of a replay of events older than a day, none."""
    if state.first is not None:
        return Decision(state=state, outcome="unchanged")
    known = replace(state, first=rejected.object)
    if now - at > STALE_AFTER:
        return Decision(state=known, outcome="stale")
    name = hashlib.sha256(f"{state.prefix}\0{state.hour}".encode()).hexdigest()[:12]
    facts = RejectedFacts(prefix=state.prefix, rejected=rejected)
    notice = Notice(kind="rejected", alert_id=name, rejected=facts)
    return Decision(state=known, notices=(notice,), outcome="rejected")
