"""Whether a device still reports: (state, its last upload, limit, now) -> (state, notices).

Silence is a matter of uploads, not of stamps: a file stamped for every minute of the coming day does not hide that
nothing comes any more, and late stamps that come now are a sign of life.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from lambdas.alert.domain.lifecycle import STALE_AFTER
from lambdas.alert.domain.models import RANK, Decision, MetricState, Silence
from lambdas.alert.domain.notices import Notice, PendingBreach, SilenceFacts
from lambdas.shared.times import timestamp

# Pending metrics that an e-mail names.
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class GatewayLife:
    """A gateway that lives: its last sign of life, and with which one it came back, if it was cut off before."""

    last_seen: datetime
    returned_at: datetime | None = None


def is_silent(last_seen: datetime, *, limit: timedelta, now: datetime) -> bool:
    """Return whether a device that last uploaded at `last_seen` has uploaded nothing for longer than `limit`."""
    return now - last_seen > limit


def on_look(
    state: Silence,
    *,
    last_seen: datetime | None,
    limit: timedelta | None,
    now: datetime,
    gateway: GatewayLife | None = None,
    pending: Sequence[MetricState] = (),
    muted: bool = False,
) -> Decision[Silence]:
    """Go silent when the last upload is longer ago than the limit, and come back with a later one.

    `pending` are metrics of the device that wait out a `for`: no reading will open them any more, so the e-mail names
    them. A silence that began more than a day before it is first seen is kept and not mailed (a backfilled device never
    was alive here). Without a limit nobody asks any more, and without any reading left nobody
    knows the device: the state ends without a word. A `silent` that a mute has withheld is due as soon as it is not
    `muted`, with the facts as they are then.

    A device behind a `gateway` is judged at the last sign of life of that one, not by the clock, and has its whole
    limit after each return of it: whoever is cut off is not silent by itself.
    """
    reporting = replace(state, since=None, noticed_at=None, quiet_since=None, withheld_at=None)
    if limit is None or last_seen is None:
        return Decision(state=reporting, outcome="unchanged" if state.since is None else "dropped")
    judged_at = gateway.last_seen if gateway is not None else now
    returned_at = gateway.returned_at if gateway is not None else None
    expected_from = max(last_seen, returned_at) if returned_at is not None else last_seen
    silent = is_silent(expected_from, limit=limit, now=judged_at)
    if silent and (state.since is None or (state.withheld_at is not None and not muted)):
        gone = replace(state, since=last_seen, noticed_at=state.noticed_at or now, withheld_at=None)
        if state.since is None and now - expected_from > STALE_AFTER:
            return Decision(state=gone, outcome="stale")
        facts = SilenceFacts(
            device_id=state.device_id,
            since=last_seen,
            until=now,
            limit=limit.total_seconds(),
            pending=_pending(pending)[:_NAMED],
            pending_count=len(_pending(pending)),
            source=state.source,
        )
        return Decision(state=gone, notices=(notice("silent", facts),), outcome="silent")
    if state.since is not None and not silent and last_seen > state.since:
        facts = SilenceFacts(
            device_id=state.device_id,
            since=state.since,
            until=last_seen,
            limit=limit.total_seconds(),
            source=state.source,
        )
        return Decision(state=reporting, notices=(notice("back", facts),), outcome="back")
    return Decision(state=state if state.since is not None else reporting, outcome="unchanged")


def _pending(states: Sequence[MetricState]) -> tuple[PendingBreach, ...]:
    """Return what is pending, the most severe first."""
    alerts = [state.alert for state in states if state.alert is not None and state.alert.phase == "pending"]
    alerts.sort(key=lambda alert: (-RANK[alert.severity], alert.since, alert.worst.metric))
    return tuple(PendingBreach(since=alert.since, breach=alert.worst) for alert in alerts)


def notice(kind: Literal["silent", "back"], facts: SilenceFacts) -> Notice:
    """Return the notice of a silence or of its end; both have the id of the silence."""
    name = "\0".join((facts.device_id, "silent", timestamp(facts.since)))
    return Notice(kind=kind, alert_id=hashlib.sha256(name.encode()).hexdigest()[:12], silence=facts)
