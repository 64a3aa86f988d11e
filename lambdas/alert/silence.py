"""Whether a device still reports: (state, its last upload, limit, now) -> (state, notices). Pure; no AWS SDK import.

Silence is a matter of uploads, not of stamps: a file stamped for every minute of the coming day does not hide that
nothing comes any more, and late stamps that come now are a sign of life.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from lambdas.alert.lifecycle import STALE_AFTER
from lambdas.alert.records import RANK, Decision, MetricState, Notice, PendingBreach, Silence, SilenceFacts
from lambdas.shared.times import timestamp

# Pending metrics that an e-mail names.
_NAMED = 5


def is_silent(last_seen: datetime, *, limit: timedelta, now: datetime) -> bool:
    """Return whether a device that last uploaded at `last_seen` has uploaded nothing for longer than `limit`."""
    return now - last_seen > limit


def on_look(
    state: Silence,
    *,
    last_seen: datetime | None,
    limit: timedelta | None,
    now: datetime,
    pending: Sequence[MetricState] = (),
) -> Decision[Silence]:
    """Go silent when the last upload is longer ago than the limit, and come back with a later one.

    `pending` are metrics of the device that wait out a `for`: no reading will open them any more, so the e-mail names
    them. A silence that began more than a day before it is first seen is kept and not mailed (a backfilled device never
    was alive here). Without a limit nobody asks any more, and without any reading left nobody
    knows the device: the state ends without a word.
    """
    reporting = replace(state, since=None, noticed_at=None)
    if limit is None or last_seen is None:
        return Decision(state=reporting, outcome="unchanged" if state.since is None else "dropped")
    silent = is_silent(last_seen, limit=limit, now=now)
    if state.since is None and silent:
        gone = replace(state, since=last_seen, noticed_at=now)
        if now - last_seen > STALE_AFTER:
            return Decision(state=gone, outcome="stale")
        facts = SilenceFacts(
            device_id=state.device_id,
            since=last_seen,
            until=now,
            limit=limit,
            pending=_pending(pending)[:_NAMED],
            pending_count=len(_pending(pending)),
            source=state.source,
        )
        notice = _notice("silent", facts)
        return Decision(state=gone, notices=(notice,), outcome="silent")
    if state.since is not None and not silent and last_seen > state.since:
        facts = SilenceFacts(
            device_id=state.device_id, since=state.since, until=last_seen, limit=limit, source=state.source
        )
        notice = _notice("back", facts)
        return Decision(state=reporting, notices=(notice,), outcome="back")
    return Decision(state=state, outcome="unchanged")


def _pending(states: Sequence[MetricState]) -> tuple[PendingBreach, ...]:
    """Return what is pending, the most severe first."""
    alerts = [state.alert for state in states if state.alert is not None and state.alert.phase == "pending"]
    alerts.sort(key=lambda alert: (-RANK[alert.severity], alert.since, alert.worst.metric))
    return tuple(PendingBreach(since=alert.since, breach=alert.worst) for alert in alerts)


def _notice(kind: Literal["silent", "back"], facts: SilenceFacts) -> Notice:
    name = "\0".join((facts.device_id, "silent", timestamp(facts.since)))
    return Notice(kind=kind, alert_id=hashlib.sha256(name.encode()).hexdigest()[:12], silence=facts)
