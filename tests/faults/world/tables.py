"""A DynamoDB table as a dictionary, with the API's parameters and answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sensorctl.embedded.gate.refusals import Keys
from tests.faults.world.expressions import Item, Request, holds, projected, updated

Key = tuple[str, ...]

# DynamoDB API Reference, "Query": a page ends behind 1 MB, as it is stored and before the filter.
_PAGE_BYTES = 2**20
_UNIT_BYTES = 4096


class ConditionFailedError(Exception):
    """DynamoDB would answer ConditionalCheckFailedException."""


@dataclass
class Table:
    """Rows by key. `before` is the table before its last write: what a late index or replica still shows.

    `read_units` is what all reads have cost, each rounded up to 4 KB, or half of that where they are not consistent
    (DynamoDB Developer Guide, "DynamoDB read and write operations").
    """

    keys: Keys
    rows: dict[Key, Item] = field(default_factory=dict)
    before: dict[Key, Item] = field(default_factory=dict)
    read_units: float = 0

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Table:
        """Return an empty table, as a CreateTable request makes it."""
        return cls(Keys.of(definition))

    def get(self, key: Item, *, stale: bool = False, consistent: bool = False) -> Item | None:
        """Return the item under a key."""
        found = (self.before if stale else self.rows).get(self._key(key))
        self._charge(item_bytes(found) if found is not None else 0, consistent=consistent)
        return found

    def put(self, item: Item, request: Request | None = None) -> None:
        """Write an item whole, under the condition of the request. Raises ConditionFailedError."""
        self._write(self._key(item), item, request or {})

    def update(self, request: Request) -> Item:
        """Change or make an item and return it whole (ALL_NEW). Raises ConditionFailedError."""
        key = self._key(request["Key"])
        item = updated(request["UpdateExpression"], {**request["Key"], **self.rows.get(key, {})}, request)
        self._write(key, item, request)
        return item

    def query(self, request: Request, *, stale: bool = False) -> dict[str, Any]:
        """Return Items and, where a limit cut them, LastEvaluatedKey; the limit counts before the filter.

        As with AWS, a page that is full to the limit names a last key even where nothing follows.
        """
        keys, primary = self.keys.of_query(request.get("IndexName")), self.keys.primary
        order = (*keys[1:], *primary)
        found = [
            item
            for item in self._candidates(request, stale=stale)
            if all(name in item for name in keys) and holds(request["KeyConditionExpression"], item, request)
        ]
        forward = request.get("ScanIndexForward", True)
        found.sort(key=lambda item: _order(item, order), reverse=not forward)
        if start := request.get("ExclusiveStartKey"):
            passed = _order(start, order)
            found = [
                item for item in found if (_order(item, order) > passed if forward else _order(item, order) < passed)
            ]
        limit, read = request.get("Limit", len(found) + 1), 0
        for count, item in enumerate(found[:limit], 1):
            read += item_bytes(item)
            if read > _PAGE_BYTES:
                limit = count
                break
        self._charge(read, consistent=request.get("ConsistentRead", False))
        page: dict[str, Any] = {}
        if len(found) >= limit:
            last = found[limit - 1]
            page["LastEvaluatedKey"] = {name: last[name] for name in dict.fromkeys((*primary, *keys))}
        kept = found[:limit]
        if "FilterExpression" in request:
            kept = [item for item in kept if holds(request["FilterExpression"], item, request)]
        if "ProjectionExpression" in request:
            kept = [projected(request["ProjectionExpression"], item, request) for item in kept]
        return {**page, "Items": kept, "Count": len(kept)}

    def _candidates(self, request: Request, *, stale: bool) -> Iterable[Item]:
        """Return the items among which a query looks: to evaluate the condition on all of a large table takes long."""
        condition, values = request["KeyConditionExpression"], request["ExpressionAttributeValues"]
        name = self.keys.of_query(request.get("IndexName"))[0]
        partition = values[condition.split(" AND ")[0].split(" = ")[1]]
        return (item for item in (self.before if stale else self.rows).values() if item.get(name) == partition)

    def _charge(self, read: int, *, consistent: bool) -> None:
        self.read_units += max(math.ceil(read / _UNIT_BYTES), 1) * (1 if consistent else 0.5)

    def _write(self, key: Key, item: Item, request: Request) -> None:
        condition = request.get("ConditionExpression")
        if condition is not None and not holds(condition, self.rows.get(key, {}), request):
            raise ConditionFailedError
        self.before = dict(self.rows)
        self.rows[key] = item

    def _key(self, item: Item) -> Key:
        return tuple(item[name]["S"] for name in self.keys.primary)


def item_bytes(item: Item) -> int:
    """Return the size of an item (DynamoDB Developer Guide, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Item) -> int:
    ((tag, content),) = value.items()
    if tag == "S":
        return len(content.encode())
    if tag == "N":
        return 1 + (len(content.strip("-0.")) + 1) // 2
    members = [item_bytes(content)] if tag == "M" else [_value_bytes(member) for member in content]
    return 3 + len(content) + sum(members)


def _order(item: Item, names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(item[name]["S"].encode() for name in names)
