"""The records of the alerts table.

All of them by a scan: the table has one item per alerting metric, silent device, digest and hour of rejections, and a
person asks for it now and then. Those of one device by their keys. The functions themselves never scan it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdas.alert.adapters.codec import from_map
from lambdas.alert.adapters.ledger_items import RECORDS, alert_key, silence_key
from lambdas.alert.domain.models import Record, State
from lambdas.alert.domain.notices import Message

# Readings by which a device's own metrics are known.
_NEWEST = 100
_AT_ONCE = 16


def read(dynamodb: Any, *, table: str) -> tuple[list[Record], list[str]]:
    """Return the records, and the keys of those that cannot be read (another version's).

    The scan is strongly consistent, so that what was just mailed is there.
    """
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return _records(item for page in pages for item in page["Items"])


def of_device(
    dynamodb: Any, *, table: str, readings_table: str, device_id: str, metrics: Collection[str]
) -> tuple[list[Record], list[str]]:
    """Return the records of one device as `read` does, each by its key: of its silence, of `metrics`, and of its own.

    Its own metrics are those of its newest readings, one page of them.
    """
    page = dynamodb.query(
        TableName=readings_table,
        KeyConditionExpression="device_id = :device",
        ProjectionExpression="#metrics",
        ExpressionAttributeNames={"#metrics": "metrics"},
        ExpressionAttributeValues={":device": {"S": device_id}},
        ScanIndexForward=False,
        Limit=_NEWEST,
    )
    own = {metric for item in page["Items"] for metric in item["metrics"]["M"]}
    keys = [silence_key(device_id), *(alert_key(device_id, metric) for metric in sorted(own | set(metrics)))]

    def get(key: str) -> dict[str, Any] | None:
        answer = dynamodb.get_item(TableName=table, Key={"alert_key": {"S": key}}, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return _records(item for item in pool.map(get, keys) if item is not None)


def _records(items: Iterable[dict[str, Any]]) -> tuple[list[Record], list[str]]:
    records, unreadable = [], []
    for item in items:
        if "record" not in item:  # budgets and the sweep's cursors
            continue
        key = item["alert_key"]["S"]
        try:
            state: State = from_map(RECORDS[item["record"]["S"]], item)
            outbox = tuple(from_map(Message, member["M"]) for member in item["outbox"]["L"])
            records.append(Record(key=key, version=int(item["version"]["N"]), state=state, outbox=outbox))
        except (KeyError, TypeError, ValueError):
            unreadable.append(key)
    return records, unreadable
