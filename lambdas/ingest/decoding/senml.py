"""SenML JSON packs (RFC 8428): records in, resolved readings out. Pure; no AWS SDK import.

Base fields hold from the record they stand in to the end of the pack, also when that record itself is rejected
(section 4.1). A field that ends in `_` and is not understood makes its record an error, all else unknown is ignored
(section 4.4). A relative time counts from the upload, so that every delivery of an object resolves to the same items.

One record makes one reading: a sensor that sends a wrong value then costs its neighbours nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from lambdas.ingest.decoding import strict_json, timestamps
from lambdas.ingest.decoding.identifiers import check_device_id, check_metric
from lambdas.ingest.decoding.limits import Limits
from lambdas.ingest.decoding.numbers import OUT_OF_RANGE, check_value, is_number
from lambdas.ingest.decoding.reading import Reading, RecordError

_VERSION = 10
_BASE_TEXTS = frozenset(("bn", "bu"))
_BASE_FIELDS = _BASE_TEXTS.union(("bt", "bv", "bs", "bver"))
# Without one of these a record only sets base fields.
_OWN_FIELDS = frozenset(("n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"))
_LABELS = _OWN_FIELDS.union(_BASE_FIELDS)
_UNSUPPORTED = {"vs": "a string", "vb": "a boolean", "vd": "data", "s": "a sum"}
_BASE_LABEL = re.compile(rb'"b(?:[ntuvs]|ver)"')
_DEVICE_URN = re.compile(r"(urn:dev:[^:/]+:[^:/]+)_([^:/_]+)")
_decode_array = msgspec.json.Decoder(list[dict[str, object]]).decode


class _Lost:
    """Stands for a base field whose value could not be read."""


_LOST: Final = _Lost()


def is_record(value: object) -> bool:
    """Tell whether a JSON value looks like a SenML record and not like a native reading."""
    return isinstance(value, dict) and "device_id" not in value and not _LABELS.isdisjoint(value)


def may_set_base(raw: bytes) -> bool:
    """Tell whether bytes that are not a JSON value name a base field."""
    return _BASE_LABEL.search(raw) is not None


@lru_cache(maxsize=10_000)
def split_name(name: str) -> tuple[str, str]:
    """Return device id and metric: what is before and after the last separator of a resolved name.

    RFC 8428 section 4.5.1 leaves the structure of names open. `:` and `/` separate first, since `_`, `.` and `-` are
    common inside a metric's own name (temp_max, pm2.5); a device URN has its parts after `_` (RFC 9039 section 3.2.1).
    Raises RecordError.
    """
    if urn := _DEVICE_URN.fullmatch(name):
        return _checked(name, urn[1], urn[2])
    for separators in (":/", "_", ".", "-"):
        at = max(map(name.rfind, separators))
        if at >= 0:
            return _checked(name, name[:at], name[at + 1 :])
    raise RecordError("invalid_device_id", f"the name {name[:64]!a} has no separator between device and metric")


def _checked(name: str, device_id: str, metric: str) -> tuple[str, str]:
    return check_device_id(device_id, f"the device in the name {name[:64]!a}"), check_metric(metric)


def _check_unknown(record: dict[str, object]) -> None:
    for field in record:
        if field.endswith("_"):
            raise RecordError("invalid_senml", f"the field {field[:64]!a} must be understood, and is not")
    if _LABELS.isdisjoint(record):
        raise RecordError("not_a_reading", "it has no SenML field")


class SenmlReader:
    """Reads the records of one pack, in order; `now` is when it was uploaded."""

    def __init__(self, *, now: datetime, limits: Limits, base_missed: bool) -> None:
        self._now = now
        self._limits = limits
        self._base: dict[str, object] = dict.fromkeys(sorted(_BASE_FIELDS), _LOST) if base_missed else {}

    def block(self, block: bytes, *, lines: bool) -> tuple[list[Reading], int] | None:
        """Return the readings of a stretch of the array and its number of records, or None if a record is bad."""
        before = dict(self._base)
        try:
            if strict_json.may_underflow(block):
                return None
            records = _decode_array(b"[" + block + b"]")
            if block.count(b"{") != len(records) or b"[" in block:
                return None
            readings = [reading for record in records if (reading := self._resolve(record)) is not None]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, RecordError):
            self._base = before
            return None
        return readings, len(records)

    def record(self, raw: bytes) -> Reading | None:
        """Return the reading in `raw`, or None if it only sets base fields. Raises RecordError."""
        try:
            value = strict_json.parse(raw, nesting=self._limits.nesting)
        except RecordError:
            self.missed(raw)
            raise
        if not isinstance(value, dict):
            raise RecordError("not_a_reading", "it is JSON, but not an object")
        return self._resolve(value)

    def missed(self, begun: bytes) -> None:
        """Take note of a record that could not be read: base fields that it may have set are unknown from here on."""
        if may_set_base(begun):
            self._base.update(dict.fromkeys(sorted(_BASE_FIELDS), _LOST))

    def _resolve(self, record: dict[str, object]) -> Reading | None:
        if not _BASE_FIELDS.isdisjoint(record):
            self._set_base(record)
        if not record.keys() <= _LABELS:
            _check_unknown(record)
        if _OWN_FIELDS.isdisjoint(record):
            return None
        if self._base:
            self._check_base()
        for field, kind in _UNSUPPORTED.items():
            if field in record:
                raise RecordError("unsupported_value", f"{kind} ({field}) cannot be stored; only a number (v) can")
        device_id, metric = split_name(self._name(record))
        return Reading(
            device_id=device_id,
            timestamp=timestamps.check_not_ahead(self._time(record), now=self._now),
            metrics={metric: check_value(self._value(record, metric), metric)},
            units=self._units(record, metric),
        )

    def _set_base(self, record: dict[str, object]) -> None:
        """Keep the base fields of `record`, whatever becomes of the rest of it. Raises RecordError."""
        wrong = None
        for field in sorted(_BASE_FIELDS & record.keys()):
            good = isinstance(record[field], str) if field in _BASE_TEXTS else is_number(record[field])
            self._base[field] = record[field] if good else _LOST
            wrong = wrong if good else field
        if wrong:
            raise RecordError("invalid_senml", f"the base field {wrong} has a value of the wrong type")

    def _check_base(self) -> None:
        for field, value in self._base.items():
            if value is _LOST:
                raise RecordError("invalid_senml", f"the base field {field} before this record could not be read")
        if self._base.get("bver", _VERSION) > _VERSION:  # type: ignore[operator]
            raise RecordError("invalid_senml", f"the pack has a version after {_VERSION}, which a reader must refuse")
        if "bs" in self._base:
            raise RecordError("unsupported_value", "a sum (bs) cannot be stored; only a number (v) can")

    def _name(self, record: dict[str, object]) -> str:
        name = record.get("n", "")
        if not isinstance(name, str):
            raise RecordError("invalid_device_id", "the name (n) is not a string")
        return f"{self._base.get('bn', '')}{name}"

    def _time(self, record: dict[str, object]) -> datetime:
        time = record.get("t", 0)
        if not is_number(time):
            raise RecordError("invalid_timestamp", "the time (t) is not a number that a time can be made of")
        try:
            return timestamps.from_seconds(self._base.get("bt", 0) + time, relative_to=self._now)  # type: ignore[operator]
        except OverflowError:
            raise RecordError("invalid_timestamp", "the time is not between the years 1 and 9999") from None

    def _value(self, record: dict[str, object], metric: str) -> object:
        if "v" not in record and "bv" not in self._base:
            raise RecordError("invalid_value", f"{metric} has no value (v)")
        value, base = record.get("v", 0), self._base.get("bv", 0)
        if not is_number(value) or base == 0:
            return value
        try:
            return base + value  # type: ignore[operator]
        except OverflowError:
            return OUT_OF_RANGE

    def _units(self, record: dict[str, object], metric: str) -> dict[str, str] | None:
        unit = record.get("u", self._base.get("bu", ""))
        if not isinstance(unit, str):
            raise RecordError("invalid_units", "the unit (u) is not a string")
        return {metric: unit} if unit else None
