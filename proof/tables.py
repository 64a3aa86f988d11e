"""A DynamoDB table as a dictionary: parameters of the API in, members of its answer out. Pure; no AWS SDK import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proof.expressions import Item, Scope, holds, projected, updated
from sensorctl.embedded.gate.refusals import Keys

Key = tuple[str, ...]


class ConditionFailedError(Exception):
    """DynamoDB would answer ConditionalCheckFailedException."""


@dataclass(kw_only=True)
class Table:
    """Rows by key. `before` is how the table stood before its last write: what a late index or replica still shows.

    `key` names the attributes of the primary key; `indexes` those of each index.
    """

    key: tuple[str, ...]
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: dict[Key, Item] = field(default_factory=dict)
    before: dict[Key, Item] = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        """Return which attributes are keys."""
        return Keys(primary=self.key, indexes=self.indexes)

    def get(self, key: Item, *, stale: bool = False) -> Item | None:
        """Return the item under a key."""
        return (self.before if stale else self.rows).get(self._key(key))

    def put(self, item: Item, *, condition: str | None = None, scope: Scope = Scope()) -> None:  # noqa: B008 - frozen
        """Write an item whole. Raises ConditionFailedError."""
        key = self._key(item)
        if condition is not None and not holds(condition, self.rows.get(key, {}), scope):
            raise ConditionFailedError
        self._write(key, item)

    def update(self, key: Item, update: str, *, condition: str | None, scope: Scope) -> Item:
        """Change or make an item and return it whole (ALL_NEW). Raises ConditionFailedError."""
        place = self._key(key)
        item = self.rows.get(place, {})
        if condition is not None and not holds(condition, item, scope):
            raise ConditionFailedError
        self._write(place, updated(update, {**key, **item}, scope))
        return self.rows[place]

    def query(self, request: Mapping[str, Any], *, stale: bool = False) -> dict[str, Any]:
        """Return Items and, where a limit cut them, LastEvaluatedKey; the limit counts before the filter.

        As with AWS, a page that is full to the limit names a last key even where nothing follows.
        """
        scope = scope_of(request)
        keys = self.indexes[request["IndexName"]] if "IndexName" in request else self.key
        rows = self.before if stale else self.rows
        order = (*keys[1:], *self.key)
        found = [
            item
            for item in rows.values()
            if all(name in item for name in keys) and holds(request["KeyConditionExpression"], item, scope)
        ]
        forward = request.get("ScanIndexForward", True)
        found.sort(key=lambda item: _order(item, order), reverse=not forward)
        start = request.get("ExclusiveStartKey")
        if start is not None:
            passed = _order(start, order)
            found = [
                item for item in found if (_order(item, order) > passed) is forward and _order(item, order) != passed
            ]
        limit = request.get("Limit", len(found) + 1)
        page: dict[str, Any] = {}
        if len(found) >= limit:
            last = found[limit - 1]
            page["LastEvaluatedKey"] = {name: last[name] for name in dict.fromkeys((*self.key, *keys))}
        kept = found[:limit]
        if "FilterExpression" in request:
            kept = [item for item in kept if holds(request["FilterExpression"], item, scope)]
        if "ProjectionExpression" in request:
            kept = [projected(request["ProjectionExpression"], item, scope) for item in kept]
        return {**page, "Items": kept, "Count": len(kept)}

    def _write(self, key: Key, item: Item) -> None:
        self.before = dict(self.rows)
        self.rows[key] = item

    def _key(self, item: Item) -> Key:
        return tuple(item[name]["S"] for name in self.key)


def scope_of(request: Mapping[str, Any]) -> Scope:
    """Return the names and values that a request gives its expressions."""
    return Scope(names=request.get("ExpressionAttributeNames", {}), values=request.get("ExpressionAttributeValues", {}))


def _order(item: Item, names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(item[name]["S"].encode() for name in names)
