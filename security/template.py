"""A synthesised template, with readable references."""

from __future__ import annotations

import re
from typing import Any


def plain(logical_id: str) -> str:
    """Return a logical id without the hash that the CDK adds: `StoreReadings`, not `StoreReadings489399F5`."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def readable(value: Any) -> Any:
    """Return the value with intrinsic functions replaced by text, such as `${StoreReadings.Arn}`."""
    if isinstance(value, list):
        return [readable(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return f"${{{plain(value['Ref'])}}}"
    if set(value) == {"Fn::GetAtt"}:
        id, attribute = value["Fn::GetAtt"]
        return f"${{{plain(id)}.{attribute}}}"
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        joined: str = separator.join(readable(part) for part in parts)
        return joined
    return {key: readable(item) for key, item in value.items()}
