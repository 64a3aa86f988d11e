"""What the ingest tests share: decoding bytes in one call, and readings as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambdas.ingest.decoding.limits import DEFAULT, Limits
from lambdas.ingest.decoding.mapping.mappings import Mappings
from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.decoding.reading import Reading, Reject
from lambdas.ingest.decoding.values.timestamps import texts

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
TIME = "2026-11-22T10:00:00Z"


@dataclass(frozen=True)
class Decoded:
    form: str
    packed: bool
    readings: list[Reading]
    rejects: list[Reject]
    largest_batch: int

    @property
    def reasons(self) -> list[str]:
        return [reject.reason for reject in self.rejects]

    @property
    def members(self) -> list[str | None]:
        return [reject.member for reject in self.rejects]

    @property
    def positions(self) -> list[str]:
        return [reject.position for reject in self.rejects]

    @property
    def devices(self) -> list[str]:
        return [reading.device_id for reading in self.readings]


def decode(
    data: bytes,
    *,
    chunk: int = 64 * 1024,
    limits: Limits = DEFAULT,
    now: datetime = NOW,
    key: str = "",
    mappings: Mappings | None = None,
) -> Decoded:
    chunks = (data[at : at + chunk] for at in range(0, len(data), chunk))
    payload = Payload(chunks, now=now, key=key, mappings=mappings, limits=limits)
    readings: list[Reading] = []
    rejects: list[Reject] = []
    largest = 0
    for batch in payload:
        readings += batch.readings
        rejects += batch.rejects
        largest = max(largest, len(batch.readings) + len(batch.rejects))
    return Decoded(payload.form, payload.packed, readings, rejects, largest)


def record(device_id: Any = "boiler-7", timestamp: Any = TIME, **members: Any) -> dict[str, Any]:
    return {"device_id": device_id, "timestamp": timestamp, "metrics": {"temperature": 20.5}, **members}


def text(*args: Any, **members: Any) -> bytes:
    return json.dumps(record(*args, **members)).encode()


def plain(reading: Reading) -> tuple[str, str, dict[str, Any], dict[str, str], dict[str, str]]:
    """All that a reading is, comparable whichever way it was decoded."""
    return (
        reading.device_id,
        texts([reading.timestamp])[0],
        dict(reading.metrics),
        reading.units or {},
        reading.tags or {},
    )
