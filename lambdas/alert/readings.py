"""What the sweep asks of the readings table: a metric's newest reading, a device's last one, and which devices are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.alert.codec import number
from lambdas.alert.ledger import Cursor
from lambdas.alert.records import Observation
from lambdas.shared.registry import PARTITIONS
from lambdas.shared.times import timestamp

# Readings stamped further ahead than this do not count as the newest: a device whose clock was once set to tomorrow
# would otherwise hide everything it reports until then.
CLOCK_SKEW = timedelta(minutes=5)

# Readings looked through for the metric: most devices report every metric every time, so the first page is small.
_PAGES = (8, 92, 400)
# Sorts right behind '#', which parts the timestamp from the hash in a reading_id.
_PAST = "$"


class Readings:
    """Reads the table that ingest fills; eventually consistent reads, at half the price."""

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def newest(self, device_id: str, metric: str, *, after: datetime, now: datetime) -> Observation | None:
        """Return the newest reading of the metric taken later than `after`, or None.

        It is sought among the newest 500 readings of the device in that span.
        """
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "device_id = :device AND reading_id BETWEEN :from AND :to",
            "FilterExpression": "attribute_exists(#metrics.#metric)",
            "ProjectionExpression": "reading_id, #metrics.#metric",
            "ExpressionAttributeNames": {"#metrics": "metrics", "#metric": metric},
            "ExpressionAttributeValues": {
                ":device": {"S": device_id},
                ":from": {"S": timestamp(after) + _PAST},
                ":to": {"S": timestamp(now + CLOCK_SKEW) + _PAST},
            },
            "ScanIndexForward": False,
        }
        for limit in _PAGES:
            page = self._dynamodb.query(**query, Limit=limit)
            if page["Items"]:
                item = page["Items"][0]
                value = number(item["metrics"]["M"][metric]["N"])
                return Observation(at=_taken_at(item["reading_id"]["S"]), value=value)
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return None

    def last_seen(self, device_id: str, *, now: datetime) -> datetime | None:
        """Return when the device's newest reading was taken, or None: it has none (any more)."""
        page = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="device_id = :device AND reading_id <= :to",
            ProjectionExpression="reading_id",
            ExpressionAttributeValues={
                ":device": {"S": device_id},
                ":to": {"S": timestamp(now + CLOCK_SKEW) + _PAST},
            },
            ScanIndexForward=False,
            Limit=1,
        )
        return _taken_at(page["Items"][0]["reading_id"]["S"]) if page["Items"] else None

    def devices(self, *, after: Cursor | None = None) -> Iterator[tuple[str, Cursor]]:
        """Yield the ids of the devices that ingest has registered, each with the cursor that continues behind it."""
        start = after or Cursor(shard=0)
        for shard in range(start.shard, len(PARTITIONS)):
            seen = start.after if shard == start.shard else None
            page_from = {"device_id": {"S": PARTITIONS[shard]}, "reading_id": {"S": seen}} if seen is not None else None
            while True:
                page = self._dynamodb.query(
                    TableName=self._table,
                    KeyConditionExpression="device_id = :registry",
                    ProjectionExpression="reading_id",
                    ExpressionAttributeValues={":registry": {"S": PARTITIONS[shard]}},
                    **({"ExclusiveStartKey": page_from} if page_from else {}),
                )
                for item in page["Items"]:
                    device_id = item["reading_id"]["S"]
                    yield device_id, Cursor(shard=shard, after=device_id)
                page_from = page.get("LastEvaluatedKey")
                if page_from is None:
                    break


def _taken_at(reading_id: str) -> datetime:
    return datetime.fromisoformat(reading_id.split("#", 1)[0]).astimezone(UTC)
