"""The native form, and the flat one: records in, readings out; a block at C speed, or one record with its reasons.

A block is decoded by msgspec and checked as a whole. Anything unusual about it (an id not seen before is not) sends it
the slow way, record by record, which alone knows reasons. What the fast way takes, the slow way takes too, with the
same result: a property test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import chain

import msgspec

from lambdas.ingest.decoding.content import strict_json
from lambdas.ingest.decoding.limits import MAX_FUTURE_SKEW, MAX_METRICS, Limits
from lambdas.ingest.decoding.reading import Problem, Reading, Reason, RecordError, TolerantReading, UnclockedReading
from lambdas.ingest.decoding.values import timestamps
from lambdas.ingest.decoding.values.identifiers import Names, check_device_id, check_metric
from lambdas.ingest.decoding.values.numbers import Unusable, check_value, described, is_number
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
_FIRST_SEAM = re.compile(rb"\}([ \t\r\n,]*+)\{")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'{}[]"\\'))


class NativeReader:
    """Reads records of one object, which was uploaded at `now`."""

    def __init__(self, *, now: datetime, limits: Limits) -> None:
        self._now = now
        self._limits = limits
        self._names = Names()
        self._tolerant = False

    def block(self, block: bytes) -> list[Reading] | None:
        """Return the readings of a block of objects, one a record, or None if it needs the slow way."""
        seam = _FIRST_SEAM.search(block)
        array = seam is not None and b"," in seam[1]
        try:
            readings = (_ARRAY if array else _LINES)[self._tolerant](b"[" + block + b"]" if array else block)
            if not block.isascii():
                block.decode()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if self._tolerant and not is_shallow(block, self._limits.nesting):
            return None
        return self.checked(readings, block)

    def record(self, record: dict[str, object], problems: list[Problem]) -> Reading:
        """Return the reading of one record, and add what is wrong with single members of it to `problems`.

        Without `metrics` it is flat: each number beside the known members is a metric. Raises RecordError.
        """
        if not record.keys() <= _MEMBERS:
            self._tolerant = True
        return make_reading(
            check_device_id(record.get("device_id")),
            timestamps.settled(timestamps.parse(record.get("timestamp")), uploaded_at=self._now),
            _numbers(_metrics(record), problems),
            units=texts(record.get("units"), "units", problems),
            tags=texts(record.get("tags"), "tags", problems),
        )

    def checked(self, readings: list[Reading], block: bytes) -> list[Reading] | None:
        """Return the readings that were made of a block, or None as `block` does."""
        return self._timely(readings) if readings and self._ordinary(readings, block) else None

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
        return not (tiny and (any(tiny) or strict_json.has_unusual_numbers(block)))

    def _timely(self, readings: list[Reading]) -> list[Reading] | None:
        """Return the readings with their times in UTC, or None if a time needs a closer look."""
        times = [reading.timestamp for reading in readings]
        if not {time.tzinfo for time in times} <= _ONLY_UTC:
            try:
                readings = [_in_utc(reading) for reading in readings]
            except OverflowError:
                return None
            times = [reading.timestamp for reading in readings]
        return (
            readings if max(times) - self._now <= MAX_FUTURE_SKEW and min(times) >= timestamps.CLOCK_SET_FROM else None
        )


def make_reading(
    device_id: str,
    times: timestamps.Times,
    metrics: dict[str, int | float],
    *,
    units: dict[str, str] | None,
    tags: dict[str, str] | None = None,
) -> Reading:
    """Return the reading of parts that were checked."""
    timestamp, device_time = times
    if device_time is None:
        return Reading(device_id, timestamp, metrics, units, tags)
    return UnclockedReading(device_id, timestamp, metrics, units, tags, device_time=device_time)


def _in_utc(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, timestamp=reading.timestamp.astimezone(UTC))


def _metrics(record: dict[str, object]) -> Mapping[str, object]:
    if "metrics" not in record:
        flat = {name: value for name, value in record.items() if name not in _MEMBERS and _is_numeric(value)}
        if not flat and (envelope := next((name for name, value in record.items() if _is_envelope(value)), None)):
            raise RecordError(
                "no_metrics", f"it is an envelope with a member {envelope[:64]!a}: describe it in mappings.json"
            )
        return flat
    metrics = record["metrics"]
    if not isinstance(metrics, dict):
        raise RecordError("no_metrics", f"metrics is {described(metrics)}, not an object of numbers")
    return metrics


def _numbers(metrics: Mapping[str, object], problems: list[Problem]) -> dict[str, int | float]:
    """Return the good metrics; the bad ones go to `problems`. Raises RecordError."""
    if len(metrics) > MAX_METRICS:
        raise RecordError("too_many_metrics", f"it has {len(metrics)} metrics; at most {MAX_METRICS} are allowed")
    good: dict[str, int | float] = {}
    for name, value in metrics.items():
        try:
            good[check_metric(name)] = check_value(value, name)
        except RecordError as error:
            problems.append(error.problem)
    if not good:
        raise RecordError("no_metrics", "none of its metrics is good" if metrics else "it has no metrics")
    return good


def _is_numeric(value: object) -> bool:
    return is_number(value) or isinstance(value, Unusable)


def _is_envelope(value: object) -> bool:
    return isinstance(value, list | dict) and bool(value)


def texts(value: object, member: str, problems: list[Problem]) -> dict[str, str] | None:
    """Return units or tags as texts: a number or boolean in JSON's words; null is as if absent."""
    if not isinstance(value, dict):
        if value is not None:
            problems.append(_bad_text(member, f"{member} is {described(value)}, not an object of texts"))
        return None
    good = {}
    for name, text in value.items():
        if isinstance(text, str | int | float) and name:
            good[name] = text if isinstance(text, str) else msgspec.json.encode(text).decode()
        elif text is not None:
            what = f"is {described(text)}, not text" if name else "has no name"
            problems.append(_bad_text(f"{member}.{name}", f"{member}.{name[:64]!a} {what}"))
    return good


def _bad_text(member: str, detail: str) -> Problem:
    reason: Reason = "invalid_units" if member.startswith("units") else "invalid_tags"
    return Problem(reason, detail, member)


def is_shallow(block: bytes, nesting: int) -> bool:
    """Return whether nothing is nested deeper than `nesting`, by taking away innermost pairs of brackets that often."""
    structure = block.translate(_ONE_KIND, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in structure or b"\\" in structure:
        structure = _STRING.sub(b"", block).translate(_ONE_KIND, _NOT_STRUCTURE)
    for _ in range(nesting):
        structure = structure.replace(b"{}", b"")
    return not structure
