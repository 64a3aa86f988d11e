"""The alerts table: one item per metric, silence, rejection or digest, written whole, over the version it was read as.

State and messages share the item, so every transition is one conditional write: either both are kept or neither.
Items that need attention carry `work` and `due_at`, the keys of the sparse index `work`; `work` is spread over
partitions, because a storm's items would overrun a single one (1,000 write units a second; DynamoDB Developer Guide,
"Partitions and data distribution").
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from lambdas.alert import outbox
from lambdas.alert.codec import Attribute, from_map, to_attribute, to_map
from lambdas.alert.records import Digest, Message, MetricState, Record, Rejection, Silence, State
from lambdas.shared.times import timestamp

INDEX = "work"
SHARDS = 4
Work = Literal["send", "watch"]
RECORDS: dict[str, type[State]] = {"alert": MetricState, "silence": Silence, "rejected": Rejection, "digest": Digest}

# How long items are kept that nobody needs any more: sent digests, rejections, devices that report again.
_RETENTION = timedelta(days=90)
_PAGE = 100
# Enough for ten invocations to pass each other on one item.
ATTEMPTS = 10


class Conflict(Exception):  # noqa: N818 - nothing is wrong: somebody else was faster
    """Another invocation has written the item since it was read."""


class ContentionError(RuntimeError):
    """Others kept writing the same item; Lambda tries the event again later."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: written by others {ATTEMPTS} times in a row")


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Where a walk stopped: a shard, and the last key seen in it (none: its beginning)."""

    shard: int
    after: str | None = None
    due_at: str | None = None


def alert_key(device_id: str, metric: str) -> str:
    """Return the key of a metric's alert. Ids hold no '#', so one '#' means this kind; all others hold two or more."""
    return f"{device_id}#{metric}"


def silence_key(device_id: str) -> str:
    """Return the key under which a device's silence is kept."""
    return f"silent#device#{device_id}"


def rejection_key(prefix: str, hour: str) -> str:
    """Return the key of the rejections under a prefix in one hour."""
    return f"rejected#{prefix}#{hour}"


def digest_key(digest_id: str) -> str:
    """Return the key of a minute's digest."""
    return f"digest#minute#{digest_id}"


class Ledger:
    """Reads and writes records; knows no rule of their lives."""

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, key: str, *, blank: State) -> Record:
        """Return the record as it is now (a consistent read), or a blank one."""
        found = self._dynamodb.get_item(TableName=self._table, Key={"alert_key": {"S": key}}, ConsistentRead=True)
        return _record(found["Item"]) if "Item" in found else Record(key=key, state=blank)

    def put(self, record: Record, *, now: datetime) -> Record:
        """Write the record over the version it was read as, and return it as stored. Raises Conflict."""
        stored = replace(record, version=record.version + 1)
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(alert_key)"}
        if record.version:
            unchanged = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(record.version)}},
            }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=_item(stored, now=now), **unchanged)
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(record.key) from error
        return stored

    def rewrite(self, record: Record, change: Callable[[Record], Record], *, now: datetime) -> Record:
        """Write `change` of the record, of a fresh one after a conflict, until it is written or changes nothing.

        Raises ContentionError.
        """
        for _ in range(ATTEMPTS):
            changed = change(record)
            if changed == record:
                return record
            try:
                return self.put(changed, now=now)
            except Conflict:
                record = self.get(record.key, blank=record.state)
        raise ContentionError(record.key)

    def walk(
        self,
        work: Work,
        *,
        now: datetime,
        unreadable: Callable[[str, Exception], None],
        after: Cursor | None = None,
    ) -> Iterator[tuple[Record, Cursor]]:
        """Yield what is due, shard by shard, the longest due first, each with the cursor that continues behind it.

        An item that cannot be read is told to `unreadable` and passed over: it must not hold up the others. The index
        is eventually consistent: a record may be older than the item, which a write over it will tell.
        """
        start = after or Cursor(shard=0)
        for shard in range(start.shard, SHARDS):
            page_from = _start_key(work, start) if shard == start.shard else None
            while True:
                page = self._dynamodb.query(
                    TableName=self._table,
                    IndexName=INDEX,
                    KeyConditionExpression="#work = :work AND due_at <= :now",
                    ExpressionAttributeNames={"#work": "work"},
                    ExpressionAttributeValues={":work": {"S": f"{work}#{shard}"}, ":now": {"S": timestamp(now)}},
                    Limit=_PAGE,
                    **({"ExclusiveStartKey": page_from} if page_from else {}),
                )
                for item in page["Items"]:
                    key = item["alert_key"]["S"]
                    try:
                        record = _record(item)
                    except (KeyError, TypeError, ValueError) as error:
                        unreadable(key, error)
                        continue
                    yield record, Cursor(shard=shard, after=key, due_at=item["due_at"]["S"])
                page_from = page.get("LastEvaluatedKey")
                if page_from is None:
                    break

    def cursor(self, name: str) -> Cursor | None:
        """Return where the walk `name` stopped on the last tick, or None: start at the beginning."""
        found = self._dynamodb.get_item(TableName=self._table, Key={"alert_key": {"S": f"cursor#sweep#{name}"}})
        return from_map(Cursor, found["Item"]) if "Item" in found and "shard" in found["Item"] else None

    def save_cursor(self, name: str, cursor: Cursor | None) -> None:
        """Keep where the walk `name` stopped; None means that it came to its end."""
        position = to_map(cursor) if cursor is not None else {}
        self._dynamodb.put_item(TableName=self._table, Item={"alert_key": {"S": f"cursor#sweep#{name}"}, **position})


def _start_key(work: Work, cursor: Cursor) -> dict[str, Attribute] | None:
    if cursor.after is None or cursor.due_at is None:
        return None
    return {
        "alert_key": {"S": cursor.after},
        "work": {"S": f"{work}#{cursor.shard}"},
        "due_at": {"S": cursor.due_at},
    }


def _item(record: Record, *, now: datetime) -> dict[str, Attribute]:
    state = record.state
    kind = next(name for name, cls in RECORDS.items() if isinstance(state, cls))
    item: dict[str, Attribute] = {
        **to_map(state),
        "alert_key": {"S": record.key},
        "record": {"S": kind},
        "status": {"S": state.status},
        "version": {"N": str(record.version)},
        "outbox": to_attribute(record.outbox),
    }
    unsent = outbox.due_at(record)
    due = unsent or state.watched_since
    if due is not None:
        shard = zlib.crc32(record.key.encode()) % SHARDS
        item["work"] = {"S": f"{'send' if unsent else 'watch'}#{shard}"}
        item["due_at"] = {"S": timestamp(due)}
    elif not isinstance(state, MetricState):
        item["expires_at"] = {"N": str(int((now + _RETENTION).timestamp()))}
    return item


def _record(item: dict[str, Attribute]) -> Record:
    state: State = from_map(RECORDS[item["record"]["S"]], item)
    messages = tuple(from_map(Message, member["M"]) for member in item["outbox"]["L"])
    return Record(key=item["alert_key"]["S"], version=int(item["version"]["N"]), state=state, outbox=messages)
