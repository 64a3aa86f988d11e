"""Readings in, what they crossed, and one ThresholdBreached per device, metric and bound out.

Values are judged and reported in the unit of their rule. What cannot be judged is left out alone: a value in a unit
that does not convert is stored and reported, one that no sensor measures is reported and not stored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import msgspec

from lambdas.ingest.decoding.reading import Reading, Reason, Reject
from lambdas.shared.events import Bound, ObjectRef, ThresholdBreached, breach_id
from lambdas.shared.names import ROUTE_MOST
from lambdas.shared.thresholds.thresholds import Crossing, Rule, Thresholds

_EXCERPT = 512
_encode = msgspec.json.encode

# A unit is a unit and no sentence: UCUM and SenML names, such as m/s2, %RH, 1/min, kW.h, °C.
_UNIT = re.compile(r"[^\W_][\w%/^*.()°²³'-]{0,15}|[%°/][\w%/^*.()°²³'-]{0,15}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Breach:
    """One metric of one reading is out of bounds; `value` is it in `unit`, where the reading itself has another one."""

    metric: str
    crossing: Crossing
    value: float | int | None = None
    unit: str | None = None


@dataclass(kw_only=True, slots=True)
class Judgement:
    """What the rules make of readings: breaches and implausible metrics of each that has some, by its place."""

    breaches: dict[int, list[Breach]] = field(default_factory=dict)
    implausible: dict[int, set[str]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class _Worst:
    """What is known so far of one device's metric on one side of its range."""

    unit: str | None
    crossing: Crossing
    value: float | int
    count: int
    first_at: str
    last_at: str
    tags: dict[str, str] | None


class Breaches:
    """Evaluates the readings of one object and gathers the events of their breaches."""

    def __init__(
        self, thresholds: Thresholds, *, source: ObjectRef, trace_id: str | None, uploaded_at: str | None = None
    ) -> None:
        self._thresholds = thresholds
        self._source = source
        self._trace_id = trace_id
        self._uploaded_at = uploaded_at
        self._worst: dict[tuple[str, str, Bound], _Worst] = {}
        # Hashes of events sent before the object's end: sent again for each later reading, they would cost as much.
        self._sent: set[int] = set()

    def __len__(self) -> int:
        return len(self._worst)

    def evaluate(
        self, readings: Sequence[Reading], times: Sequence[str], *, beyond: Set[str] = frozenset()
    ) -> Judgement:
        """Judge readings; `times` are their texts. Those of devices `beyond` the bound are not judged."""
        found = Judgement()
        rule_for = self._thresholds.rule_for
        for place, reading in enumerate(readings):
            if reading.device_id in beyond:
                continue
            units = reading.units
            for metric, value in reading.metrics.items():
                rule = rule_for(reading.device_id, metric)
                if rule is None:
                    continue
                unit = units.get(metric) if units else None
                converts = bool(unit) and rule.unit is not None and unit != rule.unit
                own = rule.in_its_unit(value, unit) if converts else value
                if own is None or (rule.valid is not None and not rule.is_valid(own)):
                    _reject(found, reading, metric, own, rule=rule, place=place, at=times[place])
                    continue
                crossing = rule.crossing(own)
                if crossing is not None:
                    breach = Breach(
                        metric=metric, crossing=crossing, value=own if converts else None, unit=rule.unit or unit
                    )
                    found.breaches.setdefault(place, []).append(breach)
                    self._gather(reading, breach, own, at=times[place])
            if place in found.implausible and len(found.implausible[place]) == len(reading.metrics):
                found.rejects.append(_rejected(reading, times[place], "no_metrics", "none of its metrics is plausible"))
        return found

    def drain(self) -> list[ThresholdBreached]:
        """Return one event per device, metric and bound, the critical ones first.

        What it returns is not gathered again, but for another severity.
        """
        events = [self._event(device_id, metric, worst) for (device_id, metric, _), worst in self._worst.items()]
        self._sent.update(hash((*key, worst.crossing.severity)) for key, worst in self._worst.items())
        self._worst.clear()
        return sorted(events, key=lambda event: event.severity != "critical")

    def _gather(self, reading: Reading, breach: Breach, value: float | int, *, at: str) -> None:
        device_id, metric, crossing, unit = reading.device_id, breach.metric, breach.crossing, breach.unit
        if self._sent and hash((device_id, metric, crossing.bound, crossing.severity)) in self._sent:
            return
        worst = self._worst.get((device_id, metric, crossing.bound))
        if worst is None:
            self._worst[device_id, metric, crossing.bound] = _Worst(
                unit=_short(unit),
                crossing=crossing,
                value=value,
                count=1,
                first_at=at,
                last_at=at,
                tags=self._route(reading),
            )
            return
        worst.count += 1
        worst.first_at = min(worst.first_at, at)
        worst.last_at = max(worst.last_at, at)
        if _severity_key(crossing, value) > _severity_key(worst.crossing, worst.value):
            worst.crossing, worst.value, worst.unit = crossing, value, _short(unit)
            worst.tags = self._route(reading)

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
            tags=worst.tags,
        )

    def _route(self, reading: Reading) -> dict[str, str] | None:
        """Return the tag by which the alert is routed, if the reading has it and it can be a message attribute."""
        name = self._thresholds.route_by
        value = (reading.tags or {}).get(name) if name is not None else None
        return {name: value} if name and value and len(value) <= ROUTE_MOST and value.isprintable() else None


def _severity_key(crossing: Crossing, value: float | int) -> tuple[bool, float | int]:
    """Order crossings: critical over warning, then how far past the limit."""
    return crossing.severity == "critical", abs(value - crossing.limit)


def _reject(
    found: Judgement, reading: Reading, metric: str, own: float | int | None, *, rule: Rule, place: int, at: str
) -> None:
    """Take note of a value that is not judged: `own` is it in the rule's unit, or None where it does not convert."""
    value, unit = reading.metrics[metric], (reading.units or {}).get(metric)
    if own is None:
        detail = f"{metric[:64]} is in {str(unit)[:32]!a}, which does not convert to its rule's {rule.unit}: "
        detail += "it is stored and not judged"
        found.rejects.append(_rejected(reading, at, "unit_mismatch", detail, member=metric))
        return
    found.implausible.setdefault(place, set()).add(metric)
    detail = f"{metric[:64]} is {value:.10g}, which its rule ({rule.source}.valid) says that no sensor measures"
    found.rejects.append(_rejected(reading, at, "implausible_value", detail, member=metric))


def _rejected(reading: Reading, at: str, reason: Reason, detail: str, *, member: str | None = None) -> Reject:
    return Reject(
        position=f"device {reading.device_id} at {at}",
        offset=0,
        reason=reason,
        detail=detail,
        excerpt=_encode(reading)[:_EXCERPT],
        member=member,
    )


def _short(unit: str | None) -> str | None:
    return unit if unit is not None and _UNIT.fullmatch(unit) else None
