"""A device's readings, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.shared.printable import printable
from lambdas.shared.times import timestamp
from sensorctl.embedded.access import Access
from sensorctl.pipeline import Pipeline
from sensorctl.plain_items import plain

_STYLES = {"warning": "yellow", "critical": "bold red"}


def of_device(
    access: Access,
    pipeline: Pipeline,
    *,
    device_id: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the items of `device_id`, newest first: those taken from `since` on, and before `until`."""
    # A sort key begins with the reading's time, so one without a hash sorts before all of that instant.
    condition, values = "device_id = :device", {":device": {"S": device_id}}
    if since is not None:
        values[":since"] = {"S": timestamp(since)}
    if until is not None:
        values[":until"] = {"S": timestamp(until)}
    if since is not None and until is not None:
        condition += " AND reading_id BETWEEN :since AND :until"
    elif since is not None:
        condition += " AND reading_id >= :since"
    elif until is not None:
        condition += " AND reading_id < :until"
    pages = (
        access.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=pipeline.readings_table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
        )
    )
    for page in pages:
        yield from map(plain, page["Items"])


def table(items: Sequence[dict[str, Any]], *, metric: str | None = None) -> Table:
    """Return readings as a table: instant, values (those past a threshold in its colour), source object."""
    shown = Table(box=None, padding=(0, 1))
    for column in ("timestamp", "metrics", "object"):
        shown.add_column(column, overflow="fold")
    for item in items:
        severities = {breach["metric"]: breach["severity"] for breach in item.get("breaches", [])}
        values = Text()
        for name, value in sorted(item["metrics"].items()):
            if metric is None or name == metric:
                style = _STYLES.get(severities.get(name, ""), "")
                unit = item.get("units", {}).get(name, "")
                values.append(f"{printable(name)}={value} {printable(unit)}  ", style=style)
        if values:
            shown.add_row(taken_at(item), values, Text(printable(item["source"]["key"])))
    return shown


def to_json(item: dict[str, Any], *, metric: str | None = None) -> dict[str, Any]:
    """Return a reading for a program, with only `metric` of its metrics if one is named."""

    def kept(of: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in of.items() if metric is None or name == metric}

    breaches = [breach for breach in item.get("breaches", []) if metric is None or breach["metric"] == metric]
    return {
        "device_id": item["device_id"],
        "timestamp": taken_at(item),
        "metrics": kept(item["metrics"]),
        "units": kept(item.get("units", {})),
        "tags": item.get("tags", {}),
        "breaches": breaches,
        "object": item["source"]["key"],
        "uploaded_at": item.get("uploaded_at"),
        "trace_id": item.get("trace_id"),
    }


def taken_at(item: dict[str, Any]) -> str:
    """Return when a reading was taken, as its key tells it."""
    at: str = item["reading_id"].rpartition("#")[0]
    return at
