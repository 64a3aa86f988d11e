"""The uploads of a stage's devices, read back from the readings table: a Query a device, several at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from lambdas.alert.adapters.codec import number
from lambdas.alert.adapters.registry import Registry
from lambdas.ingest.decoding.reading import Reading
from lambdas.shared.times import stamped_time, time_of, timestamp
from sensorctl.backtest.uploads import Upload, in_order

AT_ONCE = 16
# Devices of which a first page is read, to say beforehand what all will cost.
_SAMPLED = 20


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What reading will take, at most roughly; `read_units` is 0 where this AWS does not report them."""

    readings: int
    read_units: int


@dataclass(frozen=True, kw_only=True)
class StoredDevice:
    """One device's uploads, and the read units that it took to read them (None: files cost nothing)."""

    device_id: str
    uploads: Sequence[Upload]
    read_units: float | None = None


class StoredReadings:
    """Reads a stage's readings that were taken from `since` on; eventually consistent reads, at half the price."""

    def __init__(self, dynamodb: Any, *, table: str, since: datetime) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._since = since

    def devices(self, pattern: str) -> list[str]:
        """Return the ids of the registered devices that match, sorted; one without * or ? names itself."""
        if not set(pattern) & set("*?["):
            return [pattern]
        pages = Registry(self._dynamodb, table=self._table).walk()
        return [device.key for devices in pages for device in devices if fnmatchcase(device.key, pattern)]

    def estimate(self, devices: Sequence[str], *, now: datetime) -> Estimate:
        """Read the first page of some of the devices, and say from them what all will take."""
        sampled = devices[:: max(1, len(devices) // _SAMPLED)][:_SAMPLED]
        readings, units = 0.0, 0.0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for page in pool.map(lambda device_id: next(self._pages(device_id)), sampled):
                share = 1.0
                if "LastEvaluatedKey" in page and page["Items"]:
                    covered = stamped_time(page["Items"][-1]["reading_id"]["S"]) - self._since
                    share = min(1.0, max(covered / (now - self._since), 0.001))
                readings += len(page["Items"]) / share
                units += _units(page) / share
        scale = len(devices) / max(1, len(sampled))
        return Estimate(readings=round(readings * scale), read_units=round(units * scale))

    def read(self, devices: Sequence[str]) -> Iterator[StoredDevice]:
        """Yield each device's uploads, in their order; some are read ahead while one is looked at."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = iter(devices)
            ahead = deque(pool.submit(self._device, device_id) for device_id in islice(waiting, AT_ONCE))
            while ahead:
                yield ahead.popleft().result()
                ahead += [pool.submit(self._device, device_id) for device_id in islice(waiting, 1)]

    def _device(self, device_id: str) -> StoredDevice:
        by_object: dict[tuple[datetime, str, str], list[Reading]] = {}
        units = 0.0
        for page in self._pages(device_id):
            units += _units(page)
            for item in page["Items"]:
                stamped_at = stamped_time(item["reading_id"]["S"])
                uploaded_at = time_of(item["uploaded_at"]["S"]) if "uploaded_at" in item else stamped_at
                source = item["source"]["M"]
                of = uploaded_at, source["key"]["S"], source["version_id"]["S"]
                by_object.setdefault(of, []).append(_reading(device_id, stamped_at, item))
        uploads = [Upload(*of, tuple(readings)) for of, readings in by_object.items()]
        return StoredDevice(device_id=device_id, uploads=in_order(uploads), read_units=units)

    def _pages(self, device_id: str) -> Iterator[dict[str, Any]]:
        pages: Iterator[dict[str, Any]] = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="device_id = :device AND reading_id >= :since",
            ProjectionExpression="reading_id, uploaded_at, #metrics, #units, #source",
            ExpressionAttributeNames={"#metrics": "metrics", "#units": "units", "#source": "source"},
            ExpressionAttributeValues={":device": {"S": device_id}, ":since": {"S": timestamp(self._since)}},
            ReturnConsumedCapacity="TOTAL",
        )
        return iter(pages)


def _reading(device_id: str, stamped_at: datetime, item: dict[str, Any]) -> Reading:
    units = item["units"]["M"] if "units" in item else None
    return Reading(
        device_id=device_id,
        timestamp=stamped_at,
        metrics={name: number(value["N"]) for name, value in item["metrics"]["M"].items()},
        units={name: unit["S"] for name, unit in units.items()} if units else None,
    )


def _units(page: dict[str, Any]) -> float:
    return float(page.get("ConsumedCapacity", {}).get("CapacityUnits", 0))
