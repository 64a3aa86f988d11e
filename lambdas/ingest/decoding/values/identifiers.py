"""Which device ids and metric names are acceptable, each distinct one checked once.

Every AWS IoT thing name is a device id (AWS IoT API Reference, CreateThing: 1 to 128 of a-z A-Z 0-9 : _ -), and so is
every name of SenML (RFC 8428 section 4.5.1, which adds . and /).
"""

from __future__ import annotations

import re
from functools import lru_cache

from lambdas.ingest.decoding.limits import MAX_DEVICE_ID, MAX_METRIC_NAME
from lambdas.ingest.decoding.reading import Reason, RecordError
from lambdas.ingest.decoding.values.numbers import described

# `fullmatch`: `$` would let a trailing newline through.
_NAME = re.compile(r"[A-Za-z0-9:._/-]++")
_REMEMBERED = 20_000


class Names:
    """Checks names and remembers the good ones, which repeat from reading to reading."""

    def __init__(self) -> None:
        self._devices: set[str] = set()
        self._metrics: set[str] = set()

    def all_good(self, *, devices: set[str], metrics: set[str]) -> bool:
        """Return whether every one of these names is acceptable."""
        return _all_good(devices, self._devices, MAX_DEVICE_ID) and _all_good(metrics, self._metrics, MAX_METRIC_NAME)


def check_device_id(value: object, what: str = "device_id") -> str:
    """Return the device id that `value` is, an integer as its digits; `what` is how a person would call it.

    Raises RecordError (invalid_device_id).
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise RecordError(
            "invalid_device_id", f"{what} is {'missing' if value is None else described(value) + ', not text'}"
        )
    return _check(value, what, MAX_DEVICE_ID, "invalid_device_id")


def check_metric(name: str) -> str:
    """Return `name` if it is a metric name. Raises RecordError (invalid_metric)."""
    try:
        return _check(name, "a metric name", MAX_METRIC_NAME, "invalid_metric")
    except RecordError as error:
        error.problem.member = name
        raise


def _all_good(names: set[str], known: set[str], longest: int) -> bool:
    new = names - known
    if not all(len(name) <= longest and _is_good(name) for name in new):
        return False
    if len(known) > _REMEMBERED:
        known.clear()
    known |= new
    return True


@lru_cache(maxsize=_REMEMBERED)
def _is_good(name: str) -> bool:
    """Return whether a name has only what it may; with :// it would be a live link in an e-mail."""
    return _NAME.fullmatch(name) is not None and "://" not in name


def _check(name: str, what: str, longest: int, reason: Reason) -> str:
    if len(name) > longest:
        raise RecordError(reason, f"{what} has {len(name)} characters; at most {longest} are allowed")
    if not name:
        raise RecordError(reason, f"{what} is empty")
    if not _is_good(name):
        raise RecordError(
            reason, f"{what} is {name!a}; only letters, digits and - : . / _ are allowed, and no :// of a link"
        )
    return name
