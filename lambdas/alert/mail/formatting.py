"""Times, durations, numbers and columns as people read them.

Ids and keys come from devices: `printable` keeps them on their line, so that none can forge a second one.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lambdas.alert.domain.notices import Acknowledgement
from lambdas.shared.printable import printable

COLUMNS = 72
# What mail clients make links of: `anything://` (but for our own s3://), `mailto:` and the like, and names of hosts,
# whose last label is a word of any script (or its `xn--` form), if it is not the ending of a data file. Browsers take
# three other full stops for a dot too (RFC 3490, section 3.1).
_SCHEME = re.compile(
    r"(?<![A-Za-z0-9])(?!s3://)([A-Za-z][A-Za-z0-9+-]{1,30}):(?=//)|\b(mailto|tel|javascript):", re.IGNORECASE
)
_DOTTED = re.compile("(?:[^\\W_]|[-.\u3002\uff0e\uff61])++")
_DOT = re.compile("([.\u3002\uff0e\uff61])")
_TOP_LABEL = re.compile(r"xn--.+|[^\W\d_]{2,24}", re.IGNORECASE)
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


def duration_text(duration: timedelta) -> str:
    """Return a duration in words, its two largest units: `2 days 3 hours`, `1 minute`, `less than a second`."""
    left = int(duration.total_seconds())
    parts = []
    for name, seconds in _UNITS:
        count, left = divmod(max(left, 0), seconds)
        if count:
            parts.append(counted(count, name))
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a second"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: `1 file`, `1,200 files`, `0 files`; `plural` where that is no `s` at the end."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def amount(value: float | int, unit: str | None) -> str:
    """Return a value with its unit: `92.4 Cel`; ten significant digits at most, of a conversion's endless ones fewer.

    191.9 degF is 88.8333 Cel. What is a hair past a limit keeps its digits: 70.00001 is never said to be 70.
    """
    text, brief = f"{value:.10g}", f"{value:.4f}"
    if abs(value) >= 1 and len(text) > len(brief) and not brief.endswith("0"):
        text = brief
    return f"{text} {printable(unit)}" if unit else text


def acknowledged_text(given: Acknowledgement) -> str:
    """Return who has acknowledged an alert, when, until when, and the note."""
    until = f", until {utc(given.until)}" if given.until is not None else ""
    note = f": {printable(given.note)}" if given.note else ""
    return f"by {printable(given.by)}, {utc(given.at)}{until}{note}"


def unlinked(text: str) -> str:
    """Return the text with a backslash where a mail client would see a link: `http\\://evil\\.com`.

    A shell takes such a word for the one without, so that a command in an e-mail still works when it is copied.
    """
    text = _SCHEME.sub(lambda found: f"{found[1] or found[2]}\\:", text)
    return _DOTTED.sub(_unlinked_host, text)


def _unlinked_host(found: re.Match[str]) -> str:
    """Return the dotted word with a backslash before each dot of the host that it begins with, if it does."""
    parts = _DOT.split(found[0])
    ends = [at for at in range(2, len(parts), 2) if parts[at - 2] and _TOP_LABEL.fullmatch(parts[at])]
    if not ends or parts[ends[-1]].lower() in _DATA_FILES:
        return found[0]
    return "".join(f"\\{part}" if at % 2 and at < ends[-1] else part for at, part in enumerate(parts))


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
