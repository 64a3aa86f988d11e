"""Times, durations, numbers and columns as people read them. Pure.

Ids and keys come from devices: `printable` keeps them on their line, so that none can forge a second one.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lambdas.shared.printable import printable

COLUMNS = 72
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def utc(at: datetime) -> str:
    """Return `2026-11-22 10:00:00 UTC`; fractions of a second are left out."""
    return f"{_seconds(at, ' ')} UTC"


def utc_argument(at: datetime) -> str:
    """Return `2026-11-22T10:00:00Z`, as commands take it."""
    return f"{_seconds(at, 'T')}Z"


def _seconds(at: datetime, separator: str) -> str:
    # isoformat pads the year to four digits; strftime does not.
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=separator, timespec="seconds")


def spoken(duration: timedelta) -> str:
    """Return a duration in words, its two largest units: `2 days 3 hours`, `1 minute`, `less than a second`."""
    left = int(duration.total_seconds())
    parts = []
    for name, seconds in _UNITS:
        count, left = divmod(max(left, 0), seconds)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a second"


def amount(value: float | int, unit: str | None) -> str:
    """Return a value with its unit: `92.4 Cel`; ten significant digits at most."""
    text = f"{value:.10g}"
    return f"{text} {printable(unit)}" if unit else text


def ascii_only(text: str) -> str:
    """Return the text with whatever is not printable ASCII as question marks."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def cut(text: str, width: int) -> str:
    """Return the text, at most `width` characters of it; dots say that something is missing."""
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."[: max(width, 0)]


def paragraph(text: str) -> str:
    """Return the text in lines of at most 72 columns; a longer word has a line of its own."""
    return textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False)


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Return labelled rows, the texts in one column and wrapped in it."""
    width = max(len(label) for label, _ in rows) + 2
    return "\n".join(
        textwrap.fill(
            text,
            COLUMNS,
            initial_indent=f"{label + ':':<{width}}",
            subsequent_indent=" " * width,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for label, text in rows
    )
