"""Names of metrics and patterns of devices, as a thresholds document and a mute write them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from functools import lru_cache

# RFC 8428 section 4.5.1 names; a device pattern may hold * and ? as well.
METRIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,63}")
DEVICES = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9:./_*?-]{0,127}")


def is_glob(pattern: str) -> bool:
    """Return whether a pattern may match several devices."""
    return "*" in pattern or "?" in pattern


@lru_cache(maxsize=4_096)
def matcher(pattern: str) -> Callable[[str], object]:
    """Return what tells whether a device's id matches.

    fnmatch's own translation, compiled once: it is not quadratic in the number of stars, and `fnmatch()` itself would
    fold case on some systems.
    """
    return re.compile(fnmatch.translate(pattern)).match
