"""What the tests of the report share: stored readings as `observe` and `readings` return them, and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import timestamp

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
THRESHOLDS = Thresholds.parse(
    """{"version": 1, "metrics": {
        "temperature": {"unit": "Cel", "warning": {"above": 70}, "critical": {"above": 85}, "clear": {"below": 65}},
        "battery": {"warning": {"below": 20}, "critical": {"below": 5}, "clear": {"above": 25}}}}"""
)


def reading(minute: float, value: float, *, metric: str = "temperature", trace: str | None = None) -> dict[str, Any]:
    """One item, `minute` minutes after noon, with the breach that the thresholds make of it."""
    rule = THRESHOLDS.rule_for("any", metric)
    crossing = rule.crossing(value) if rule is not None else None
    item: dict[str, Any] = {
        "reading_id": f"{timestamp(at(minute))}#0123456789abcdef",
        "metrics": {metric: Decimal(str(value))},
        "trace_id": trace or f"trace-{minute:g}",
    }
    if crossing is not None:
        limit = Decimal(str(crossing.limit))
        breach = {"metric": metric, "severity": crossing.severity, "bound": crossing.bound, "limit": limit}
        item["breaches"] = [breach]
    return item


def readings(values: Sequence[float]) -> list[dict[str, Any]]:
    """One reading a minute from noon on, newest first as the table gives them."""
    return [reading(minute, value) for minute, value in enumerate(values)][::-1]


def at(minute: float) -> datetime:
    """The reading time `minute` minutes after noon."""
    return NOON + minute * MINUTE
