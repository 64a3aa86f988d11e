"""The native form: bytes of records in, readings out; a whole block at C speed, or one record with its reason. Pure.

A block is decoded by msgspec and checked as a whole. Anything unusual about it (an id not seen before is not) sends
it the slow way, record by record, which alone knows reasons. What the fast way takes, the slow way takes too, with
the same result: a property test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain

import msgspec

from lambdas.ingest.decoding import strict_json, timestamps
from lambdas.ingest.decoding.identifiers import Names, check_device_id, check_metric
from lambdas.ingest.decoding.limits import MAX_FUTURE_SKEW, MAX_METRICS, Limits
from lambdas.ingest.decoding.numbers import check_value
from lambdas.ingest.decoding.reading import Reading, RecordError, TolerantReading
from lambdas.shared.numbers import SMALLEST

_LINES: dict[bool, Callable[[bytes], list[Reading]]] = {
    False: msgspec.json.Decoder(Reading).decode_lines,
    True: msgspec.json.Decoder(TolerantReading).decode_lines,  # type: ignore[dict-item]
}
_ARRAY: dict[bool, Callable[[bytes], list[Reading]]] = {
    False: msgspec.json.Decoder(list[Reading]).decode,
    True: msgspec.json.Decoder(list[TolerantReading]).decode,  # type: ignore[dict-item]
}
_MEMBERS = frozenset(Reading.__struct_fields__)
_ONLY_UTC = {UTC}
# Within these a value needs no closer look: all 38-digit integers are inside, and so is every float of use.
_ORDINARY = 10**38
# ISO 8601 has +0530, RFC 3339 has not.
_BASIC_OFFSET = re.compile(rb'[+-][0-9]{4}"')
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'{}[]"\\'))


class NativeReader:
    """Reads records of one object; `now` is when it was uploaded."""

    def __init__(self, *, now: datetime, limits: Limits) -> None:
        self._now = now
        self._limits = limits
        self._names = Names()
        self._tolerant = False

    def block(self, block: bytes, *, lines: bool) -> tuple[list[Reading], int] | None:
        """Return the readings of a block and how many records they were, or None if it needs the slow way.

        `lines` tells a sequence of JSON values from the inside of an array.
        """
        try:
            decode = (_LINES if lines else _ARRAY)[self._tolerant]
            readings = decode(block if lines else b"[" + block + b"]")
            if not block.isascii():
                block.decode()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if self._tolerant and not _is_shallow(block, self._limits.nesting):
            return None
        if readings and not self._ordinary(readings, block):
            return None
        timely = self._timely(readings, block)
        return None if timely is None else (timely, len(timely))

    def record(self, raw: bytes) -> Reading:
        """Return the one reading in `raw`. Raises RecordError."""
        fast = self.block(raw, lines=True)
        return fast[0][0] if fast is not None else self.value(strict_json.parse(raw, nesting=self._limits.nesting))

    def value(self, value: object) -> Reading:
        """Return the reading that a parsed JSON value is. Raises RecordError."""
        if not isinstance(value, dict):
            raise RecordError("not_a_reading", "it is JSON, but not an object")
        if not value.keys() <= _MEMBERS:
            self._tolerant = True
        return Reading(
            device_id=check_device_id(value.get("device_id")),
            timestamp=timestamps.check_not_ahead(timestamps.parse(value.get("timestamp")), now=self._now),
            metrics=_metrics(value.get("metrics")),
            units=_texts(value.get("units"), "units"),
            tags=_texts(value.get("tags"), "tags"),
        )

    def _ordinary(self, readings: list[Reading], block: bytes) -> bool:
        """Check names and values, all of a block at once: that is what makes it fast."""
        metrics = [reading.metrics for reading in readings]
        devices = {reading.device_id for reading in readings}
        if not self._names.all_good(devices=devices, metrics=set().union(*metrics)):
            return False
        values = list(chain.from_iterable(map(dict.values, metrics)))
        if min(values) <= -_ORDINARY or max(values) >= _ORDINARY:
            return False
        tiny = [value for value in values if -SMALLEST < value < SMALLEST]
        return not (tiny and (any(tiny) or strict_json.may_underflow(block)))

    def _timely(self, readings: list[Reading], block: bytes) -> list[Reading] | None:
        """Return the readings with their times in UTC, or None if a time needs a closer look."""
        if not {reading.timestamp.tzinfo for reading in readings} <= _ONLY_UTC:
            if _BASIC_OFFSET.search(block):
                return None
            try:
                readings = [_in_utc(reading) for reading in readings]
            except OverflowError:
                return None
        latest = max([reading.timestamp for reading in readings], default=self._now)
        return readings if latest - self._now <= MAX_FUTURE_SKEW else None


def _in_utc(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, timestamp=reading.timestamp.astimezone(UTC))


def _metrics(value: object) -> dict[str, int | float]:
    if not isinstance(value, dict) or not value:
        raise RecordError("no_metrics", "metrics is missing, empty or not an object of numbers")
    if len(value) > MAX_METRICS:
        raise RecordError("too_many_metrics", f"metrics holds {len(value)} entries; at most {MAX_METRICS} are allowed")
    return {check_metric(name): check_value(number, name) for name, number in value.items()}


def _texts(value: object, member: str) -> dict[str, str] | None:
    if value is None:
        return None
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()) and "" not in value:
        return value
    raise RecordError(
        "invalid_units" if member == "units" else "invalid_tags",
        f"{member} must be an object of strings, each with a name",
    )


def _is_shallow(block: bytes, nesting: int) -> bool:
    """Tell whether no value is nested deeper than `nesting`, by taking away innermost pairs of brackets that often."""
    structure = block.translate(_ONE_KIND, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in structure or b"\\" in structure:
        structure = _STRING.sub(b"", block).translate(_ONE_KIND, _NOT_STRUCTURE)
    for _ in range(nesting):
        structure = structure.replace(b"{}", b"")
    return not structure
