"""Keeps the registry: each device with its last upload, in the same batch as its readings: no extra call.

Without it nobody could tell a silent device from one that never was, nor find the silent ones of a million at the price
of a few pages. An item costs one write unit, an hour or a third of what the device may be silent apart, for each
execution environment that sees it.

The item is put blindly: BatchWriteItem takes no conditions. A delivery that comes late, twice or from a replay may
put an upload's time over a later one; the time is still that of a true upload, and so never later than the last one.
Who finds it too old asks the readings, and who finds it new enough need not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice

from lambdas.ingest.decoding.limits import MOST_DEVICES
from lambdas.ingest.domain.items import Item
from lambdas.shared.keys import LEAST_PARTITIONS, PARTITION_COUNTS, partition_count_key, registry_partition
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import timestamp

_AGAIN_AFTER_S = 3600.0
# The last upload is renewed so many times within the shortest `silent_after` that concerns a device: one that reports
# in time is then never found too old.
_RENEWALS = 3
# What an environment remembers at least; beyond it all is forgotten, and registered anew.
_MOST = 100_000
_UNCONFIRMED_KEPT_S = 30 * 86_400


class DeviceRegistry:
    """Remembers which devices this execution environment has registered, and how many of each source in this hour.

    `clock` is in seconds, monotonic. `most` is how many devices a source may have, and as
    many are remembered: a fleet behind one folder would else be registered anew with each of its objects. `partitions`
    is how many the registry has.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_DEVICES,
        partitions: int = LEAST_PARTITIONS,
    ) -> None:
        self._clock = clock
        self.most = most
        self._remembered = max(_MOST, most)
        self._partitions = partitions
        self._is_counted = partitions == LEAST_PARTITIONS
        # When each device was first registered here, and when it is due again.
        self._registered: dict[str, tuple[float, float]] = {}
        self._hour = -1
        self._known: dict[str, set[str]] = {}

    def beyond(self, device_ids: Sequence[str], *, source: str) -> set[str]:
        """Take note of a source's devices; return those that are beyond what it may have in an hour."""
        hour = int(self._clock() // _AGAIN_AFTER_S)
        if hour != self._hour or (source not in self._known and sum(map(len, self._known.values())) > self._remembered):
            self._hour, self._known = hour, {}
        known = self._known.setdefault(source, set())
        new = set(device_ids) - known
        room = self.most - len(known)
        if len(new) > room:
            new = set(islice((device for device in dict.fromkeys(device_ids) if device in new), room))
        known |= new
        return set(device_ids) - known

    def due(
        self, device_ids: Iterable[str], *, source: str, uploaded_at: datetime, expires_at: int | None
    ) -> list[Item]:
        """Return a registry item for each device that is to be registered, or whose last upload is to be renewed.

        Its TTL is `expires_at` (seconds since 1970), that of the readings, once the device is known here for an hour;
        before that it is 30 days at most, so that an id which came once and never again is forgotten.
        """
        now = self._clock()
        ids = [device for device in dict.fromkeys(device_ids) if self._registered.get(device, (now, now))[1] <= now]
        unconfirmed = min(expires_at or math.inf, int(uploaded_at.timestamp()) + _UNCONFIRMED_KEPT_S)
        last_upload = {"S": timestamp(uploaded_at)}

        def entry(device: str) -> Item:
            is_confirmed = now - self._registered.get(device, (now, now))[0] >= _AGAIN_AFTER_S
            expiry = expires_at if is_confirmed else int(unconfirmed)
            item: Item = {
                "device_id": {"S": registry_partition(device, partitions=self._partitions)},
                "reading_id": {"S": device},
                "source": {"S": source},
                "uploaded_at": last_upload,
            }
            return item if expiry is None else {**item, "expires_at": {"N": str(expiry)}}

        entries = [entry(device) for device in ids]
        if entries and not self._is_counted:
            device_id, reading_id = partition_count_key(self._partitions)
            entries.append({"device_id": {"S": device_id}, "reading_id": {"S": reading_id}})
        return entries

    def stored(self, registered: Iterable[Item], *, thresholds: Thresholds) -> None:
        """Take note that these items are stored; until then they stay due."""
        if len(self._registered) > self._remembered:
            self._registered.clear()
        now = self._clock()
        for item in registered:
            if item["device_id"]["S"] == PARTITION_COUNTS:
                self._is_counted = True
                continue
            device = item["reading_id"]["S"]
            limit = thresholds.shortest_silence(device)
            again_after = min(limit.total_seconds() / _RENEWALS, _AGAIN_AFTER_S) if limit else _AGAIN_AFTER_S
            self._registered[device] = (self._registered.get(device, (now, now))[0], now + again_after)
