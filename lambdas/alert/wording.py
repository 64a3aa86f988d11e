"""Times, durations, numbers and columns as people read them. Pure.

Ids and keys come from devices: `printable` keeps them on their line, so that none can forge a second one.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lambdas.shared.printable import printable

COLUMNS = 72
# What mail clients make links of: `anything://` (but for our own s3://), `mailto:` and the like, and names of hosts,
# whose last label is a word, if it is not the ending of a data file.
_SCHEME = re.compile(
    r"(?<![A-Za-z0-9])(?!s3://)([A-Za-z][A-Za-z0-9+-]{1,30}):(?=//)|\b(mailto|tel|javascript):", re.IGNORECASE
)
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.([A-Za-z]{2,24})(?![A-Za-z0-9-])")
_DATA_FILES = frozenset(("json", "ndjson", "jsonl", "csv", "gz", "txt", "log", "senml", "bin"))
# Keys and tokens: what AWS's access keys and JSON web tokens begin with, and any long run of letters and digits.
_SECRET = re.compile(
    r"\b(?:AKIA|ASIA|eyJ)[A-Za-z0-9+/_=.-]{8,}|(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9+/_=-]{24,}"
)
_MASKED = 4
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


def unlinked(text: str) -> str:
    """Return the text with a backslash where a mail client would see a link: `http\\://evil\\.com`.

    A shell takes such a word for the one without, so that a command in an e-mail still works when it is copied.
    """
    text = _SCHEME.sub(lambda found: f"{found[1] or found[2]}\\:", text)
    return _HOST.sub(lambda host: host[0] if host[1].lower() in _DATA_FILES else host[0].replace(".", "\\."), text)


def masked(text: str) -> str:
    """Return the text with what looks like a key or a token cut to its first four characters."""
    return _SECRET.sub(lambda found: f"{found[0][:_MASKED]}...", text)


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
