"""Converts stored values of one metric to one unit, that of the rule where possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lambdas.shared.thresholds.thresholds import Rule
from lambdas.shared.units import convert

Item = Mapping[str, Any]


def in_one_unit(
    items: Iterable[Item], metric: str, *, rule: Rule | None
) -> tuple[str | None, list[tuple[Item, float]]]:
    """Return the unit and the values of a metric in items, which are oldest first.

    That is the rule's unit; where the newest value does not convert to it, or there is no rule, that value's own. What
    does not convert is left out.
    """
    own = rule.unit if rule is not None else None
    held = [item for item in items if metric in item["metrics"]]
    units = [item.get("units", {}).get(metric) or own for item in held]
    newest = next((unit for unit in reversed(units) if unit), None)
    shown = own if own and newest and convert(1, newest, own) is not None else newest
    values = []
    for item, unit in zip(held, units, strict=True):
        value = item["metrics"][metric]
        converted = convert(value, unit, shown) if unit and shown else value
        if converted is not None:
            values.append((item, float(converted)))
    return shown, values
