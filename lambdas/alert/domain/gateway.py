"""Whether a gateway still lives, by the uploads of all that is behind it: (state, newest upload, now) -> decision.

living -> quiet -> silent -> living       an e-mail where it falls silent, and one where it comes back
            └───────────────► living

Quiet is a gateway before it is silent, and before any device behind it could be called so by itself. From then on
those are not judged until a sign of life: forty devices that are cut off are one e-mail, and when the gateway is back
each has its whole limit to follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lambdas.alert.domain.lifecycle import STALE_AFTER
from lambdas.alert.domain.models import Decision, Silence
from lambdas.alert.domain.notices import SilenceFacts
from lambdas.alert.domain.silence import is_silent, notice

# A gateway is quiet after so much of the shortest `silent_after` among it and what is behind it. Ingest renews the
# registry at every third of that, so what reports in time is never so old there.
QUIET = 2 / 3
# Devices behind a gateway that an e-mail names.
NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Limits:
    """For how long a gateway shows no sign of life before it is silent, and before it is quiet."""

    silent: timedelta
    quiet: timedelta


def on_look(
    state: Silence,
    *,
    last_seen: datetime,
    limits: Limits,
    behind: Sequence[str],
    source: str | None,
    now: datetime,
    judged_at: datetime | None = None,
    muted: bool = False,
) -> Decision[Silence]:
    """Go quiet, then silent, and come back with a later upload.

    An e-mail names the first of those `behind` it; `source` is who uploaded last. A gateway behind another one is
    `judged_at` the last sign of life of that one, else by the clock. One that fell silent more than a day before it is
    first seen so is kept and not mailed. A `silent` that a mute has withheld is due as soon as it is not `muted`.
    """
    down_since = state.since or state.quiet_since
    if down_since is not None and last_seen > down_since:
        living = replace(state, since=None, quiet_since=None, noticed_at=None, returned_at=last_seen, withheld_at=None)
        if state.since is None:
            return Decision(state=living, outcome="unchanged")
        facts = _facts(state, since=state.since, until=last_seen, limit=limits.silent, behind=behind)
        return Decision(state=living, notices=(notice("back", facts),), outcome="back")
    at = judged_at or now
    is_known = state.since is not None and (state.withheld_at is None or muted)
    if is_known or not is_silent(last_seen, limit=min(limits.silent, limits.quiet), now=at):
        return Decision(state=state, outcome="unchanged")
    quiet = replace(state, quiet_since=last_seen, noticed_at=state.noticed_at or now, source=source)
    if not is_silent(last_seen, limit=limits.silent, now=at):
        return Decision(state=quiet, outcome="unchanged")
    silent = replace(quiet, since=last_seen, withheld_at=None)
    if state.since is None and now - last_seen > STALE_AFTER:
        return Decision(state=silent, outcome="stale")
    facts = _facts(silent, since=last_seen, until=now, limit=limits.silent, behind=behind)
    return Decision(state=silent, notices=(notice("silent", facts),), outcome="silent")


def _facts(
    state: Silence, *, since: datetime, until: datetime, limit: timedelta, behind: Sequence[str]
) -> SilenceFacts:
    return SilenceFacts(
        device_id=state.device_id,
        since=since,
        until=until,
        limit=limit.total_seconds(),
        source=state.source,
        behind=tuple(behind[:NAMED]),
        behind_count=len(behind),
    )
