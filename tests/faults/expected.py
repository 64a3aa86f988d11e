"""What must result from the uploads: no code of the functions, only the contract of the readings' format.

The readings that the records of an object are, and the breaches they hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

from tests.faults.world.world import Object

_SEVERITIES = {"warning": 1, "critical": 2}

Event = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A reading by its content: `metrics`, `units`, `tags` as sorted pairs, `at` as text in UTC with microseconds."""

    device: str
    at: str
    metrics: tuple[tuple[str, Decimal], ...]
    units: Pairs = ()
    tags: Pairs = ()


@dataclass(frozen=True, kw_only=True)
class Breach:
    """The most severe breach of a metric of a device in an object.

    `last_at` is the time of its last breaching reading, as the device stamped it but never after its upload.
    """

    device: str
    metric: str
    severity: int
    last_at: str


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What must be stored and mailed of an object."""

    stored: Object
    readings: frozenset[Reading]
    bad: tuple[bytes, ...]
    breaches: tuple[Breach, ...]

    def is_notified_by(self, event: Event) -> bool:
        """Return whether a notification of S3 is about the object."""
        objects = [record["s3"]["object"] for record in event.get("Records", [])]
        return (self.stored.key, self.stored.version) in {
            (unquote_plus(found["key"]), found["versionId"]) for found in objects
        }

    def is_reported_by(self, event: Event, breach: Breach | None) -> bool:
        """Return whether an event of the bus is about the object and this breach, or (None) its rejected records."""
        detail = event.get("detail", {})
        source = detail.get("object", {})
        if (source.get("key"), source.get("version_id")) != (self.stored.key, self.stored.version):
            return False
        if breach is None:
            return bool(event["detail-type"] == "ReadingsRejected")
        return (detail.get("device_id"), detail.get("metric")) == (breach.device, breach.metric)


def expected(stored: Object, *, thresholds: Sequence[str]) -> Expected:
    """Return what must be stored and mailed of an object; records that are bytes are bad ones.

    `thresholds` are all documents that were in force: what is a breach by each of them must be mailed.
    """
    good = [_reading(record) for record in stored.records if not isinstance(record, bytes)]
    return Expected(
        stored=stored,
        readings=frozenset(good),
        bad=tuple(record for record in stored.records if isinstance(record, bytes)),
        breaches=_breaches(good, [json.loads(text) for text in thresholds], uploaded=_text(stored.at)),
    )


def newest(objects: Sequence[Expected]) -> list[Reading]:
    """Return each device's newest reading: by its stamp, or its upload if that was earlier, then by its stamp."""
    found: dict[str, tuple[tuple[str, str], Reading]] = {}
    for item in objects:
        for reading in item.readings:
            age = min(reading.at, _text(item.stored.at)), reading.at
            if reading.device not in found or age > found[reading.device][0]:
                found[reading.device] = age, reading
    return [reading for _, reading in found.values()]


def is_clear(metric: str, value: Decimal, document: str) -> bool:
    """Return whether a value ends the metric's alert."""
    return _is_past(value, json.loads(document)["metrics"].get(metric, {}).get("clear", {}))


def pairs(texts: Mapping[str, str] | None) -> Pairs:
    """Return units or tags in an order of their own."""
    return tuple(sorted((texts or {}).items()))


def _reading(record: Mapping[str, Any]) -> Reading:
    return Reading(
        device=record["device_id"],
        at=_text(datetime.fromisoformat(record["timestamp"])),
        metrics=tuple(sorted((name, Decimal(repr(+value))) for name, value in record["metrics"].items())),
        units=pairs(record.get("units")),
        tags=pairs(record.get("tags")),
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _breaches(readings: list[Reading], documents: list[dict[str, Any]], *, uploaded: str) -> tuple[Breach, ...]:
    found: dict[tuple[str, str], Breach] = {}
    for reading in readings:
        for metric, value in reading.metrics:
            severity = min(_severity(document["metrics"].get(metric, {}), value) for document in documents)
            if severity:
                known = found.get((reading.device, metric))
                found[reading.device, metric] = Breach(
                    device=reading.device,
                    metric=metric,
                    severity=max(severity, known.severity if known else 0),
                    last_at=max(min(reading.at, uploaded), known.last_at if known else ""),
                )
    return tuple(found.values())


def _severity(rule: dict[str, Any], value: Decimal) -> int:
    return max((rank for name, rank in _SEVERITIES.items() if _is_past(value, rule.get(name, {}))), default=0)


def _is_past(value: Decimal, bounds: Mapping[str, float]) -> bool:
    return any(
        value > Decimal(repr(limit)) if side == "above" else value < Decimal(repr(limit))
        for side, limit in bounds.items()
    )
