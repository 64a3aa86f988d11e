"""SenML JSON (RFC 8428): the records of packs in, resolved readings out.

Base fields hold from the record they stand in to the end of the pack, also when that record itself is rejected
(section 4.1). A field that ends in `_` and is not understood makes its record an error, all else unknown is ignored
(section 4.4). A relative time counts from the upload, so that every delivery of an object resolves to the same items.

One record makes one reading: a sensor that sends a wrong value then costs its neighbours nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from lambdas.ingest.decoding.native import make_reading, texts
from lambdas.ingest.decoding.reading import Problem, Reading, Reason, RecordError
from lambdas.ingest.decoding.values import timestamps
from lambdas.ingest.decoding.values.identifiers import check_device_id, check_metric
from lambdas.ingest.decoding.values.numbers import OUT_OF_RANGE, check_value, is_number
from lambdas.ingest.decoding.values.timestamps import Times

_VERSION = 10
_BASE_NUMBERS = frozenset(("bt", "bv", "bs", "bver"))
_BASE_FIELDS = _BASE_NUMBERS.union(("bn", "bu"))
# Without one of these a record only sets base fields.
_OWN_FIELDS = frozenset(("n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"))
_PLAIN_FIELDS = frozenset(("n", "u", "v", "t"))
_LABELS = _OWN_FIELDS.union(_BASE_FIELDS)
_UNSUPPORTED = frozenset(("vs", "vd", "s"))
_BASE_LABEL = re.compile(rb'"b(?:[ntuvs]|ver)"')
_DEVICE_URN = re.compile(r"(urn:dev:[^:/]+:[^:/]+)_([^:/_]+)")
_NO_NAME = re.compile(r"[^A-Za-z0-9:._/-]")


class _Lost:
    """Stands for a base field whose value could not be read."""


_LOST: Final = _Lost()


def is_record(record: dict[str, object]) -> bool:
    """Return whether a JSON object that names no device looks like a SenML record."""
    return not _LABELS.isdisjoint(record)


@lru_cache(maxsize=10_000)
def split_name(base: str, name: str, unit: str) -> tuple[str, str]:
    """Return the device id and metric of a record's base name and name. Raises RecordError.

    RFC 8428 section 4.5.1 leaves the structure of names open. Where both stand, the base name without its last
    separator is the device. A base name that is a URN is a device (RFC 9039), and the unit names its metric. One name
    has the metric after its last `:` or `/`, or in a device URN after `_` (RFC 9039 section 3.2.1).
    """
    if base and name:
        return _checked(base, base[:-1] if base[-1] in ":/._-" else base, name)
    if base.startswith("urn:"):
        return _checked(base, base.rstrip(":/_"), _NO_NAME.sub("", unit) or "value")
    whole = base or name
    if urn := _DEVICE_URN.fullmatch(whole):
        return _checked(whole, urn[1], urn[2])
    at = max(whole.rfind(":"), whole.rfind("/"))
    if at < 0:
        what = f"the name {whole[:64]!a} has no : or / between device and metric" if whole else "it has no name (n, bn)"
        raise RecordError("invalid_device_id", what)
    return _checked(whole, whole[:at], whole[at + 1 :])


def _checked(name: str, device_id: str, metric: str) -> tuple[str, str]:
    check_device_id(device_id, f"the device in the name {name[:64]!a}")
    return device_id, check_metric(metric)


class SenmlReader:
    """Reads the records of one object, which was uploaded at `now`, in order."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._base: dict[str, Any] = {}
        # Why the base fields let no record be read, learnt when they are set.
        self._refusal: tuple[Reason, str] | None = None
        self._array = 0
        self.records = 0

    def record(self, record: dict[str, object], problems: list[Problem], *, array: int) -> Reading | None:
        """Return the reading of a record in the pack `array`, or None if it only sets base fields.

        Array 0 is a pack of this record alone. What is wrong with its unit is added to `problems`. Raises RecordError.
        """
        if array != self._array or not array:
            self._begin(array)
        self.records += 1
        is_plain = record.keys() <= _PLAIN_FIELDS
        if not is_plain and not self._has_own_fields(record):
            return None
        if self._refusal:
            raise RecordError(*self._refusal)
        if not (is_plain or _UNSUPPORTED.isdisjoint(record)):
            raise RecordError("unsupported_value", "a string (vs), data (vd) or a sum (s) cannot be stored")
        base = self._base
        unit = record.get("u")
        if unit is None:
            unit = base.get("bu")
        try:
            device_id, metric = split_name(base.get("bn", ""), _name(record), unit if isinstance(unit, str) else "")
            usual = is_plain and "v" in record and "bv" not in base
            value = check_value(record["v"] if usual else self._value(record, metric), metric)
        except RecordError as error:
            error.problem.member = None  # it is all that the record has
            raise
        units = None
        if unit is not None and unit != "":
            units = {metric: unit} if isinstance(unit, str) else texts({metric: unit}, "units", problems)
        return make_reading(device_id, self._times(record), {metric: value}, units=units)

    def broken(self, begun: bytes, *, array: int) -> None:
        """Take note of what could not be read: base fields that it may have set are unknown to the end of the pack."""
        if array != self._array or not array:
            self._begin(array)
        if _BASE_LABEL.search(begun):
            self._base = dict.fromkeys(sorted(_BASE_FIELDS), _LOST)
            self._refusal = self._find_refusal()

    def _begin(self, array: int) -> None:
        self._array, self._base, self._refusal = array, {}, None

    def _has_own_fields(self, record: dict[str, object]) -> bool:
        """Take in what is unusual about a record; return whether it is more than base fields. Raises RecordError."""
        if not _BASE_FIELDS.isdisjoint(record):
            self._set_base(record)
        if not record.keys() <= _LABELS:
            _check_unknown(record)
        return not _OWN_FIELDS.isdisjoint(record)

    def _set_base(self, record: dict[str, object]) -> None:
        """Keep the base fields of `record`, whatever becomes of the rest of it. Raises RecordError."""
        wrong = None
        for field in sorted(_BASE_FIELDS & record.keys()):
            value = record[field]
            good = field == "bu" or (is_number(value) if field in _BASE_NUMBERS else isinstance(value, str))
            self._base[field] = value if good else _LOST
            wrong = wrong if good else field
        self._refusal = self._find_refusal()
        if wrong:
            raise RecordError("invalid_senml", f"the base field {wrong} has a value of the wrong type")

    def _find_refusal(self) -> tuple[Reason, str] | None:
        """Return why the base fields let no record be read, or None."""
        for field, value in self._base.items():
            if value is _LOST:
                return "invalid_senml", f"the base field {field} before this record could not be read"
        if self._base.get("bver", _VERSION) > _VERSION:
            return "invalid_senml", f"the pack has a version after {_VERSION}, which a reader must refuse"
        if "bs" in self._base:
            return "unsupported_value", "a sum (bs) cannot be stored; only a number (v) can"
        return None

    def _times(self, record: dict[str, object]) -> Times:
        time = record.get("t", 0)
        if not is_number(time):
            raise RecordError("invalid_timestamp", "the time (t) is not a number that a time can be made of")
        try:
            return _settled(self._base.get("bt", 0) + time, self._now)
        except OverflowError:
            raise RecordError("invalid_timestamp", "the time is not between the years 1 and 9999") from None

    def _value(self, record: dict[str, object], metric: str) -> object:
        if "vb" in record:
            return record["vb"]
        if "v" not in record and "bv" not in self._base:
            raise RecordError("invalid_value", f"{metric} has no value (v)")
        value, base = record.get("v", 0), self._base.get("bv", 0)
        if not is_number(value) or base == 0:
            return value
        try:
            return base + value
        except OverflowError:
            return OUT_OF_RANGE


# Many records of a pack have the same time.
@lru_cache(maxsize=1_000)
def _settled(seconds: float | int, now: datetime) -> Times:
    return timestamps.settled(timestamps.from_seconds(seconds, relative_to=now), uploaded_at=now)


def _check_unknown(record: dict[str, object]) -> None:
    for field in record:
        if field.endswith("_"):
            raise RecordError("invalid_senml", f"the field {field[:64]!a} must be understood, and is not")


def _name(record: dict[str, object]) -> str:
    name = record.get("n", "")
    if not isinstance(name, str):
        raise RecordError("invalid_device_id", "the name (n) is not a string")
    return name
