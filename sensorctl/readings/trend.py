"""The trend of each metric of a device over its readings: least, greatest, last, limits, and a sparkline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.mail.formatting import amount
from lambdas.shared.thresholds.thresholds import Bounds, Rule, Thresholds
from sensorctl import terminal
from sensorctl.readings.series import in_one_unit
from sensorctl.readings.sparkline import sparkline

# Bars of a trend, where there is room beside the numbers and the limits, and where there is not.
_BARS, _FEW_BARS, _ROOM = 60, 24, 120


@dataclass(frozen=True, kw_only=True)
class Trend:
    """One metric's values, the oldest first, all in one unit, and the rule in force (None: no limits)."""

    metric: str
    values: tuple[float, ...]
    unit: str | None
    rule: Rule | None


def trends(
    items: Sequence[dict[str, Any]], *, device_id: str, thresholds: Thresholds | None, metric: str | None = None
) -> list[Trend]:
    """Return each metric's trend over items that are newest first, by the metric's name."""
    names = {name for item in items for name in item["metrics"] if metric is None or name == metric}
    return [
        _trend(name, items, rule=thresholds.rule_for(device_id, name) if thresholds is not None else None)
        for name in sorted(names)
    ]


def summary(found: Iterable[Trend], *, width: int) -> Table:
    """Return a line for each metric: least, greatest and last value, the limits, and the trend as a sparkline."""

    def row(trend: Trend) -> list[str | Text]:
        values, style = trend.values, partial(_style, trend)
        return [
            trend.metric,
            *(Text(amount(value, None), style=style(value)) for value in (min(values), max(values))),
            Text(amount(values[-1], trend.unit), style=style(values[-1])),
            limits(trend.rule),
            sparkline(values, width=_BARS if width >= _ROOM else _FEW_BARS, style=style),
        ]

    numbers = ("min", "max", "last")
    columns = ("metric", *numbers, "limits", "oldest to newest")
    return terminal.table(columns, map(row, found), right=numbers, whole=(*numbers, columns[-1]))


def limits(rule: Rule | None) -> str:
    """Return the limits of a rule in words: `warning above 70, critical above 85`."""
    if rule is None:
        return "none"
    sides = [("warning", rule.warning), ("critical", rule.critical)]
    return ", ".join(f"{name} {_bounds(bounds)}" for name, bounds in sides if bounds is not None) or "none"


def _trend(metric: str, items: Sequence[dict[str, Any]], *, rule: Rule | None) -> Trend:
    unit, values = in_one_unit(reversed(items), metric, rule=rule)
    judges = rule is not None and rule.unit in (unit, None)
    return Trend(metric=metric, values=tuple(value for _, value in values), unit=unit, rule=rule if judges else None)


def _style(trend: Trend, value: float) -> str:
    crossing = trend.rule.crossing(value) if trend.rule is not None else None
    return terminal.SEVERITY_STYLES[crossing.severity] if crossing is not None else ""


def _bounds(bounds: Bounds) -> str:
    sides = [("above", bounds.above), ("below", bounds.below)]
    return " or ".join(f"{side} {limit:.10g}" for side, limit in sides if limit is not None)
