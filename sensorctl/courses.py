"""How each metric of a device went over its readings: least, greatest, last, limits, and a sparkline. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.wording import amount
from lambdas.shared.printable import printable
from lambdas.shared.thresholds import Bounds, Rule, Thresholds
from sensorctl.sparkline import sparkline

_BARS = 60
_STYLES = {"warning": "yellow", "critical": "bold red"}


@dataclass(frozen=True, kw_only=True)
class Course:
    """One metric's values, the oldest first, with the unit of the newest and the rule in force (None: no limits)."""

    metric: str
    values: tuple[float, ...]
    unit: str | None
    rule: Rule | None


def courses(
    items: Sequence[dict[str, Any]], *, device_id: str, thresholds: Thresholds | None, metric: str | None = None
) -> list[Course]:
    """Return each metric's course over items that are newest first, by the metric's name."""
    values: dict[str, list[float]] = defaultdict(list)
    units: dict[str, str] = {}
    for item in reversed(items):
        for name, value in item["metrics"].items():
            if metric is None or name == metric:
                values[name].append(float(value))
                units[name] = item.get("units", {}).get(name) or units.get(name, "")
    return [
        Course(
            metric=name,
            values=tuple(values[name]),
            unit=units[name] or None,
            rule=thresholds.rule_for(device_id, name) if thresholds is not None else None,
        )
        for name in sorted(values)
    ]


def summary(found: Sequence[Course]) -> Table:
    """Return a line for each metric: least, greatest and last value, the limits, and the course as a sparkline."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("metric", overflow="fold")
    for column in ("min", "max", "last"):
        shown.add_column(column, justify="right")
    shown.add_column("limits")
    shown.add_column("oldest to newest", no_wrap=True)
    for course in found:
        values = course.values
        shown.add_row(
            Text(printable(course.metric)),
            *(Text(amount(value, None), style=_style(course, value)) for value in (min(values), max(values))),
            Text(amount(values[-1], course.unit), style=_style(course, values[-1])),
            limits(course.rule),
            sparkline(values, width=_BARS, style=partial(_style, course)),
        )
    return shown


def limits(rule: Rule | None) -> str:
    """Return the limits of a rule in words: `warning above 70, critical above 85`."""
    if rule is None:
        return "none"
    sides = [("warning", rule.warning), ("critical", rule.critical)]
    return ", ".join(f"{name} {_bounds(bounds)}" for name, bounds in sides if bounds is not None) or "none"


def _style(course: Course, value: float) -> str:
    crossing = course.rule.crossing(value) if course.rule is not None else None
    return _STYLES[crossing.severity] if crossing is not None else ""


def _bounds(bounds: Bounds) -> str:
    sides = [("above", bounds.above), ("below", bounds.below)]
    return " or ".join(f"{side} {limit:.10g}" for side, limit in sides if limit is not None)
