"""Whether a device still reports: (state, its last reading, limit, now) -> (state, notices). Pure; no AWS SDK."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from lambdas.alert.lifecycle import STALE_AFTER
from lambdas.alert.records import Decision, Notice, Silence, SilenceFacts, timestamp


def is_silent(last_seen: datetime, *, limit: timedelta, now: datetime) -> bool:
    """Tell whether a device whose newest reading was taken at `last_seen` has said nothing for longer than `limit`."""
    return now - last_seen > limit


def on_look(state: Silence, *, last_seen: datetime, limit: timedelta | None, now: datetime) -> Decision[Silence]:
    """Go silent when the newest reading is older than the limit, and come back with a newer one.

    A silence that began more than a day before it is first seen is kept and not mailed (a backfilled device never was
    alive here). Without a limit nobody asks any more, and the state ends without a word.
    """
    reporting = replace(state, since=None, noticed_at=None)
    if limit is None:
        return Decision(state=reporting, outcome="unchanged" if state.since is None else "dropped")
    silent = is_silent(last_seen, limit=limit, now=now)
    if state.since is None and silent:
        gone = replace(state, since=last_seen, noticed_at=now)
        if now - last_seen > STALE_AFTER:
            return Decision(state=gone, outcome="stale")
        notice = _notice("silent", SilenceFacts(device_id=state.device_id, since=last_seen, until=now, limit=limit))
        return Decision(state=gone, notices=(notice,), outcome="silent")
    if state.since is not None and not silent and last_seen > state.since:
        facts = SilenceFacts(device_id=state.device_id, since=state.since, until=last_seen, limit=limit)
        notice = _notice("back", facts)
        return Decision(state=reporting, notices=(notice,), outcome="back")
    return Decision(state=state, outcome="unchanged")


def _notice(kind: Literal["silent", "back"], facts: SilenceFacts) -> Notice:
    name = "\0".join((facts.device_id, "silent", timestamp(facts.since)))
    return Notice(kind=kind, alert_id=hashlib.sha256(name.encode()).hexdigest()[:12], silence=facts)
