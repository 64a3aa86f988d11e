"""The alerts table: an item per metric, silence, rejection, flood or digest, with optimistic locking.

State and messages share the item, so every transition is one write of the whole item, which succeeds only if its
version is unchanged: either both are kept or neither. Items that need attention carry `work` and `due_at`, the keys of
the sparse index `work`; `work` is spread over partitions, because a storm's items would overrun a single one (1,000
write units a second; DynamoDB Developer Guide, "Partitions and data distribution").
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lambdas.alert.adapters.codec import Attribute, from_map, to_map
from lambdas.alert.adapters.ledger_items import (
    RETENTION,
    SHARDS,
    UNREADABLE,
    blank_state,
    check,
    item_of,
    next_version,
    readable_messages,
    readable_record,
    record_of,
    source_in,
)
from lambdas.alert.adapters.mute_list import MuteSource
from lambdas.alert.domain.fairness import source_of_state
from lambdas.alert.domain.models import Record, State
from lambdas.shared.logs import log
from lambdas.shared.names import WORK_INDEX
from lambdas.shared.times import timestamp

Work = Literal["send", "watch"]

# A breach up to a day old can still open an alert, and counts in the hour of its upload.
_COUNTERS_KEPT = timedelta(days=2)
_PAGE = 100
# Watched records read whole; of more than that the function's memory would not hold all.
_WHOLE = 500
_SHORT = "alert_key, due_at, #source, alert.worst.#object.#key"
_SHORT_NAMES = {"#source": "source", "#object": "object", "#key": "key"}
# Enough for ten invocations to pass each other on one item.
ATTEMPTS = 10


class Conflict(Exception):  # noqa: N818 - nothing is wrong: somebody else was faster
    """Another invocation has written the item since it was read."""


class UnreadableError(ValueError):
    """An item of the ledger could not be read, and its alert has started afresh."""


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


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    """The cursor `at` which the walk `name` goes on, and the version it was read as (None: it could not be read)."""

    name: str
    version: int | None = 0
    at: Cursor | None = None


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the sweep looks after: a key and whose it is. `record`: as the index has it, where it was read whole."""

    key: str
    source: str
    record: Record | None = None


