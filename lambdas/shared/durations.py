"""Durations as people write them: 90s, 5m, 4h, 1d."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_MS = 10**13


def duration(text: str) -> timedelta | None:
    """Return what a text such as 500ms, 90s, 5m, 4h or 1d means, or None: it is no duration."""
    found = _DURATION.fullmatch(text)
    return timedelta(milliseconds=min(int(found[1]) * _MILLISECONDS[found[2]], _LONGEST_MS)) if found else None
