"""What the decoder makes of an object: readings, and rejects that say where and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from lambdas.ingest.decoding.limits import MAX_METRICS

Form = Literal["empty", "object", "ndjson", "array", "senml", "csv"]

Reason = Literal[
    "bad_encoding",
    "bad_gzip",
    "implausible_value",
    "invalid_device_id",
    "invalid_metric",
    "invalid_senml",
    "invalid_tags",
    "invalid_timestamp",
    "invalid_units",
    "invalid_value",
    "mapping_failed",
    "no_metrics",
    "not_a_reading",
    "not_its_device",
    "not_json",
    "object_too_large",
    "record_too_large",
    "timestamp_in_future",
    "too_many_devices",
    "too_many_metrics",
    "too_many_records",
    "unit_mismatch",
    "unreadable_object",
    "unsupported_value",
    "value_out_of_range",
]

Metrics = Annotated[dict[str, int | float], msgspec.Meta(min_length=1, max_length=MAX_METRICS)]
# DynamoDB takes no empty attribute name, in a map either (DynamoDB Developer Guide, "Naming rules").
Texts = dict[Annotated[str, msgspec.Meta(min_length=1)], str]


class Reading(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What one device measured at one time.

    `timestamp` is aware and in UTC; `metrics` maps name to value (integers exact, all else the nearest IEEE double).
    The struct is also what msgspec decodes into, so its types refuse what they can at C speed: other value types,
    a timestamp without an offset, no metrics or too many.
    """

    device_id: str
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    metrics: Metrics
    units: Texts | None = None
    tags: Texts | None = None


class TolerantReading(Reading, frozen=True, gc=False, forbid_unknown_fields=False):
    """The same reading, decoded from a record that has members this pipeline does not know."""


class UnclockedReading(Reading, frozen=True, gc=False, kw_only=True):
    """A reading of a device whose clock is not set: `timestamp` is the upload's, `device_time` (UTC) its own."""

    device_time: datetime


class Problem(msgspec.Struct, gc=False):
    """What is wrong with a record, or where there is a `member`, with that member of it alone.

    `reason` is the code, `detail` a sentence for its owner. Kept in lists where an exception must not be: its traceback
    refers to the frames, these to the list, and only the garbage collector would free the content they read.
    """

    reason: Reason
    detail: str
    member: str | None = None


class RecordError(ValueError):
    """A record, or a member of one, is not acceptable."""

    def __init__(self, reason: Reason, detail: str, *, member: str | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(reason, detail, member)


class Reject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One bad record, or one bad `member` of a record that is else good.

    `position` is for people, `offset` in bytes of the unpacked content, `excerpt` the record's first bytes.
    """

    position: str
    offset: int
    reason: Reason
    detail: str
    excerpt: bytes
    member: str | None = None


class Rejects:
    """The rejects of an object so far: how many are whole `records` and how many single `values`."""

    def __init__(self) -> None:
        self.records = 0
        self.values = 0
        self._waiting: list[Reject] = []

    def add(self, problem: Problem, *, position: str, offset: int, excerpt: bytes) -> None:
        """Add one, which comes after all others."""
        reason, detail, member = problem.reason, problem.detail, problem.member
        if member is None:
            self.records += 1
        else:
            self.values += 1
        self._waiting.append(
            Reject(position=position, offset=offset, reason=reason, detail=detail, excerpt=excerpt, member=member)
        )

    def take(self) -> list[Reject]:
        """Return those that were added since the last time."""
        taken, self._waiting = self._waiting, []
        return taken


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A stretch of an object, in order: what is good in it and what is not."""

    readings: Sequence[Reading] = field(default=())
    rejects: Sequence[Reject] = field(default=())
