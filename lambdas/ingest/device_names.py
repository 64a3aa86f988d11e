"""Names each device once an hour in the registry, in the same writes as its readings: no call more, no read at all.

A device costs one write unit an hour for each execution environment that sees it; without it nobody could tell a silent
device from one that never was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from lambdas.ingest.items import Item
from lambdas.shared.registry import partition_of

_AGAIN_AFTER_S = 3600.0
# What an environment remembers; beyond it all is forgotten, and named anew.
_MOST = 100_000


class DeviceNames:
    """Remembers which devices this execution environment has named. `clock` is in seconds, monotonic."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._named: dict[str, float] = {}

    def due(self, device_ids: Iterable[str], *, expires_at: int | None) -> list[Item]:
        """Return a registry item for each device that was not named within the hour; `expires_at` is its TTL."""
        before = self._clock() - _AGAIN_AFTER_S
        ids = (device for device in dict.fromkeys(device_ids) if self._named.get(device, before) <= before)
        expiry: Item = {} if expires_at is None else {"expires_at": {"N": str(expires_at)}}
        return [{"device_id": {"S": partition_of(device)}, "reading_id": {"S": device}, **expiry} for device in ids]

    def stored(self, registered: Iterable[Item]) -> None:
        """Take note that these items are stored; until then they stay due."""
        if len(self._named) > _MOST:
            self._named.clear()
        now = self._clock()
        self._named.update((item["reading_id"]["S"], now) for item in registered)
