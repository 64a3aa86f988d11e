"""What a tick must know of the readings behind a running alert: the newest, and what an all-clear rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lambdas.alert.adapters.ledger import Cursor, Ledger
from lambdas.alert.adapters.reading_query import Readings
from lambdas.alert.domain import all_clear
from lambdas.alert.domain.all_clear import ClearLook
from lambdas.alert.domain.models import Alert, MetricState
from lambdas.alert.domain.notices import Observation
from lambdas.shared.thresholds.thresholds import Rule
from lambdas.shared.times import stamped_time, timestamp


@dataclass(frozen=True, kw_only=True)
class MetricLook:
    """The newest reading behind the last breach; if it is clear, the first clear one, or with `clear_for` the row."""

    latest: Observation | None = None
    first_clear: Observation | None = None
    clear_look: ClearLook | None = None


class MetricLooks:
    """Takes such looks, each with a bounded number of reads."""

    def __init__(self, *, ledger: Ledger, readings: Readings) -> None:
        self._ledger = ledger
        self._readings = readings

    def at(self, key: str, state: MetricState, alert: Alert, *, now: datetime, rule: Rule | None) -> MetricLook:
        """Look at the readings of a running alert; `key` is its record's."""
        latest = self._newest(key, state, after=alert.last_at, now=now, rule=rule)
        if latest is None or rule is None or alert.phase != "open" or not rule.is_clear(latest.value):
            return MetricLook(latest=latest)
        if rule.clear_for:
            return MetricLook(latest=latest, clear_look=self._clear_look(state, alert, latest=latest, rule=rule))
        first = self._readings.first_clear(
            state.device_id, state.metric, after=alert.last_at, through=latest.at, rule=rule
        )
        return MetricLook(latest=latest, first_clear=first)

    def _clear_look(self, state: MetricState, alert: Alert, *, latest: Observation, rule: Rule) -> ClearLook | None:
        """Look at the next 500 readings behind those that are known, if they could end the alert."""
        if not all_clear.is_due(alert, latest=latest, rule=rule):
            return None
        row = all_clear.known_row(alert)
        seen, rest = self._readings.behind(
            state.device_id,
            state.metric,
            after=alert.last_at,
            stamped_after=row.through if row is not None else alert.last_at,
            through=latest.at,
            rule=rule,
        )
        stamps = [reading.stamped_at for reading in seen if reading.stamped_at is not None]
        known = row.through if row is not None else alert.last_at
        through = stamped_time(rest) if rest is not None else max(stamps, default=known)
        return all_clear.look(alert, seen, through=through, rule=rule, whole=rest is None)

    def _newest(
        self, key: str, state: MetricState, *, after: datetime, now: datetime, rule: Rule | None
    ) -> Observation | None:
        """Return the metric's newest reading behind the last breach; a rare one may take several ticks to be found.

        Where the readings at the top lack it, a walk looks through those behind them, tick by tick to the last one and
        then from the top again, since readings may be uploaded out of order.
        """
        found = self._readings.newest(state.device_id, state.metric, after=after, now=now, rule=rule)
        if found.observation is not None or found.rest is None:
            return found.observation
        bookmark = self._ledger.bookmark(f"metric#{key}")
        resumed = bookmark.at.after if bookmark.at is not None else None
        behind = resumed if resumed is not None and timestamp(after) < resumed < found.rest else found.rest
        found = self._readings.newest_behind(state.device_id, state.metric, after=after, behind=behind, rule=rule)
        position = Cursor(shard=0, after=found.rest) if found.rest is not None else None
        self._ledger.move(bookmark, position, now=now)
        return found.observation
