"""The operators' mutes: one item of the alerts table, read by the function, written by `sensorctl mutes`.

All of them are in one item, so that reading them is one GetItem, which the function is granted anyway; a thousand of
usual size are 250 KB, 31 read units (DynamoDB Developer Guide, "DynamoDB read consistency": half a unit for each 4 KB).
Its key holds no `#`, so it is no record's.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.alert.adapters.codec import Attribute, from_map, to_attribute
from lambdas.alert.adapters.ledger_items import UNREADABLE
from lambdas.alert.domain.mutes import Mute, OneOffMutes

KEY: dict[str, Attribute] = {"alert_key": {"S": "mutes"}}
MOST_MUTES = 1_000
# How old the mutes may be by which an event is judged; the sweep reads them anew.
FRESH_FOR = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class MuteList:
    """The item: its mutes, and how many of its entries nobody can read.

    `version` 0 is not stored yet, None cannot be read.
    """

    version: int | None = 0
    mutes: tuple[Mute, ...] = ()
    unreadable: int = 0


def list_of(item: dict[str, Attribute]) -> MuteList:
    """Return the list that an item holds; none where there is no item.

    An entry that cannot be read mutes nothing: an e-mail too many is better than one too few.
    """
    try:
        version = int(item["version"]["N"]) if item else 0
        entries: list[Attribute] = item["mutes"]["L"] if item else []
        mutes = [_mute(entry) for entry in entries]
    except UNREADABLE:
        return MuteList(version=None, unreadable=1)
    readable = tuple(mute for mute in mutes if mute is not None)
    return MuteList(version=version, mutes=readable, unreadable=len(mutes) - len(readable))


def item_of(listed: MuteList) -> dict[str, Attribute]:
    """Return the item that holds a list."""
    return {
        **KEY,
        "version": {"N": str(listed.version)},
        "mutes": to_attribute(listed.mutes),
    }


class MuteSource:
    """The mutes as this process knows them."""

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._listed: MuteList | None = None
        self._mutes = OneOffMutes()
        self._read_at: datetime | None = None

    def current(self, *, now: datetime, fresh_for: timedelta = FRESH_FOR) -> OneOffMutes:
        """Return the mutes, as they were at most so long ago. Raises what DynamoDB raises: whoever asked tries again.

        Nobody can say then what is muted, and an e-mail that was sent cannot be taken back.
        """
        if self._read_at is None or now - self._read_at >= fresh_for:
            found = self._dynamodb.get_item(TableName=self._table, Key=KEY)
            listed = list_of(found.get("Item", {}))
            if listed != self._listed:
                self._listed, self._mutes = listed, OneOffMutes(listed.mutes)
            self._read_at = now
        return self._mutes

    @property
    def problem(self) -> str | None:
        """What is wrong with the item, or None."""
        if self._listed is None or not self._listed.unreadable:
            return None
        return f"{self._listed.unreadable} of the mutes in the alerts table cannot be read, and mute nothing"


def _mute(entry: Attribute) -> Mute | None:
    with suppress(*UNREADABLE):
        return from_map(Mute, entry["M"])
    return None