class Ledger:
    """Reads and writes records; knows no rule of their lives. `set_aside` grows by each item that cannot be read.

    `mutes` are those that operators keep in the same table.
    """

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.set_aside: list[UnreadableError] = []
        self.mutes = MuteSource(dynamodb, table=table)

    def get(self, key: str, *, blank: State, consistent: bool = True) -> Record:
        """Return the record as it is now, or a blank one."""
        found = self._dynamodb.get_item(TableName=self._table, Key={"alert_key": {"S": key}}, ConsistentRead=consistent)
        if "Item" not in found:
            return Record(key=key, state=blank)
        try:
            return record_of(found["Item"])
        except UNREADABLE as error:
            return self._start_afresh(found["Item"], error=error)

    def _start_afresh(self, item: dict[str, Attribute], *, error: Exception) -> Record:
        """Set an item aside that cannot be read, and return a fresh record with those of its messages that can.

        What is set aside is a copy of 90 days under `unreadable#<key>#<digest of it>`, written before the item is:
        it replaces no other, however often the same key is set aside.
        """
        key, version = item["alert_key"]["S"], item.get("version")
        expires_at = {"N": str(int((datetime.now(UTC) + RETENTION).timestamp()))}
        copy = {name: value for name, value in item.items() if name not in ("work", "due_at")}
        digest = hashlib.sha256(json.dumps(item, sort_keys=True, default=repr).encode()).hexdigest()[:12]
        aside = f"unreadable#{key}#{digest}"
        self._dynamodb.put_item(
            TableName=self._table, Item={**copy, "alert_key": {"S": aside}, "expires_at": expires_at}
        )
        fresh = Record(key=key, version=next_version(version), state=blank_state(key), outbox=readable_messages(item))
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(version)"}
        if version is not None:
            unchanged = {"ConditionExpression": "version = :raw", "ExpressionAttributeValues": {":raw": version}}
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item_of(fresh, now=datetime.now(UTC)), **unchanged)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return self.get(key, blank=blank_state(key))
        log("ERROR", "a ledger item could not be read and was set aside", key=key, kept_as=aside, error=repr(error))
        self.set_aside.append(UnreadableError(f"{key} could not be read ({error!r}); it was set aside as {aside}"))
        return fresh

    def first_report(self, key: str, *, now: datetime) -> bool:
        """Return whether the failure of a record is to be reported: True once an hour for each key."""
        item: dict[str, Attribute] = {
            "alert_key": {"S": f"reported#{key}#{timestamp(now)[:13]}"},
            "expires_at": {"N": str(int((now + timedelta(hours=2)).timestamp()))},
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(alert_key)"
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def count_opened(self, source: str, hour: str, *, now: datetime) -> int:
        """Count one more alert that a source opened in that hour, and return how many there are now.

        What comes again after a crash counts again. One item takes 1,000 writes a second (DynamoDB Developer Guide,
        "Partitions and data distribution"); what is throttled is tried again.
        """
        counted = self._dynamodb.update_item(
            TableName=self._table,
            Key={"alert_key": {"S": f"opened#{source}#{hour}"}},
            UpdateExpression="ADD opened :one SET expires_at = :expires_at",
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":expires_at": {"N": str(int((now + _COUNTERS_KEPT).timestamp()))},
            },
            ReturnValues="ALL_NEW",
        )
        return int(counted["Attributes"]["opened"]["N"])

    def put(self, record: Record, *, now: datetime) -> Record:
        """Write the record over the version it was read as, and return it as stored.

        Raises Conflict, or ValueError for what could not be read back: the event fails, and the record stays as it was.
        """
        stored = replace(record, version=record.version + 1)
        item = item_of(stored, now=now)
        check(item, stored)
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(alert_key)"}
        if record.version:
            unchanged = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(record.version)}},
            }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item, **unchanged)
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
        after: Cursor | None = None,
    ) -> Iterator[tuple[Record, Cursor]]:
        """Yield what is due, shard by shard, the longest due first, each with the cursor that continues behind it.

        An item that cannot be read starts afresh: it must not hold up the others. The index is eventually consistent: a
        record may be older than the item, which a write over it will notice.
        """
        for item, cursor in self._items(work, now=now, after=after):
            key = item["alert_key"]["S"]
            yield readable_record(item) or self.get(key, blank=blank_state(key)), cursor

    def watched(self, *, now: datetime, after: Cursor | None = None) -> Iterator[tuple[Watched, Cursor]]:
        """Yield what is watched, in the order of `walk`; the first 500 with their records, the others without."""
        for item, cursor in self._items("watch", now=now, after=after, whole=_WHOLE):
            record = readable_record(item) if "version" in item else None
            source = source_of_state(record.state) if record is not None else source_in(item)
            yield Watched(key=item["alert_key"]["S"], source=source, record=record), cursor

    def read(self, watched: Watched) -> Record:
        """Return the record of what is watched, at half the price of a consistent read: the index may be older too."""
        return watched.record or self.get(watched.key, blank=blank_state(watched.key), consistent=False)

    def _items(
        self, work: Work, *, now: datetime, after: Cursor | None, whole: float = math.inf
    ) -> Iterator[tuple[dict[str, Attribute], Cursor]]:
        """Yield the items that are due; those behind the first `whole` ones with little more than key and source."""
        start = after or Cursor(shard=0)
        seen = 0
        for shard in range(start.shard, SHARDS):
            page_from = _start_key(work, start) if shard == start.shard else None
            while True:
                short = seen >= whole
                page = self._dynamodb.query(
                    TableName=self._table,
                    IndexName=WORK_INDEX,
                    KeyConditionExpression="#work = :work AND due_at <= :now",
                    ExpressionAttributeNames={"#work": "work", **(_SHORT_NAMES if short else {})},
                    ExpressionAttributeValues={":work": {"S": f"{work}#{shard}"}, ":now": {"S": timestamp(now)}},
                    **({"ProjectionExpression": _SHORT} if short else {"Limit": _PAGE}),
                    **({"ExclusiveStartKey": page_from} if page_from else {}),
                )
                for item in page["Items"]:
                    seen += 1
                    yield item, Cursor(shard=shard, after=item["alert_key"]["S"], due_at=item["due_at"]["S"])
                page_from = page.get("LastEvaluatedKey")
                if page_from is None:
                    break

    def bookmark(self, name: str) -> Bookmark:
        """Return where the walk `name` stopped on an earlier tick."""
        found = self._dynamodb.get_item(TableName=self._table, Key={"alert_key": {"S": f"cursor#sweep#{name}"}})
        item = found.get("Item", {})
        try:
            version = int(item["version"]["N"]) if "version" in item else 0
            return Bookmark(name=name, version=version, at=from_map(Cursor, item) if "shard" in item else None)
        except UNREADABLE:
            return Bookmark(name=name, version=None)

    def move(self, bookmark: Bookmark, position: Cursor | None, *, now: datetime) -> None:
        """Keep where a walk stopped (None: it came to its end), unless another sweep has moved the bookmark since.

        Two sweeps can run at once: the scheduler invokes asynchronously, which tries a failed one again (EventBridge
        Scheduler User Guide, "Invoke a Lambda function"). What both have looked at is looked at twice, nothing never.
        """
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(version)"}
        if bookmark.version is None:
            unchanged = {}
        elif bookmark.version:
            unchanged = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(bookmark.version)}},
            }
        item = {
            **(to_map(position) if position is not None else {}),
            "alert_key": {"S": f"cursor#sweep#{bookmark.name}"},
            "version": {"N": str((bookmark.version or 0) + 1)},
            "expires_at": {"N": str(int((now + RETENTION).timestamp()))},
        }
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.put_item(TableName=self._table, Item=item, **unchanged)


def _start_key(work: Work, cursor: Cursor) -> dict[str, Attribute] | None:
    if cursor.after is None or cursor.due_at is None:
        return None
    return {
        "alert_key": {"S": cursor.after},
        "work": {"S": f"{work}#{cursor.shard}"},
        "due_at": {"S": cursor.due_at},
    }
