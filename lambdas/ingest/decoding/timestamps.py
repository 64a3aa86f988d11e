"""RFC 3339 text in, UTC out, and back to the one text that item keys use: `2026-11-22T10:00:00.250000Z`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from lambdas.ingest.decoding.limits import MAX_FUTURE_SKEW
from lambdas.ingest.decoding.reading import RecordError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
# msgspec also takes +0530, which is ISO 8601 but not RFC 3339.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LEAP_SECOND = slice(17, 19)
_encode = msgspec.json.Encoder().encode


def parse(value: object) -> datetime:
    """Return the time in UTC, to the microsecond. Raises RecordError (invalid_timestamp).

    A leap second is the second after it, as POSIX time has it (RFC 3339 section 5.7 allows 23:59:60 UTC alone).
    """
    if not isinstance(value, str):
        raise RecordError("invalid_timestamp", "timestamp is missing or is not a string")
    if not _RFC_3339.fullmatch(value):
        raise _invalid(value)
    leap = value[_LEAP_SECOND] == "60"
    text = value[:17] + "59" + value[19:] if leap else value
    try:
        moment = msgspec.convert(text, _Timestamp).astimezone(UTC)
        if leap and (moment.hour, moment.minute) != (23, 59):
            raise _invalid(value)
        return moment + timedelta(seconds=1) if leap else moment
    except (msgspec.ValidationError, OverflowError):
        raise _invalid(value) from None


def from_seconds(seconds: float | int, *, relative_to: datetime) -> datetime:
    """Return the time that SenML seconds mean (RFC 8428 section 4.5.3). Raises RecordError (invalid_timestamp).

    From 2**28 on they count from 1970; below that from `relative_to`.
    """
    try:
        return (_EPOCH if seconds >= 2**28 else relative_to) + timedelta(seconds=seconds)
    except OverflowError:
        raise RecordError("invalid_timestamp", "the time is not between the years 1 and 9999") from None


def check_not_ahead(moment: datetime, *, now: datetime) -> datetime:
    """Return `moment` unless it is further ahead of `now` than clocks are wrong. Raises RecordError."""
    if moment - now > MAX_FUTURE_SKEW:
        raise RecordError(
            "timestamp_in_future",
            f"timestamp {texts([moment])[0]} is over 24 hours after the upload; check the device's clock",
        )
    return moment


def texts(moments: Sequence[datetime]) -> list[str]:
    """Return the text of each UTC time, always with six fractional digits, so that text order is time order."""
    if not moments:
        return []
    encoded = _encode(moments).decode()[2:-2].split('","')
    return [text if len(text) == 27 else f"{text[:19]}.000000Z" for text in encoded]


def _invalid(value: str) -> RecordError:
    return RecordError(
        "invalid_timestamp",
        f"timestamp is {value[:64]!a}; it must be RFC 3339 with an offset, such as 2026-11-22T10:00:00.250Z",
    )
