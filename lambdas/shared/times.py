"""The one text of a time that is stored and compared: `2026-11-22T10:00:00.250000Z`, and back."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(at: datetime) -> str:
    """Return RFC 3339 (section 5.6) in UTC, with four digits of year and six of fraction: text order is time order.

    Not by strftime, whose %Y does not pad a year below 1000 on every platform (Python's library reference, "strftime()
    and strptime() Behavior"), so that nothing could read it back.
    """
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_of(text: str) -> datetime:
    """Return the time that a stored text says, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def stamped_time(reading_id: str) -> datetime:
    """Return when a reading was taken by its device's clock: what stands before the `#` of its key."""
    return time_of(reading_id.partition("#")[0])
