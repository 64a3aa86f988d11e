"""Makes a device's charts from its stored readings and the thresholds in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from lambdas.shared.events import Severity
from lambdas.shared.thresholds.thresholds import Bounds, Rule, Thresholds
from lambdas.shared.times import stamped_time
from sensorctl.readings.series import in_one_unit
from sensorctl.report.model import Chart, Device, Limit, Point
from sensorctl.report.thinning import thin

Item = Mapping[str, Any]

# The axis reaches out to a limit that is at most this many times the data's own height away; one further off would
# press the line flat.
_REACH = 3.0
_MARGIN = 0.08
_USUAL_PAUSES = 10
_SHORTEST_GAP = timedelta(minutes=1)


def taken_at(item: Item) -> datetime:
    """Return the reading time of an item."""
    return stamped_time(item["reading_id"])


def points_of(items: Iterable[Item], metric: str, *, rule: Rule | None) -> tuple[str | None, list[Point]]:
    """Return a metric's unit and points, oldest first."""
    unit, values = in_one_unit(sorted(items, key=taken_at), metric, rule=rule)
    return unit, [Point(at=taken_at(item), value=value, severity=_severity(item, metric)) for item, value in values]


def device(
    device_id: str, items: Sequence[Item], *, thresholds: Thresholds | None, most: int, more: bool = False
) -> Device:
    """Return the device with a chart for each metric, of about `most` points each. `items` must not be empty."""
    charts = []
    for metric in sorted({metric for item in items for metric in item["metrics"]}):
        rule = thresholds.rule_for(device_id, metric) if thresholds is not None else None
        unit, points = points_of(items, metric, rule=rule)
        judges = rule is not None and rule.unit in (unit, None)
        charts.append(_chart(metric, points, unit=unit, limits=limits_of(rule if judges else None), most=most))
    newest = max(items, key=taken_at)
    return Device(
        device_id=device_id,
        readings=len(items),
        more=more,
        last_at=taken_at(newest),
        charts=tuple(charts),
        gaps=gaps_of(items, silent_after=thresholds.silent_after(device_id) if thresholds is not None else None),
        tags=newest.get("tags", {}),
    )


def gaps_of(items: Sequence[Item], *, silent_after: timedelta | None) -> tuple[tuple[datetime, datetime], ...]:
    """Return where the device sent nothing for longer than it may, or than ten usual pauses where none is set."""
    times = sorted(taken_at(item) for item in items)
    pauses = [after - before for before, after in pairwise(times)]
    if not pauses:
        return ()
    longest = silent_after or max(_USUAL_PAUSES * sorted(pauses)[len(pauses) // 2], _SHORTEST_GAP)
    return tuple((before, after) for before, after in pairwise(times) if after - before > longest)


def limits_of(rule: Rule | None) -> tuple[Limit, ...]:
    """Return every limit of a rule, the most severe first."""
    if rule is None:
        return ()
    levels: tuple[tuple[Literal["critical", "warning", "clear"], Bounds | None], ...] = (
        ("critical", rule.critical),
        ("warning", rule.warning),
        ("clear", rule.clear),
    )
    found = []
    for level, bounds in levels:
        if bounds is not None and bounds.above is not None:
            found.append(Limit(level=level, bound="above", value=float(bounds.above)))
        if bounds is not None and bounds.below is not None:
            found.append(Limit(level=level, bound="below", value=float(bounds.below)))
    return tuple(found)


def axis(values: Sequence[float], limits: Sequence[Limit]) -> tuple[float, float]:
    """Return the ends of the y axis: all values, the limits that are not far off, and a margin."""
    low, high = min(values), max(values)
    reach = _REACH * ((high - low) or abs(high) or 1.0)
    near = [limit.value for limit in limits if low - reach <= limit.value <= high + reach]
    low, high = min(low, *near, low), max(high, *near, high)
    margin = _MARGIN * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _severity(item: Item, metric: str) -> Severity | None:
    severities: dict[str, Severity] = {breach["metric"]: breach["severity"] for breach in item.get("breaches", ())}
    return severities.get(metric)


def _chart(metric: str, points: list[Point], *, unit: str | None, limits: tuple[Limit, ...], most: int) -> Chart:
    lowest, highest = axis([point.value for point in points], limits)
    return Chart(
        metric=metric,
        unit=unit,
        points=thin(points, most=most),
        count=len(points),
        breaches=sum(point.severity is not None for point in points),
        limits=limits,
        lowest=lowest,
        highest=highest,
    )
