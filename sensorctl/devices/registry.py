"""Which devices have ever reported, and when each last did: by its newest reading, or in a large fleet by the registry.

The registry's pages say when each device last uploaded, up to a third of its `silent_after` late (an hour, if it has
none). That is exact enough for those of a large fleet that report; who seems silent is asked for its readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from typing import Any

from lambdas.alert.adapters.reading_query import CLOCK_SKEW, HORIZON
from lambdas.alert.adapters.registry import Device, Registry
from lambdas.alert.domain.silence import is_silent
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import stamped_time, time_of, timestamp
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline

_AT_ONCE = 16
# So many are asked for their newest reading, one Query for each, however large the fleet is; and all that seem silent.
_ASKED = 500
# Sorts right behind '#', which parts the timestamp from the hash in a reading_id.
_PAST = "$"


@dataclass(frozen=True, kw_only=True)
class LastReading:
    """A device's newest reading: its stamp, when it was uploaded, and which of its metrics were out of bounds.

    `clock_set` is False where the device's own time lay before 2000; the stamp is then the upload's. `is_exact` is
    False where only the registry was asked: an upload then, and perhaps later ones.
    """

    stamped_at: datetime
    uploaded_at: datetime
    clock_set: bool = True
    breaching: tuple[str, ...] = ()
    is_exact: bool = True

    @property
    def at(self) -> datetime:
        """Return the time that counts, as in the sweep: the earlier of stamp and upload."""
        return min(self.stamped_at, self.uploaded_at)

    @property
    def ahead(self) -> timedelta:
        """Return how far the device's clock is ahead; nothing within the five minutes that clocks may differ."""
        ahead = self.stamped_at - self.uploaded_at
        return ahead if ahead > CLOCK_SKEW else timedelta(0)


def registered(dynamodb: Any, *, table: str) -> list[str]:
    """Return the ids of all devices that have ever reported, sorted."""
    return [device.key for devices in Registry(dynamodb, table=table).walk() for device in devices]


def last_readings(
    access: Access, pipeline: Pipeline, *, thresholds: Thresholds | None, now: datetime
) -> dict[str, LastReading | None]:
    """Return every registered device with its newest reading; None when it has none (any more).

    Where the newest stamp lies ahead of `now`, the newest of those that do not is looked at too, and the last uploaded
    counts: a clock that was once a day ahead does not hide newer readings.
    """
    dynamodb, table = access.client("dynamodb", pool=_AT_ONCE), pipeline.readings_table
    devices = [device for devices in Registry(dynamodb, table=table).walk() for device in devices]
    asked = _asked(devices, thresholds=thresholds, now=now)

    def through(device_id: str, until: datetime) -> LastReading | None:
        page = dynamodb.query(
            TableName=table,
            KeyConditionExpression="device_id = :device AND reading_id <= :until",
            ProjectionExpression="reading_id, uploaded_at, breaches, device_time",
            ExpressionAttributeValues={":device": {"S": device_id}, ":until": {"S": timestamp(until) + _PAST}},
            ScanIndexForward=False,
            Limit=1,
        )
        return _read(page["Items"][0]) if page["Items"] else None

    def of(device_id: str) -> LastReading | None:
        newest = through(device_id, now + HORIZON)
        if newest is None or newest.stamped_at <= now + CLOCK_SKEW:
            return newest
        present = through(device_id, now + CLOCK_SKEW)
        return max(newest, present, key=lambda reading: reading.uploaded_at) if present is not None else newest

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        newest = dict(zip(asked, pool.map(of, asked), strict=True))
    return {device.key: newest[device.key] if device.key in newest else _as_registered(device) for device in devices}


def _asked(devices: Sequence[Device], *, thresholds: Thresholds | None, now: datetime) -> list[str]:
    """Return which devices to ask for their newest reading: all that seem silent, then those that uploaded last."""

    shortest = thresholds.shortest_silence_of_all if thresholds is not None else None
    in_time = timestamp(now - shortest) if shortest is not None else ""

    def seems_silent(device: Device) -> bool:
        if not device.uploaded_at:
            return True
        limit = thresholds.silent_after(device.key) if thresholds is not None and device.uploaded_at < in_time else None
        return limit is not None and is_silent(time_of(device.uploaded_at), limit=limit, now=now)

    silent = {device.key for device in devices if seems_silent(device)}
    others = [device for device in devices if device.key not in silent]
    room = max(_ASKED - len(silent), 0)
    return [*silent, *(device.key for device in nlargest(room, others, key=lambda device: device.uploaded_at))]


def _as_registered(device: Device) -> LastReading:
    at = time_of(device.uploaded_at)
    return LastReading(stamped_at=at, uploaded_at=at, is_exact=False)


def _read(item: dict[str, Any]) -> LastReading:
    stamped_at = stamped_time(item["reading_id"]["S"])
    uploaded = item.get("uploaded_at")
    return LastReading(
        stamped_at=stamped_at,
        uploaded_at=time_of(uploaded["S"]) if uploaded else stamped_at,
        clock_set="device_time" not in item,
        breaching=tuple(breach["M"]["metric"]["S"] for breach in item.get("breaches", {}).get("L", ())),
    )
