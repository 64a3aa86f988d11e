"""The times of devices in, UTC out, and back to the one text that item keys use: `2026-11-22T10:00:00.250000Z`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from lambdas.ingest.decoding.limits import MAX_FUTURE_SKEW
from lambdas.ingest.decoding.reading import RecordError
from lambdas.ingest.decoding.values.numbers import described, from_text, is_number

# A time before this means that the device's clock was never set: such clocks begin at 1970 or somewhat later.
CLOCK_SET_FROM = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
# RFC 3339 section 5.6, and the offsets +0200 and +02 of ISO 8601.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:)(\d\d)(\.\d+)?(?:([Zz])|([+-]\d\d):?(\d\d)?)", re.ASCII)
# Numbers below these count seconds, milliseconds or microseconds since 1970, all others nanoseconds: 10**11 seconds are
# in the year 5138, and 10**11 milliseconds were in 1973.
_MICROSECONDS = ((10**11, 1_000_000), (10**14, 1_000), (10**17, 1))
# The time that counts for a reading, and the device's own where that is another one: its clock is not set.
Times = tuple[datetime, datetime | None]
_encode = msgspec.json.Encoder().encode


def parse(value: object) -> datetime:
    """Return the time in UTC, to the microsecond. Raises RecordError (invalid_timestamp).

    `value` is RFC 3339 text, or a number (also as text) since 1970. A leap second is the second after it, as POSIX time
    has it (RFC 3339 section 5.7 allows 23:59:60 UTC alone).
    """
    if is_number(value):
        return _from_epoch(value)
    if not isinstance(value, str):
        raise RecordError("invalid_timestamp", f"timestamp is {'missing' if value is None else described(value)}")
    try:
        return msgspec.convert(value, _Timestamp).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        return _from_unusual(value)


def from_seconds(seconds: float | int, *, relative_to: datetime) -> datetime:
    """Return the time that SenML seconds mean (RFC 8428 section 4.5.3). Raises RecordError (invalid_timestamp).

    From 2**28 on they count from 1970; below that from `relative_to`.
    """
    try:
        return (_EPOCH if seconds >= 2**28 else relative_to) + timedelta(seconds=seconds)
    except OverflowError:
        raise _no_year() from None


def settled(moment: datetime, *, uploaded_at: datetime) -> Times:
    """Return the times of a reading whose device says that it is of `moment`.

    Raises RecordError (timestamp_in_future) for a clock that is further ahead than clocks are wrong.
    """
    if moment - uploaded_at > MAX_FUTURE_SKEW:
        raise RecordError(
            "timestamp_in_future",
            f"timestamp {texts([moment])[0]} is over 24 hours after the upload; check the device's clock",
        )
    return (moment, None) if moment >= CLOCK_SET_FROM else (uploaded_at, moment)


def texts(moments: Sequence[datetime]) -> list[str]:
    """Return the text of each UTC time, always with six fractional digits, so that text order is time order."""
    if not moments:
        return []
    encoded = _encode(moments).decode()[2:-2].split('","')
    return [text if len(text) == 27 else f"{text[:19]}.000000Z" for text in encoded]


def _from_unusual(value: str) -> datetime:
    """Return the time of a text that msgspec does not read: a leap second, an offset of hours alone, a number."""
    number = from_text(value)
    if is_number(number):
        return _from_epoch(number)
    found = _TIME.fullmatch(value)
    if not found:
        raise _invalid(value)
    begin, second, fraction, utc, hours, minutes = found.groups()
    leap = second == "60"
    offset = utc or f"{hours}:{minutes or '00'}"
    try:
        moment = msgspec.convert(f"{begin}{59 if leap else second}{fraction or ''}{offset}", _Timestamp).astimezone(UTC)
        if leap and (moment.hour, moment.minute) != (23, 59):
            raise _invalid(value)
        return moment + timedelta(seconds=1) if leap else moment
    except (msgspec.ValidationError, OverflowError):
        raise _invalid(value) from None


def _from_epoch(number: int | float) -> datetime:
    scale = next((scale for below, scale in _MICROSECONDS if abs(number) < below), None)
    microseconds = number // 1000 if scale is None else number * scale
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise _no_year() from None


def _no_year() -> RecordError:
    return RecordError("invalid_timestamp", "the time is not between the years 1 and 9999")


def _invalid(value: str) -> RecordError:
    return RecordError(
        "invalid_timestamp",
        f"timestamp is {value[:64]!a}; it must be RFC 3339 with an offset, such as 2026-11-22T10:00:00.250Z, "
        "or a number of seconds, ms, us or ns since 1970",
    )
