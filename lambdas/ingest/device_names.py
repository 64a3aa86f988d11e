"""Names each device once an hour in the registry, in the same writes as its readings: no call more, no read at all.

A device costs one write unit an hour for each execution environment that sees it; without it nobody could tell a silent
device from one that never was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from lambdas.ingest.decoding.limits import MOST_DEVICES
from lambdas.ingest.items import Item
from lambdas.shared.registry import partition_of

_AGAIN_AFTER_S = 3600.0
# What an environment remembers; beyond it all is forgotten, and named anew.
_MOST = 100_000
_STRANGER_KEPT_S = 30 * 86_400


class DeviceNames:
    """Remembers which devices this execution environment has named, and how many of each source in this hour.

    `clock` is in seconds, monotonic. `most` is how many devices a source may have.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most: int = MOST_DEVICES) -> None:
        self._clock = clock
        self._most = most
        self._named: dict[str, float] = {}
        self._hour = -1
        self._known: dict[str, set[str]] = {}

    def beyond(self, device_ids: Sequence[str], *, source: str) -> set[str]:
        """Take note of a source's devices; return those that are beyond what it may have in an hour."""
        hour = int(self._clock() // _AGAIN_AFTER_S)
        if hour != self._hour or (source not in self._known and sum(map(len, self._known.values())) > _MOST):
            self._hour, self._known = hour, {}
        known = self._known.setdefault(source, set())
        new = set(device_ids) - known
        room = self._most - len(known)
        if len(new) > room:
            new = set(islice((device for device in dict.fromkeys(device_ids) if device in new), room))
        known |= new
        return set(device_ids) - known

    def due(self, device_ids: Iterable[str], *, source: str, uploaded_at: int, expires_at: int | None) -> list[Item]:
        """Return a registry item for each device that was not named within the hour.

        Its TTL is `expires_at`, that of the readings, once the device is known here for an hour; before that it is 30
        days at most, so that an id which came once and never again is forgotten. All in seconds since 1970.
        """
        before = self._clock() - _AGAIN_AFTER_S
        ids = (device for device in dict.fromkeys(device_ids) if self._named.get(device, before) <= before)
        stranger = min(expires_at or math.inf, uploaded_at + _STRANGER_KEPT_S)

        def named(device: str) -> Item:
            expiry = expires_at if device in self._named else int(stranger)
            item: Item = {
                "device_id": {"S": partition_of(device)},
                "reading_id": {"S": device},
                "source": {"S": source},
            }
            return item if expiry is None else {**item, "expires_at": {"N": str(expiry)}}

        return [named(device) for device in ids]

    def stored(self, registered: Iterable[Item]) -> None:
        """Take note that these items are stored; until then they stay due."""
        if len(self._named) > _MOST:
            self._named.clear()
        now = self._clock()
        self._named.update((item["reading_id"]["S"], now) for item in registered)
