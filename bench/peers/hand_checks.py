"""Lines to checked readings with the standard library alone: json.loads and a check for each rule, by hand."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")


def readings(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Return the good ones; a bad one is left out."""
    good = []
    for line in lines:
        try:
            reading = json.loads(line)
            check(reading)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        good.append(reading)
    return good


def check(reading: Any) -> None:
    """Raise for a record that is not a valid reading."""
    device = reading["device_id"]
    if len(device) > 128 or not _NAME.fullmatch(device):
        raise ValueError(device)
    at = datetime.fromisoformat(reading["timestamp"])
    if at.tzinfo is None:
        raise ValueError(reading["timestamp"])
    metrics = reading["metrics"]
    if not 1 <= len(metrics) <= 100:
        raise ValueError(len(metrics))
    for name, value in metrics.items():
        if len(name) > 64 or not _NAME.fullmatch(name):
            raise ValueError(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(value)
        if value and not 1e-130 <= abs(value) <= 9.9e125:
            raise ValueError(value)
    for member in ("units", "tags"):
        for name, text in (reading.get(member) or {}).items():
            if not name or not isinstance(text, str):
                raise ValueError(name)
