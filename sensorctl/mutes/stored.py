"""Changes the list of mutes in the alerts table: read, changed and written over the version that was read."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from lambdas.alert.adapters.codec import size
from lambdas.alert.adapters.mute_list import KEY, MOST_MUTES, MuteList, item_of, list_of
from lambdas.alert.domain.mutes import Mute
from sensorctl.errors import UserError

_TRIES = 10
# An item may take 400 KB (DynamoDB Developer Guide, "Quotas in Amazon DynamoDB").
_MOST_BYTES = 390_000


def add(dynamodb: Any, *, table: str, mute: Mute, now: datetime) -> Mute:
    """Add a mute and return it with its id. Raises UserError when the list is full or cannot be read."""
    mute = replace(mute, mute_id=secrets.token_hex(4))
    _change(dynamodb, table=table, now=now, change=lambda mutes: (*mutes, mute))
    return mute


def end(dynamodb: Any, *, table: str, mute_ids: tuple[str, ...], now: datetime) -> None:
    """Take mutes out of the list; one that has gone meanwhile is no matter. Raises UserError as `add` does."""
    _change(dynamodb, table=table, now=now, change=lambda mutes: tuple(m for m in mutes if m.mute_id not in mute_ids))


def _change(
    dynamodb: Any, *, table: str, now: datetime, change: Callable[[tuple[Mute, ...]], tuple[Mute, ...]]
) -> None:
    """Write the changed list without the mutes that have ended, again from a fresh read where somebody was faster."""
    for _ in range(_TRIES):
        found = list_of(dynamodb.get_item(TableName=table, Key=KEY, ConsistentRead=True).get("Item", {}))
        if found.version is None:
            raise UserError(
                f"the item `mutes` of the table {table} cannot be read, so it is not written over; delete it with `aws "
                f'dynamodb delete-item --table-name {table} --key \'{{"alert_key": {{"S": "mutes"}}}}\'`'
            )
        mutes = change(tuple(mute for mute in found.mutes if mute.until > now))
        item = item_of(MuteList(version=found.version + 1, mutes=mutes))
        if len(mutes) > MOST_MUTES or size(item) > _MOST_BYTES:
            raise UserError(
                f"there are {len(mutes) - 1:,} mutes, and one more does not fit; end some (`sensorctl mutes list`), "
                "or mute several devices by one pattern"
            )
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(alert_key)"}
        if found.version:
            unchanged = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(found.version)}},
            }
        try:
            dynamodb.put_item(TableName=table, Item=item, **unchanged)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            continue
        return
    raise UserError(f"others changed the mutes {_TRIES} times in a row; nothing was written: do it again")
