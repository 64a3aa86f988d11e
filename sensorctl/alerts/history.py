"""The alerts of a time, one line each: those that are open, and those that have ended since.

The ledger keeps the last five ended alerts of each metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.domain.models import MetricState, Record, Silence
from sensorctl import terminal
from sensorctl.alerts.listing import AlertLine, worst_of


def history(records: Iterable[Record], *, since: datetime) -> list[AlertLine]:
    """Return the open alerts and silences, and the alerts that have ended since an instant, the newest first."""
    found = [line for record in records for line in _lines(record) if line.until is None or line.until >= since]
    return sorted(found, key=lambda line: (-(line.since or since).timestamp(), line.device_id, line.metric or ""))


def to_json(line: AlertLine, *, now: datetime) -> dict[str, Any]:
    """Return a line for a program: as in the list, with its duration in seconds (of an open one so far)."""
    lasted = (line.until or now) - line.since if line.since is not None else None
    return {
        **line.to_json(),
        "lasted_seconds": lasted.total_seconds() if lasted is not None else None,
    }


def table(lines: Sequence[AlertLine], *, now: datetime) -> Table:
    """Return the lines as a table; all times are UTC."""

    def row(line: AlertLine) -> list[str | Text]:
        style = terminal.SEVERITY_STYLES.get(line.severity or "", "") if line.until is None else ""
        lasted = terminal.brief((line.until or now) - line.since) if line.since is not None else "-"
        return [
            line.device_id,
            line.metric or "silent",
            Text(line.severity or "-", style=style),
            terminal.short_time(line.since, now=now) if line.since is not None else "-",
            lasted if line.until is not None else f"{lasted}, open",
            worst_of(line),
            line.acknowledged_by or "-",
        ]

    columns = ("device", "metric", "severity", "since (UTC)", "lasted", "worst", "acknowledged by")
    return terminal.table(columns, map(row, lines), whole=columns[2:5])


def _lines(record: Record) -> Iterator[AlertLine]:
    state = record.state
    if isinstance(state, Silence) and state.since is not None:
        yield AlertLine(device_id=state.device_id, state=state.status, since=state.since)
    if isinstance(state, MetricState):
        yield from of_metric(state)


def of_metric(state: MetricState) -> Iterator[AlertLine]:
    """Yield the ended alerts of a metric that the ledger keeps, oldest first, and then the one that is open."""
    for ended in state.ended:
        yield AlertLine(
            alert_id=ended.alert_id,
            device_id=state.device_id,
            metric=state.metric,
            state="closed",
            severity=ended.severity,
            since=ended.since,
            until=ended.until,
            worst=ended,
        )
    alert = state.alert
    if alert is not None and alert.phase == "open":
        yield AlertLine(
            alert_id=alert.alert_id,
            device_id=state.device_id,
            metric=state.metric,
            state=state.status,
            severity=alert.severity,
            since=alert.since,
            worst=alert.worst,
            acknowledged=alert.acknowledged,
        )
