"""Which devices have ever reported, and the newest reading of each: one Query for each device, several at once."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambdas.alert.readings import CLOCK_SKEW, Readings
from lambdas.shared.times import timestamp
from sensorctl.embedded.access import Access
from sensorctl.pipeline import Pipeline

_AT_ONCE = 16
# Sorts right behind '#', which parts the timestamp from the hash in a reading_id.
_PAST = "$"


@dataclass(frozen=True, kw_only=True)
class LastReading:
    """A device's newest reading: when it was taken and uploaded, and which of its metrics were out of bounds."""

    taken_at: datetime
    uploaded_at: datetime
    breaching: tuple[str, ...] = ()


def last_readings(access: Access, pipeline: Pipeline, *, now: datetime) -> dict[str, LastReading | None]:
    """Return every registered device with its newest reading; None when it has none (any more).

    A reading stamped more than five minutes after `now` does not count, as in the sweep.
    """
    dynamodb, table = access.client("dynamodb", pool=_AT_ONCE), pipeline.readings_table
    devices = sorted(device.key for device, _ in Readings(dynamodb, table=table).devices())
    return dict(_newest(dynamodb, table=table, devices=devices, now=now))


def _newest(
    dynamodb: Any, *, table: str, devices: list[str], now: datetime
) -> Iterable[tuple[str, LastReading | None]]:
    until = timestamp(now + CLOCK_SKEW) + _PAST

    def of(device_id: str) -> LastReading | None:
        page = dynamodb.query(
            TableName=table,
            KeyConditionExpression="device_id = :device AND reading_id <= :until",
            ProjectionExpression="reading_id, uploaded_at, breaches",
            ExpressionAttributeValues={":device": {"S": device_id}, ":until": {"S": until}},
            ScanIndexForward=False,
            Limit=1,
        )
        return _read(page["Items"][0]) if page["Items"] else None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return zip(devices, pool.map(of, devices), strict=True)


def _read(item: dict[str, Any]) -> LastReading:
    taken_at = datetime.fromisoformat(item["reading_id"]["S"].partition("#")[0]).astimezone(UTC)
    uploaded = item.get("uploaded_at")
    return LastReading(
        taken_at=taken_at,
        uploaded_at=datetime.fromisoformat(uploaded["S"]).astimezone(UTC) if uploaded else taken_at,
        breaching=tuple(breach["M"]["metric"]["S"] for breach in item.get("breaches", {}).get("L", ())),
    )
