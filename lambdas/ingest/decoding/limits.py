"""How much of one object ingest is willing to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

KIB = 1024
MIB = 1024 * KIB

MAX_DEVICE_ID = 128
MAX_METRIC_NAME = 64
MAX_METRICS = 100
# Devices of one source that are registered and alerted in an hour: twice those of a large gateway.
MOST_DEVICES = 20_000
MAX_FUTURE_SKEW = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on one object, in bytes unless the name says otherwise; tests lower them, production does not."""

    stored: int = 64 * MIB
    unpacked: int = 256 * MIB
    record: int = 64 * KIB
    nesting: int = 16
    records: int = 1_000_000
    # How many records, and how many single values, may be bad before the rest is not read.
    rejects: int = 100_000
    values: int = 1_000_000
    # What is decoded at once: peak memory is a few blocks, whatever the size of the object.
    block: int = 128 * KIB


DEFAULT = Limits()
