"""What the sweep asks of a device's readings: its newest one of a metric, and its last upload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from lambdas.alert.adapters.codec import number
from lambdas.alert.adapters.registry import Registry
from lambdas.alert.domain.notices import Observation
from lambdas.shared.thresholds.thresholds import Rule
from lambdas.shared.times import stamped_time, time_of, timestamp

# Readings stamped further ahead than this are no device's newest to people: its clock was once set to tomorrow.
CLOCK_SKEW = timedelta(minutes=5)
# Ingest refuses what is stamped over 24 h after its upload; an hour for clocks that disagree.
HORIZON = timedelta(hours=25)

# Readings read in one look: most devices report every metric every time, so the first page is small.
_PAGES = (8, 92)
# Readings read a tick behind those, where none of them has the metric.
_BEHIND = (400,)
# Readings looked through for a later upload before a device is called silent.
_LOOKED_THROUGH = 500
# Sorts right behind '#', which parts the timestamp from the hash in a reading_id.
_PAST = "$"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a look has found, and the reading_id behind which there is more to look through (None: nothing is)."""

    observation: Observation | None = None
    rest: str | None = None


class Readings:
    """Reads the table that ingest fills; eventually consistent reads, at half the price. `registry` stands in it too.

    A reading's time is the earlier of its stamp and its upload. The table is sorted by stamps, which run up to a day
    ahead, so what lies behind a page of readings from the future is looked at as well. Values are in the unit of the
    rule that a look is made for; one that the rule does not judge (another unit, implausible) is no reading to it.
    """

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.registry = Registry(dynamodb, table=table)

    def newest(self, device_id: str, metric: str, *, after: datetime, now: datetime, rule: Rule | None = None) -> Found:
        """Return the newest reading of the metric that counts later than `after`, among the first 100 from the top."""
        high = _end(now + HORIZON)
        found = self._look(device_id, metric, after=after, high=high, pages=_PAGES, rule=rule)
        if found.rest is not None and found.rest > _end(now):
            present = self._look(device_id, metric, after=after, high=_end(now), pages=_PAGES, rule=rule)
            return replace(found, observation=_newer(found.observation, present.observation))
        return found

    def newest_behind(
        self, device_id: str, metric: str, *, after: datetime, behind: str, rule: Rule | None = None
    ) -> Found:
        """Look through the next 400 readings behind a reading_id; a walk of such looks misses none."""
        return self._look(device_id, metric, after=after, high=behind, pages=_BEHIND, rule=rule, start=behind)

    def first_clear(
        self,
        device_id: str,
        metric: str,
        *,
        after: datetime,
        through: datetime,
        rule: Rule,
    ) -> Observation | None:
        """Return the first clear reading that counts later than `after` and not later than `through`.

        It is sought among the first 500 readings; None if it is not there.
        """
        query = self._query(device_id, metric, after=after, high=_end(through + HORIZON), forward=True)
        for observations, _ in self._pages(query, metric, pages=(*_PAGES, *_BEHIND), rule=rule):
            clear = [seen for seen in observations if seen.at <= through and rule.is_clear(seen.value)]
            if clear:
                return min(clear, key=_order)
        return None

    def behind(
        self, device_id: str, metric: str, *, after: datetime, stamped_after: datetime, through: datetime, rule: Rule
    ) -> tuple[list[Observation], str | None]:
        """Return the readings that count later than `after`, and the reading_id behind which there are more, or None.

        They are those among the first 500 that are stamped later than `stamped_after`, in the order of their stamps.
        """
        query = self._query(device_id, metric, after=after, high=_end(through + HORIZON), forward=True)
        values = query["ExpressionAttributeValues"]
        values[":from"] = {"S": _end(max(after, stamped_after))}
        seen: list[Observation] = []
        rest: str | None = None
        for observations, behind in self._pages(query, metric, pages=(*_PAGES, *_BEHIND), rule=rule):
            seen, rest = seen + observations, behind
        return seen, rest

    def last_upload(self, device_id: str, *, now: datetime) -> datetime | None:
        """Return when the device last uploaded, by its newest readings, or None: it has none (any more)."""
        uploads = self._uploads(device_id, through=now + HORIZON)
        if len(uploads) == _PAGES[0]:
            uploads += self._uploads(device_id, through=now)
        return max(uploads, default=None)

    def later_upload(self, device_id: str, *, than: datetime, now: datetime) -> datetime:
        """Return an upload later than `than`, sought behind the device's newest readings; `than` if there is none.

        A clock that was set back stamps what it uploads now earlier than what it uploaded before.
        """
        uploads = self._uploads(device_id, through=now + HORIZON, most=_LOOKED_THROUGH, later=than)
        return max(uploads or self._uploads(device_id, through=now, most=_LOOKED_THROUGH, later=than), default=than)

    def _uploads(
        self, device_id: str, *, through: datetime, most: int = _PAGES[0], later: datetime | None = None
    ) -> list[datetime]:
        values = {":device": {"S": device_id}, ":to": {"S": _end(through)}}
        page = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="device_id = :device AND reading_id <= :to",
            ProjectionExpression="uploaded_at",
            ExpressionAttributeValues={**values, **({":later": {"S": timestamp(later)}} if later else {})},
            ScanIndexForward=False,
            Limit=most,
            **({"FilterExpression": "uploaded_at > :later"} if later else {}),
        )
        return [time_of(item["uploaded_at"]["S"]) for item in page["Items"]]

    def _look(
        self,
        device_id: str,
        metric: str,
        *,
        after: datetime,
        high: str,
        pages: Sequence[int],
        rule: Rule | None,
        start: str | None = None,
    ) -> Found:
        query = self._query(device_id, metric, after=after, high=high, forward=False)
        if start is not None:
            query["ExclusiveStartKey"] = {"device_id": {"S": device_id}, "reading_id": {"S": start}}
        rest = None
        for observations, rest in self._pages(query, metric, pages=pages, rule=rule):
            if observations:
                return Found(observation=max(observations, key=_order), rest=rest)
        return Found(rest=rest)

    def _query(self, device_id: str, metric: str, *, after: datetime, high: str, forward: bool) -> dict[str, Any]:
        """Return the query; what counts later than `after` was both stamped and uploaded later."""
        return {
            "TableName": self._table,
            "KeyConditionExpression": "device_id = :device AND reading_id BETWEEN :from AND :to",
            "FilterExpression": "attribute_exists(#metrics.#metric) AND uploaded_at > :after",
            "ProjectionExpression": "reading_id, uploaded_at, #metrics.#metric, #units.#metric",
            "ExpressionAttributeNames": {"#metrics": "metrics", "#units": "units", "#metric": metric},
            "ExpressionAttributeValues": {
                ":device": {"S": device_id},
                ":from": {"S": _end(after)},
                ":to": {"S": high},
                ":after": {"S": timestamp(after)},
            },
            "ScanIndexForward": forward,
        }

    def _pages(
        self, query: dict[str, Any], metric: str, *, pages: Sequence[int], rule: Rule | None
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
            observations = [_observation(item, metric, rule=rule) for item in page["Items"]]
            yield [seen for seen in observations if seen is not None], last["reading_id"]["S"] if last else None
            if last is None:
                return
            query["ExclusiveStartKey"] = last


def _observation(item: dict[str, Any], metric: str, *, rule: Rule | None) -> Observation | None:
    stamped_at, uploaded_at = stamped_time(item["reading_id"]["S"]), time_of(item["uploaded_at"]["S"])
    value: float | int | None = number(item["metrics"]["M"][metric]["N"])
    if value is not None and rule is not None:
        unit = item.get("units", {"M": {}})["M"].get(metric, {"S": None})["S"]
        value = rule.judged(value, unit)
    return None if value is None else Observation(at=min(stamped_at, uploaded_at), value=value, stamped_at=stamped_at)


def _newer(one: Observation | None, other: Observation | None) -> Observation | None:
    return max((seen for seen in (one, other) if seen is not None), key=_order, default=None)


def _order(seen: Observation) -> tuple[datetime, datetime]:
    return seen.at, seen.stamped_at or seen.at


def _end(at: datetime) -> str:
    """Return the text behind every reading_id of that time."""
    return timestamp(at) + _PAST
