"""Limits of one object: 64 MiB as stored, 256 MiB unpacked, and those of its records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

KIB = 1024
MIB = 1024 * KIB

MAX_DEVICE_ID = 128
MAX_METRIC_NAME = 64
MAX_METRICS = 100
# Devices that one source may register and get alerts for in an hour: twice as many as a large gateway has.
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
    # What mappings may take of one object, in nodes of expressions: half a minute of the function's CPU.
    steps: int = 100_000_000
    # What is decoded at once: peak memory is a few blocks, whatever the size of the object.
    block: int = 128 * KIB


DEFAULT = Limits()
