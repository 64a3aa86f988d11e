"""The one text of a time that is stored and compared: `2026-11-22T10:00:00.250000Z`. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(at: datetime) -> str:
    """Return RFC 3339 (section 5.6) in UTC, with four digits of year and six of fraction: text order is time order.

    Not by strftime, whose %Y does not pad a year below 1000 on every platform (Python's library reference, "strftime()
    and strptime() Behavior"), so that nothing could read it back.
    """
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
