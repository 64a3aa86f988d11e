"""Uplinks of The Things Stack to checked readings with the standard library alone: the mapping by hand too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hand_checks import check


def readings(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Return the good ones; a bad one is left out."""
    good = []
    for line in lines:
        try:
            good.append(_reading(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return good


def _reading(uplink: Any) -> dict[str, Any]:
    ids, payload = uplink["end_device_ids"], uplink["uplink_message"]["decoded_payload"]
    reading = {
        "device_id": ids["device_id"],
        "timestamp": uplink["received_at"],
        "metrics": {name: value for name, value in payload.items() if isinstance(value, int | float)},
        "tags": {"application": ids["application_ids"]["application_id"], "dev_eui": ids["dev_eui"]},
    }
    check(reading)
    return reading
