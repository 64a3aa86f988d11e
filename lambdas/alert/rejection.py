"""Rejected records: at most one e-mail for each source and hour. Pure; no AWS SDK import."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from lambdas.alert.lifecycle import STALE_AFTER
from lambdas.alert.records import Decision, Notice, RejectedFacts, Rejection
from lambdas.shared.contracts import ReadingsRejected

_INCOMING = "incoming/"


def blank(rejected: ReadingsRejected, *, at: datetime) -> Rejection:
    """Return the state of the source and the hour that an event belongs to.

    The source is the first folder below `incoming/`: a device, or a gateway, however many folders it makes. `at` is the
    event's own time, which every redelivery of it keeps, so that none can fall into another hour.
    """
    folder, slash, _ = rejected.object.key.removeprefix(_INCOMING).partition("/")
    folder = folder if slash else ""
    return Rejection(prefix=folder, hour=at.astimezone(UTC).strftime("%Y-%m-%dT%HZ"))


def on_rejected(state: Rejection, rejected: ReadingsRejected, *, at: datetime, now: datetime) -> Decision[Rejection]:
    """Tell of the first object of the hour; of a replay of events older than a day, none."""
    if state.first is not None:
        return Decision(state=state, outcome="unchanged")
    known = replace(state, first=rejected.object)
    if now - at > STALE_AFTER:
        return Decision(state=known, outcome="stale")
    name = hashlib.sha256(f"{state.prefix}\0{state.hour}".encode()).hexdigest()[:12]
    facts = RejectedFacts(prefix=state.prefix, rejected=rejected)
    notice = Notice(kind="rejected", alert_id=name, rejected=facts)
    return Decision(state=known, notices=(notice,), outcome="rejected")
