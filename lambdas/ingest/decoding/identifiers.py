"""Which device ids and metric names are acceptable (RFC 8428 section 4.5.1), each distinct one checked once. Pure."""

from __future__ import annotations

import re

from lambdas.ingest.decoding.limits import MAX_DEVICE_ID, MAX_METRIC_NAME
from lambdas.ingest.decoding.reading import Reason, RecordError

# `fullmatch` everywhere: `$` would let a trailing newline through.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")
_REMEMBERED = 20_000


class Names:
    """Checks names and remembers the good ones, which repeat from reading to reading."""

    def __init__(self) -> None:
        self._devices: set[str] = set()
        self._metrics: set[str] = set()

    def all_good(self, *, devices: set[str], metrics: set[str]) -> bool:
        """Tell whether every one of these names is acceptable."""
        return _all_good(devices, self._devices, MAX_DEVICE_ID) and _all_good(metrics, self._metrics, MAX_METRIC_NAME)


def check_device_id(value: object, what: str = "device_id") -> str:
    """Return `value` if it is a device id; `what` is how a person would call it. Raises RecordError."""
    if not isinstance(value, str):
        raise RecordError("invalid_device_id", f"{what} is missing or is not a string")
    return _check(value, what, MAX_DEVICE_ID, "invalid_device_id")


def check_metric(name: str) -> str:
    """Return `name` if it is a metric name. Raises RecordError."""
    return _check(name, "a metric name", MAX_METRIC_NAME, "invalid_metric")


def _all_good(names: set[str], known: set[str], longest: int) -> bool:
    new = names - known
    if not all(len(name) <= longest and _NAME.fullmatch(name) for name in new):
        return False
    if len(known) > _REMEMBERED:
        known.clear()
    known |= new
    return True


def _check(name: str, what: str, longest: int, reason: Reason) -> str:
    if len(name) > longest:
        raise RecordError(reason, f"{what} has {len(name)} characters; at most {longest} are allowed")
    if not _NAME.fullmatch(name):
        raise RecordError(
            reason,
            f"{what} is {name[:64]!a}; it must start with a letter or digit and hold only letters, digits, - : . / _",
        )
    return name
