"""A device's stored readings and the thresholds in force in, its charts out. Pure; no AWS SDK import."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from lambdas.shared.thresholds import Bounds, Rule, Thresholds
from sensorctl.report.model import Chart, Device, Limit, Point
from sensorctl.report.thinning import thin

Item = Mapping[str, Any]

# The axis reaches out to a limit that is at most this many times the data's own height away; one further off would
# press the line flat.
_REACH = 3.0
_MARGIN = 0.08


def taken_at(item: Item) -> datetime:
    """Return the reading time of an item: what stands before the `#` of its key."""
    return datetime.fromisoformat(item["reading_id"].rpartition("#")[0]).astimezone(UTC)


def counted_at(item: Item) -> datetime:
    """Return the time by which alerts are decided: the reading time, or the upload's where that is earlier."""
    uploaded = item.get("uploaded_at")
    return min(taken_at(item), datetime.fromisoformat(uploaded).astimezone(UTC)) if uploaded else taken_at(item)


def points_of(items: Iterable[Item]) -> dict[str, list[Point]]:
    """Return each metric's points, oldest first."""
    found: dict[str, list[Point]] = defaultdict(list)
    for item in items:
        at = taken_at(item)
        severities = {breach["metric"]: breach["severity"] for breach in item.get("breaches", ())}
        for metric, value in item["metrics"].items():
            found[metric].append(Point(at=at, value=float(value), severity=severities.get(metric)))
    return {metric: sorted(found[metric], key=lambda point: point.at) for metric in sorted(found)}


def device(
    device_id: str, items: Sequence[Item], *, thresholds: Thresholds | None, most: int, more: bool = False
) -> Device:
    """Return the device with a chart for each metric, of about `most` points each. `items` must not be empty."""
    units: dict[str, str] = {}
    for item in items:
        units |= item.get("units", {})
    charts = []
    for metric, points in points_of(items).items():
        rule = thresholds.rule_for(device_id, metric) if thresholds is not None else None
        unit = units.get(metric) or (rule.unit if rule is not None else None)
        charts.append(_chart(metric, points, unit=unit, limits=limits_of(rule), most=most))
    return Device(
        device_id=device_id,
        readings=len(items),
        more=more,
        last_at=max(taken_at(item) for item in items),
        charts=tuple(charts),
    )


def limits_of(rule: Rule | None) -> tuple[Limit, ...]:
    """Return every limit of a rule, the gravest first."""
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
