"""The source of an object: the first folder under `incoming/`, which is who uploaded it. Pure."""

from __future__ import annotations

INCOMING_PREFIX = "incoming/"


def source_of(key: str) -> str:
    """Return the first folder below `incoming/` of an object's key, or nothing for one in no folder."""
    folder, slash, _ = key.removeprefix(INCOMING_PREFIX).partition("/")
    return folder if slash else ""
