"""A device's readings, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from rich.table import Table
from rich.text import Text

from sensorctl.embedded.access import Access
from sensorctl.pipeline import Pipeline

_deserialise = TypeDeserializer().deserialize


def of_device(
    access: Access, pipeline: Pipeline, *, device_id: str, since: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the items of `device_id`, newest first, back to `since`."""
    condition, values = "device_id = :device", {":device": {"S": device_id}}
    if since is not None:
        condition += " AND reading_id >= :since"
        values[":since"] = {"S": since.isoformat(timespec="microseconds").replace("+00:00", "Z")}
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
        for item in page["Items"]:
            yield {name: _deserialise(value) for name, value in item.items()}


def table(items: list[dict[str, Any]], *, metric: str | None = None) -> Table:
    """Return readings as a table: instant, values (those past a threshold in its colour), source object."""
    shown = Table(box=None, padding=(0, 1))
    for column in ("timestamp", "metrics", "object"):
        shown.add_column(column, overflow="fold")
    for item in items:
        severities = {breach["metric"]: breach["severity"] for breach in item.get("breaches", [])}
        values = Text()
        for name, value in sorted(item["metrics"].items()):
            if metric is None or name == metric:
                style = {"warning": "yellow", "critical": "bold red"}.get(severities.get(name, ""), "")
                values.append(f"{name}={value} {item.get('units', {}).get(name, '')}  ", style=style)
        if values:
            shown.add_row(item["reading_id"].rpartition("#")[0], values, item["source"]["key"])
    return shown
