"""Readings in, DynamoDB items out, each under a key made of its own content.

The same reading has the same key on every delivery and in every form, so writing it again changes nothing, and two
different readings of one time are both kept. The key is of the reading as it was sent, including
members that are not stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import msgspec

from lambdas.ingest.decoding.reading import Reading, UnclockedReading
from lambdas.ingest.decoding.values.numbers import number_text
from lambdas.ingest.decoding.values.timestamps import texts
from lambdas.ingest.domain.breaches import Breach, Judgement
from lambdas.shared.events import ObjectRef

Item = dict[str, Any]

_HASH_DIGITS = 16
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where and when readings came from; `expires_at` counts seconds from 1970."""

    source: ObjectRef
    uploaded_at: str
    trace_id: str | None
    expires_at: int | None

    def attributes(self) -> Item:
        """Return what every item of the object shares."""
        source = {"bucket": self.source.bucket, "key": self.source.key, "version_id": self.source.version_id}
        attributes: Item = {
            "source": {"M": {name: {"S": value} for name, value in source.items()}},
            "uploaded_at": {"S": self.uploaded_at},
        }
        if self.trace_id is not None:
            attributes["trace_id"] = {"S": self.trace_id}
        if self.expires_at is not None:
            attributes["expires_at"] = {"N": str(self.expires_at)}
        return attributes


def reading_id(reading: Reading, time: str) -> str:
    """Return the sort key: the time, then 16 hex digits of the SHA-256 of the canonical reading."""
    return _identified(reading, time, {name: number_text(value) for name, value in reading.metrics.items()})


def items(readings: Sequence[Reading], times: Sequence[str], judgement: Judgement, *, origin: Origin) -> list[Item]:
    """Return one item for each distinct reading; BatchWriteItem refuses a batch that names a key twice.

    An implausible metric is left out, and so is a reading that has no other.
    """
    shared = origin.attributes()
    breaches, implausible = judgement.breaches, judgement.implausible
    items_by_key: dict[tuple[str, str], Item] = {}
    for place, (reading, time) in enumerate(zip(readings, times, strict=True)):
        numbers = {name: number_text(value) for name, value in reading.metrics.items()}
        key = _identified(reading, time, numbers)
        if place in implausible:
            numbers = _without(numbers, implausible[place])
            if not numbers:
                continue
        item: Item = {
            "device_id": {"S": reading.device_id},
            "reading_id": {"S": key},
            "metrics": {"M": {name: {"N": number} for name, number in numbers.items()}},
            **shared,
        }
        if reading.units:
            item["units"] = _texts(reading.units)
        if reading.tags:
            item["tags"] = _texts(reading.tags)
        if isinstance(reading, UnclockedReading):
            item["device_time"] = {"S": texts([reading.device_time])[0]}
        if place in breaches:
            item["breaches"] = {"L": [_breach(breach) for breach in breaches[place]]}
        items_by_key[reading.device_id, key] = item
    return list(items_by_key.values())


def _identified(reading: Reading, time: str, numbers: dict[str, str]) -> str:
    """Hash JSON with sorted members, no blanks, and numbers as DynamoDB's text of them, so that 1 and 1.0 are one."""
    canonical: dict[str, object] = {"device_id": reading.device_id, "metrics": numbers, "timestamp": time}
    if reading.units:
        canonical["units"] = reading.units
    if reading.tags:
        canonical["tags"] = reading.tags
    if isinstance(reading, UnclockedReading):
        canonical["device_time"] = texts([reading.device_time])[0]
    return f"{time}#{hashlib.sha256(_encode(canonical)).hexdigest()[:_HASH_DIGITS]}"


def _without(numbers: dict[str, str], left_out: Set[str]) -> dict[str, str]:
    return {name: number for name, number in numbers.items() if name not in left_out}


def _texts(texts: Mapping[str, str]) -> Item:
    return {"M": {name: {"S": text} for name, text in texts.items()}}


def _breach(breach: Breach) -> Item:
    members = {
        "metric": {"S": breach.metric},
        "severity": {"S": breach.crossing.severity},
        "bound": {"S": breach.crossing.bound},
        "limit": {"N": number_text(breach.crossing.limit)},
    }
    if breach.value is not None and breach.unit is not None:
        members |= {"value": {"N": number_text(breach.value)}, "unit": {"S": breach.unit}}
    return {"M": members}
