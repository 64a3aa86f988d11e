"""The delayed all-clear of a rule with `clear_for`: since when the readings have been clear without a break.

Each reading is looked at once: what is known of the row is kept with the alert, and a look goes on behind it. A look is
taken only when the row could be long enough, so a value that hovers costs neither reads nor writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lambdas.alert.domain.models import Alert, ClearRow
from lambdas.alert.domain.notices import Observation
from lambdas.shared.thresholds.thresholds import Rule


@dataclass(frozen=True, kw_only=True)
class ClearLook:
    """The row after a look, and whether it went through to the newest reading."""

    row: ClearRow
    whole: bool


def known_row(alert: Alert) -> ClearRow | None:
    """Return what is known of the readings behind the alert's last breach; a later breach has ended any other row."""
    row = alert.clear_row
    return row if row is not None and row.after == alert.last_at else None


def is_due(alert: Alert, *, latest: Observation | None, rule: Rule) -> bool:
    """Return whether a look could end the alert: its newest reading is clear, and late enough."""
    if not rule.clear_for or alert.phase != "open" or latest is None or not rule.is_clear(latest.value):
        return False
    row = known_row(alert)
    since = row.first.at if row is not None and row.first is not None else alert.last_at
    return latest.at - since >= rule.clear_for


def look(alert: Alert, readings: Sequence[Observation], *, through: datetime, rule: Rule, whole: bool) -> ClearLook:
    """Return the row that the next readings make of what is known; `through` is the last stamp that was looked at.

    Of two readings at one instant, the one that is not clear counts.
    """
    row = known_row(alert)
    first = row.first if row is not None else None
    for seen in sorted(readings, key=lambda seen: (seen.at, not rule.is_clear(seen.value))):
        if rule.is_clear(seen.value):
            first = first or seen
        elif first is None or seen.at >= first.at:
            first = None
    return ClearLook(row=ClearRow(after=alert.last_at, through=through, first=first), whole=whole)


def ends(alert: Alert, found: ClearLook | None, *, latest: Observation, rule: Rule) -> Observation | None:
    """Return the first reading of a row that has been clear for as long as the rule asks, or None: it goes on."""
    if found is None or not found.whole or found.row.after != alert.last_at or found.row.first is None:
        return None
    return found.row.first if latest.at - found.row.first.at >= rule.clear_for else None
