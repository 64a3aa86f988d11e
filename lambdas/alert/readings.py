"""What the sweep asks of the readings table: a newest reading, a last upload, and which devices there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.alert.codec import number
from lambdas.alert.ledger import Cursor
from lambdas.alert.records import Observation
from lambdas.shared.registry import PARTITIONS
from lambdas.shared.times import timestamp

# Readings stamped further ahead than this are no device's newest to people: its clock was once set to tomorrow.
CLOCK_SKEW = timedelta(minutes=5)
# Ingest refuses what is stamped over 24 h after its upload; an hour for clocks that disagree.
_HORIZON = timedelta(hours=25)

# Readings read in one look: most devices report every metric every time, so the first page is small.
_PAGES = (8, 92)
# Readings read a tick behind those, where none of them has the metric.
_BEHIND = (400,)
# Sorts right behind '#', which parts the timestamp from the hash in a reading_id.
_PAST = "$"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a look has found, and the reading_id behind which there is more to look through (None: nothing is)."""

    observation: Observation | None = None
    rest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Device:
    """A registered device: its id, and who last uploaded for it (nothing for what came in no folder)."""

    key: str
    source: str


class Readings:
    """Reads the table that ingest fills; eventually consistent reads, at half the price.

    A reading's time is the earlier of its stamp and its upload. The table is sorted by stamps, which run up to a day
    ahead, so what lies behind a page of readings from the future is looked at as well.
    """

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def newest(self, device_id: str, metric: str, *, after: datetime, now: datetime) -> Found:
        """Return the newest reading of the metric that counts later than `after`, among the first 100 from the top."""
        high = _end(now + _HORIZON)
        found = self._look(device_id, metric, after=after, high=high, pages=_PAGES)
        if found.rest is not None and found.rest > _end(now):
            present = self._look(device_id, metric, after=after, high=_end(now), pages=_PAGES)
            return replace(found, observation=_newer(found.observation, present.observation))
        return found

    def newest_behind(self, device_id: str, metric: str, *, after: datetime, behind: str) -> Found:
        """Look through the next 400 readings behind a reading_id; a walk of such looks misses none."""
        return self._look(device_id, metric, after=after, high=behind, pages=_BEHIND, start=behind)

    def first_clear(
        self,
        device_id: str,
        metric: str,
        *,
        after: datetime,
        through: datetime,
        is_clear: Callable[[float | int], bool],
    ) -> Observation | None:
        """Return the first clear reading that counts later than `after` and not later than `through`.

        It is sought among the first 500 readings; None if it is not there.
        """
        query = self._query(device_id, metric, after=after, high=_end(through + _HORIZON), forward=True)
        for observations, _ in self._pages(query, metric, pages=(*_PAGES, *_BEHIND)):
            clear = [seen for seen in observations if seen.at <= through and is_clear(seen.value)]
            if clear:
                return min(clear, key=_order)
        return None

    def last_upload(self, device_id: str, *, now: datetime) -> datetime | None:
        """Return when the device last uploaded, by its newest readings, or None: it has none (any more)."""
        uploads = self._uploads(device_id, through=now + _HORIZON)
        if len(uploads) == _PAGES[0]:
            uploads += self._uploads(device_id, through=now)
        return max(uploads, default=None)

    def _uploads(self, device_id: str, *, through: datetime) -> list[datetime]:
        page = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="device_id = :device AND reading_id <= :to",
            ProjectionExpression="uploaded_at",
            ExpressionAttributeValues={":device": {"S": device_id}, ":to": {"S": _end(through)}},
            ScanIndexForward=False,
            Limit=_PAGES[0],
        )
        return [_at(item["uploaded_at"]["S"]) for item in page["Items"]]

    def _look(
        self,
        device_id: str,
        metric: str,
        *,
        after: datetime,
        high: str,
        pages: Sequence[int],
        start: str | None = None,
    ) -> Found:
        query = self._query(device_id, metric, after=after, high=high, forward=False)
        if start is not None:
            query["ExclusiveStartKey"] = {"device_id": {"S": device_id}, "reading_id": {"S": start}}
        rest = None
        for observations, rest in self._pages(query, metric, pages=pages):
            if observations:
                return Found(observation=max(observations, key=_order), rest=rest)
        return Found(rest=rest)

    def _query(self, device_id: str, metric: str, *, after: datetime, high: str, forward: bool) -> dict[str, Any]:
        """Return the query; what counts later than `after` was both stamped and uploaded later."""
        return {
            "TableName": self._table,
            "KeyConditionExpression": "device_id = :device AND reading_id BETWEEN :from AND :to",
            "FilterExpression": "attribute_exists(#metrics.#metric) AND uploaded_at > :after",
            "ProjectionExpression": "reading_id, uploaded_at, #metrics.#metric",
            "ExpressionAttributeNames": {"#metrics": "metrics", "#metric": metric},
            "ExpressionAttributeValues": {
                ":device": {"S": device_id},
                ":from": {"S": _end(after)},
                ":to": {"S": high},
                ":after": {"S": timestamp(after)},
            },
            "ScanIndexForward": forward,
        }

    def _pages(
        self, query: dict[str, Any], metric: str, *, pages: Sequence[int]
    ) -> Iterator[tuple[list[Observation], str | None]]:
        """Yield what each page holds, and where it ended; nothing at all for an empty range.

        DynamoDB refuses a BETWEEN whose upper bound is below its lower one with a ValidationException.
        """
        values = query["ExpressionAttributeValues"]
        if values[":from"]["S"] > values[":to"]["S"]:
            return
        for limit in pages:
            page = self._dynamodb.query(**query, Limit=limit)
            last = page.get("LastEvaluatedKey")
            yield [_observation(item, metric) for item in page["Items"]], last["reading_id"]["S"] if last else None
            if last is None:
                return
            query["ExclusiveStartKey"] = last

    def devices(self, *, after: Cursor | None = None) -> Iterator[tuple[Device, Cursor]]:
        """Yield the devices that ingest has registered, each with the cursor that continues behind it."""
        start = after or Cursor(shard=0)
        for shard in range(start.shard, len(PARTITIONS)):
            seen = start.after if shard == start.shard else None
            page_from = {"device_id": {"S": PARTITIONS[shard]}, "reading_id": {"S": seen}} if seen is not None else None
            while True:
                page = self._dynamodb.query(
                    TableName=self._table,
                    KeyConditionExpression="device_id = :registry",
                    ProjectionExpression="reading_id, #source",
                    ExpressionAttributeNames={"#source": "source"},
                    ExpressionAttributeValues={":registry": {"S": PARTITIONS[shard]}},
                    **({"ExclusiveStartKey": page_from} if page_from else {}),
                )
                for item in page["Items"]:
                    device = Device(key=item["reading_id"]["S"], source=item.get("source", {"S": ""})["S"])
                    yield device, Cursor(shard=shard, after=device.key)
                page_from = page.get("LastEvaluatedKey")
                if page_from is None:
                    break


def _observation(item: dict[str, Any], metric: str) -> Observation:
    stamped_at, uploaded_at = _at(item["reading_id"]["S"].split("#", 1)[0]), _at(item["uploaded_at"]["S"])
    value = number(item["metrics"]["M"][metric]["N"])
    return Observation(at=min(stamped_at, uploaded_at), value=value, stamped_at=stamped_at)


def _newer(one: Observation | None, other: Observation | None) -> Observation | None:
    return max((seen for seen in (one, other) if seen is not None), key=_order, default=None)


def _order(seen: Observation) -> tuple[datetime, datetime]:
    return seen.at, seen.stamped_at or seen.at


def _end(at: datetime) -> str:
    """Return the text behind every reading_id of that time."""
    return timestamp(at) + _PAST


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
