"""Readings in, what they crossed and one ThresholdBreached per device, metric and bound out. Pure; no AWS SDK."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from lambdas.ingest.decoding.reading import Reading
from lambdas.shared.contracts import Bound, ObjectRef, ThresholdBreached, breach_id
from lambdas.shared.thresholds import Crossing, Thresholds

# A unit is a unit and no sentence: UCUM and SenML names, such as m/s2, %RH, 1/min, kW.h, °C.
_UNIT = re.compile(r"[^\W_][\w%/^*.()°²³'-]{0,15}|[%°/][\w%/^*.()°²³'-]{0,15}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Breach:
    """One metric of one reading is out of bounds."""

    metric: str
    crossing: Crossing


@dataclass(kw_only=True, slots=True)
class _Worst:
    """What is known so far of one device's metric on one side of its range."""

    unit: str | None
    crossing: Crossing
    value: float | int
    count: int
    first_at: str
    last_at: str


class Breaches:
    """Evaluates the readings of one object and gathers what must be told."""

    def __init__(
        self, thresholds: Thresholds, *, source: ObjectRef, trace_id: str | None, uploaded_at: str | None = None
    ) -> None:
        self._thresholds = thresholds
        self._source = source
        self._trace_id = trace_id
        self._uploaded_at = uploaded_at
        self._worst: dict[tuple[str, str, Bound], _Worst] = {}

    def __len__(self) -> int:
        return len(self._worst)

    def evaluate(
        self, readings: Sequence[Reading], times: Sequence[str], *, beyond: Set[str] = frozenset()
    ) -> dict[int, list[Breach]]:
        """Return the breaches of each reading that has some, by its place; `times` are the readings' texts.

        Readings of devices `beyond` the bound have none.
        """
        found: dict[int, list[Breach]] = {}
        rule_for = self._thresholds.rule_for
        for place, reading in enumerate(readings):
            if reading.device_id in beyond:
                continue
            for metric, value in reading.metrics.items():
                rule = rule_for(reading.device_id, metric)
                crossing = rule.crossing(value) if rule is not None else None
                if rule is not None and crossing is not None:
                    found.setdefault(place, []).append(Breach(metric=metric, crossing=crossing))
                    unit = (reading.units or {}).get(metric, rule.unit)
                    self._gather(reading.device_id, metric, value, crossing=crossing, at=times[place], unit=unit)
        return found

    def drain(self) -> list[ThresholdBreached]:
        """Return one event per device, metric and bound gathered since the last time, the critical ones first."""
        events = [self._event(device_id, metric, worst) for (device_id, metric, _), worst in self._worst.items()]
        self._worst.clear()
        return sorted(events, key=lambda event: event.severity != "critical")

    def _gather(
        self, device_id: str, metric: str, value: float | int, *, crossing: Crossing, at: str, unit: str | None
    ) -> None:
        worst = self._worst.get((device_id, metric, crossing.bound))
        if worst is None:
            self._worst[device_id, metric, crossing.bound] = _Worst(
                unit=_short(unit), crossing=crossing, value=value, count=1, first_at=at, last_at=at
            )
            return
        worst.count += 1
        worst.first_at = min(worst.first_at, at)
        worst.last_at = max(worst.last_at, at)
        if _gravity(crossing, value) > _gravity(worst.crossing, worst.value):
            worst.crossing, worst.value, worst.unit = crossing, value, _short(unit)

    def _event(self, device_id: str, metric: str, worst: _Worst) -> ThresholdBreached:
        severity = worst.crossing.severity
        return ThresholdBreached(
            breach_id=breach_id(
                self._source, device_id=device_id, metric=metric, severity=severity, bound=worst.crossing.bound
            ),
            device_id=device_id,
            metric=metric,
            unit=worst.unit,
            severity=severity,
            bound=worst.crossing.bound,
            limit=worst.crossing.limit,
            value=worst.value,
            count=worst.count,
            first_at=worst.first_at,
            last_at=worst.last_at,
            object=self._source,
            trace_id=self._trace_id,
            uploaded_at=self._uploaded_at,
        )


def _gravity(crossing: Crossing, value: float | int) -> tuple[bool, float | int]:
    """Order crossings: critical over warning, then how far past the limit."""
    return crossing.severity == "critical", abs(value - crossing.limit)


def _short(unit: str | None) -> str | None:
    return unit if unit is not None and _UNIT.fullmatch(unit) else None
