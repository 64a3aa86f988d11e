"""A readings table of a fleet of any size, whose rows are made when they are read: a million would not fit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambdas.shared.keys import LEAST_PARTITIONS, registry_partition
from lambdas.shared.times import timestamp
from tests.faults.world.expressions import Item, Request
from tests.faults.world.tables import Table, item_bytes

# How long alert's function works on a page of 8,000 names: 0.12 s of CPU to read them, of which its 512 MB are 0.29.
_NAMES_A_SECOND = 8_000 * 0.29 / 0.12


@dataclass
class FleetTable(Table):
    """`devices` are registered; `registered` says when each last uploaded by the registry, `uploaded` in truth.

    `works` lets time pass in which the function works on what it has read.
    """

    devices: list[str] = field(default_factory=list)
    registered: Callable[[str], datetime] = field(kw_only=True)
    uploaded: Callable[[str], datetime] = field(kw_only=True)
    works: Callable[[float], None] = field(kw_only=True)

    def __post_init__(self) -> None:
        self._names: dict[str, list[str]] = {f"#devices#{shard}": [] for shard in range(LEAST_PARTITIONS)}
        for name in sorted(self.devices):
            self._names[registry_partition(name)].append(name)

    def query(self, request: Request, *, stale: bool = False) -> dict[str, Any]:
        """Answer as the table does; a page of the registry at once, and let the work on it pass."""
        values = request["ExpressionAttributeValues"]
        if ":registry" not in values:
            return super().query(request, stale=stale)
        partition, after, limit = values[":registry"]["S"], request.get("ExclusiveStartKey"), request["Limit"]
        names = self._names[partition]
        start = bisect_right(names, after["reading_id"]["S"]) if after else bisect_left(names, values[":from"]["S"])
        found = names[start : start + limit]
        items = [self._registration(partition, name) for name in found]
        self._charge(sum(map(item_bytes, items)), consistent=False)
        self.works(len(items) / _NAMES_A_SECOND)
        last = {"device_id": {"S": partition}, "reading_id": {"S": found[-1]}} if len(found) == limit else None
        kept = [{name: item[name] for name in ("reading_id", "source", "uploaded_at")} for item in items]
        return {"Items": kept, "Count": len(kept), **({"LastEvaluatedKey": last} if last else {})}

    def _candidates(self, request: Request, *, stale: bool) -> list[Item]:
        """Return the one reading of a device."""
        device = request["ExpressionAttributeValues"].get(":device", {"S": ""})["S"]
        return [self._reading(device)] if device else []

    def _registration(self, partition: str, name: str) -> Item:
        return {
            "device_id": {"S": partition},
            "reading_id": {"S": name},
            "source": {"S": name.rpartition("-")[0]},
            "uploaded_at": {"S": timestamp(self.registered(name))},
            "expires_at": {"N": "1798761600"},
        }

    def _reading(self, device: str) -> Item:
        at = timestamp(self.uploaded(device))
        return {
            "device_id": {"S": device},
            "reading_id": {"S": f"{at}#{'0' * 16}"},
            "uploaded_at": {"S": at},
            "metrics": {"M": {"temperature": {"N": "20"}}},
        }
