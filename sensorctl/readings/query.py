"""A device's readings, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.adapters.codec import plain
from lambdas.shared.printable import printable
from lambdas.shared.times import stamped_time, timestamp
from sensorctl import terminal
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline


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
    between = {(True, True): "BETWEEN :since AND :until", (True, False): ">= :since", (False, True): "< :until"}
    condition = between.get((since is not None, until is not None))
    texts = {":device": device_id, ":since": since and timestamp(since), ":until": until and timestamp(until)}
    pages = (
        access.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=pipeline.readings_table,
            KeyConditionExpression="device_id = :device" + (f" AND reading_id {condition}" if condition else ""),
            ExpressionAttributeValues={name: {"S": text} for name, text in texts.items() if text is not None},
            ScanIndexForward=False,
        )
    )
    for page in pages:
        yield from map(plain, page["Items"])


def table(items: Iterable[dict[str, Any]], *, now: datetime, metric: str | None = None) -> Table:
    """Return readings as a table: instant in UTC, values (those past a threshold in its colour), source object."""

    def row(item: dict[str, Any]) -> tuple[str | Text, ...]:
        severities = {breach["metric"]: breach["severity"] for breach in item.get("breaches", ())}
        values = Text()
        for name, value in sorted(item["metrics"].items()):
            if metric is None or name == metric:
                unit = item.get("units", {}).get(name, "")
                style = terminal.SEVERITY_STYLES.get(severities.get(name, ""), "")
                values.append("  " if values else "")
                values.append(f"{printable(name)}={value} {printable(unit)}".rstrip(), style=style)
        at = terminal.short_time(stamped_time(item["reading_id"]), now=now, fraction=True)
        return at, values, item["source"]["key"]

    columns = ("time (UTC)", "metrics", "object")
    return terminal.table(columns, map(row, items), whole=columns[:1])


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
    """Return when a reading was taken, by its key."""
    at: str = item["reading_id"].rpartition("#")[0]
    return at
