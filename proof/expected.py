"""What must come of the uploads, read anew: no code of the functions, only the contract of the readings' format.

Good records and bad ones, the readings they are, and the breaches they hold, from the bytes of the objects.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from proof.world import Object

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")
_GRAVITY = {"warning": 1, "critical": 2}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A reading by its content: `metrics`, `units`, `tags` as sorted pairs, `at` as text in UTC with microseconds."""

    device: str
    at: str
    metrics: tuple[tuple[str, Decimal], ...]
    units: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Breach:
    """The gravest thing an object says of one metric of one device.

    `last_at` is the time of its last breaching reading, as the device stamped it but never after its upload.
    """

    device: str
    metric: str
    gravity: int
    last_at: str


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What one object must come to."""

    stored: Object
    readings: frozenset[Reading]
    bad: tuple[bytes, ...]
    breaches: tuple[Breach, ...]


def expected(stored: Object, *, thresholds: Sequence[str]) -> Expected:
    """Read an object: a JSON array, one value, or a value a line, gzipped or not.

    `thresholds` are all documents that were in force: what is a breach by each of them must be told.
    """
    body = gzip.decompress(stored.body) if stored.body[:2] == b"\x1f\x8b" else stored.body
    good, bad = [], []
    for raw in _records(body):
        reading = _reading(raw)
        if reading is None:
            bad.append(raw)
        else:
            good.append(reading)
    breaches = _breaches(good, [json.loads(text) for text in thresholds], uploaded=_text(stored.at))
    return Expected(stored=stored, readings=frozenset(good), bad=tuple(bad), breaches=breaches)


def newest(objects: Sequence[Expected]) -> list[Reading]:
    """Return each device's newest reading: by its stamp, or its upload if that was earlier, then by its stamp."""
    found: dict[str, tuple[str, Reading]] = {}
    for each in objects:
        for reading in each.readings:
            counted = min(reading.at, _text(each.stored.at))
            known = found.get(reading.device)
            if known is None or (counted, reading.at) > (known[0], known[1].at):
                found[reading.device] = (counted, reading)
    return [reading for _, reading in found.values()]


def is_clear(metric: str, value: Decimal, document: str) -> bool:
    """Return whether a value ends the metric's alert."""
    clear = json.loads(document)["metrics"].get(metric, {}).get("clear", {})
    below, above = clear.get("below"), clear.get("above")
    return (below is not None and value < below) or (above is not None and value > above)


def pairs(texts: dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Return units or tags in an order of their own."""
    return tuple(sorted((texts or {}).items()))


def _records(body: bytes) -> list[bytes]:
    try:
        whole = json.loads(body)
    except ValueError:
        return [line for line in body.splitlines() if line.strip()]
    return [json.dumps(record).encode() for record in whole] if isinstance(whole, list) else [body]


def _reading(raw: bytes) -> Reading | None:
    try:
        record = json.loads(raw)
        at = datetime.fromisoformat(record["timestamp"])
        metrics = {name: _number(value) for name, value in record["metrics"].items()}
        if at.tzinfo is None or not metrics or not all(map(_NAME.fullmatch, (record["device_id"], *metrics))):
            return None
        return Reading(
            device=record["device_id"],
            at=_text(at),
            metrics=tuple(sorted(metrics.items())),
            units=pairs(record.get("units")),
            tags=pairs(record.get("tags")),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _number(value: Any) -> Decimal:
    if not isinstance(value, int | float):
        raise TypeError
    return Decimal(int(value) if isinstance(value, bool) else repr(value))


def _breaches(readings: list[Reading], documents: list[dict[str, Any]], *, uploaded: str) -> tuple[Breach, ...]:
    found: dict[tuple[str, str], Breach] = {}
    for reading in readings:
        for metric, value in reading.metrics:
            gravity = min(_gravity(document["metrics"].get(metric, {}), value) for document in documents)
            if gravity:
                known = found.get((reading.device, metric))
                found[reading.device, metric] = Breach(
                    device=reading.device,
                    metric=metric,
                    gravity=max(gravity, known.gravity if known else 0),
                    last_at=max(min(reading.at, uploaded), known.last_at if known else ""),
                )
    return tuple(found.values())


def _gravity(rule: dict[str, Any], value: Decimal) -> int:
    crossed = [
        _GRAVITY[severity]
        for severity in _GRAVITY
        for side, limit in rule.get(severity, {}).items()
        if (value > Decimal(repr(limit)) if side == "above" else value < Decimal(repr(limit)))
    ]
    return max(crossed, default=0)
