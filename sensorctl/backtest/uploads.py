"""What a backtest is run over: the uploads of one device, in the order in which they came."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from datetime import datetime

import msgspec

from lambdas.alert.adapters.reading_query import Found
from lambdas.alert.domain.notices import Observation
from lambdas.ingest.decoding.reading import Reading
from lambdas.shared.events import ObjectRef
from lambdas.shared.thresholds.thresholds import Rule


class Upload(msgspec.Struct, frozen=True, gc=False):
    """The readings of one device that came in one object; `at` is the upload's time, in UTC."""

    at: datetime
    key: str
    version: str
    readings: tuple[Reading, ...]

    @property
    def source(self) -> ObjectRef:
        """Return the object; its bucket is of no account here."""
        return ObjectRef(bucket="", key=self.key, version_id=self.version)


class Uploaded:
    """The readings of one device that have been uploaded so far; asked as the sweep asks the readings table.

    A reading's time is the earlier of its stamp and its upload. Values are in the unit of the rule that a look is made
    for; one that the rule does not judge is no reading to it.
    """

    def __init__(self) -> None:
        # By the time that counts, then by the stamp; the number keeps those of one time in the order of their uploads.
        self._readings: list[tuple[datetime, datetime, int, Reading]] = []

    def add(self, upload: Upload) -> None:
        """Add what an upload brings."""
        for reading in upload.readings:
            at = reading.timestamp if reading.timestamp < upload.at else upload.at
            entry = (at, reading.timestamp, len(self._readings), reading)
            if not self._readings or self._readings[-1] < entry:
                self._readings.append(entry)
            else:
                insort(self._readings, entry)

    def newest(self, device_id: str, metric: str, *, after: datetime, now: datetime, rule: Rule | None = None) -> Found:
        """Return the newest reading of the metric that counts later than `after`."""
        for at, stamped_at, _, reading in reversed(self._readings):
            if at <= after:
                break
            value = _judged(reading, metric, rule)
            if value is not None:
                return Found(observation=Observation(at=at, value=value, stamped_at=stamped_at))
        return Found()

    def first_clear(
        self, device_id: str, metric: str, *, after: datetime, through: datetime, rule: Rule
    ) -> Observation | None:
        """Return the first clear reading that counts later than `after` and not later than `through`."""
        for place in range(bisect_right(self._readings, after, key=lambda entry: entry[0]), len(self._readings)):
            at, stamped_at, _, reading = self._readings[place]
            if at > through:
                break
            value = _judged(reading, metric, rule)
            if value is not None and rule.is_clear(value):
                return Observation(at=at, value=value, stamped_at=stamped_at)
        return None

    def behind(
        self, device_id: str, metric: str, *, after: datetime, stamped_after: datetime, through: datetime, rule: Rule
    ) -> tuple[list[Observation], None]:
        """Return the readings that count later than `after`, are stamped later than `stamped_after`: all of them."""
        seen = []
        for place in range(bisect_right(self._readings, after, key=lambda entry: entry[0]), len(self._readings)):
            at, stamped_at, _, reading = self._readings[place]
            value = _judged(reading, metric, rule)
            if value is not None and stamped_at > stamped_after and at <= through:
                seen.append(Observation(at=at, value=value, stamped_at=stamped_at))
        return seen, None


def in_order(uploads: Sequence[Upload]) -> list[Upload]:
    """Return uploads in the order in which they came; those of one time by their object."""
    return sorted(uploads, key=lambda upload: (upload.at, upload.key, upload.version))


def _judged(reading: Reading, metric: str, rule: Rule | None) -> float | int | None:
    value = reading.metrics.get(metric)
    if value is None or rule is None:
        return value
    return rule.judged(value, reading.units.get(metric) if reading.units else None)
