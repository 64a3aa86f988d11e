"""The events that ingest puts on the bus and alert takes from it. `docs/events/` has their schemas, made from these.

A member may be added with a default, none may be taken away or change its meaning: consumers ignore what they do not
know, and events of an older version still read.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypeVar

import msgspec

SCHEMA_VERSION = "1"

Severity = Literal["warning", "critical"]
Bound = Literal["above", "below"]


def _described(description: str = "", **schema: object) -> msgspec.Meta:
    """Return what the schema says of a member; what is read is held to its type alone."""
    return msgspec.Meta(description=description or None, extra_json_schema=dict(schema))


_NAME = r"^[A-Za-z0-9][A-Za-z0-9:./_-]*$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
Count = Annotated[int, _described(minimum=0)]
TraceId = Annotated[
    str | None,
    _described(
        "The X-Ray trace in which the object was ingested; null when there was none.",
        pattern="^1-[0-9a-f]{8}-[0-9a-f]{24}$",
    ),
]


class ContractError(ValueError):
    """An event does not have the shape its contract promises; the message names the member."""


@dataclass(frozen=True, kw_only=True)
class ObjectRef:
    """The S3 object that a fact came from."""

    bucket: Annotated[str, _described(minLength=3)]
    key: Annotated[str, _described(minLength=1)]
    version_id: Annotated[str, _described("The etag where the bucket keeps no versions.", minLength=1)]


@dataclass(frozen=True, kw_only=True)
class ThresholdBreached:
    """One device's metric went out of bounds on one side in one object: one event per object, device, metric and bound.

    The same breach has the same breach_id on every delivery.
    """

    breach_id: Annotated[str, _described(pattern="^[0-9a-f]{32}$")]
    device_id: Annotated[str, _described(pattern=_NAME, maxLength=128)]
    metric: Annotated[str, _described(pattern=_NAME, maxLength=64)]
    unit: Annotated[str | None, _described(maxLength=32)] = None
    severity: Severity
    bound: Annotated[Bound, _described("On which side of limit the value is.")]
    limit: Annotated[float | int, _described("The threshold that the worst value crossed.")]
    value: Annotated[
        float | int, _described("The worst value: critical before warning, then the farthest past its limit.")
    ]
    count: Annotated[int, _described("How many readings were out of bounds.", minimum=1)]
    first_at: Annotated[str, _described("Time of the earliest of them, UTC.", pattern=_TIME)]
    last_at: Annotated[str, _described("Time of the latest of them, UTC.", pattern=_TIME)]
    object: ObjectRef
    trace_id: TraceId = None
    uploaded_at: Annotated[
        str | None,
        _described("When the object was uploaded, UTC; the time to the alert is measured from it.", pattern=_TIME),
    ] = None
    tags: Annotated[
        dict[str, str] | None,
        _described(
            "The tag that route_by in the thresholds names, as the worst reading has it; null where they name none, or "
            "that reading has none.",
            maxProperties=1,
        ),
    ] = None

    def to_detail(self) -> dict[str, Any]:
        """Return the EventBridge detail."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_detail(cls, detail: Any) -> ThresholdBreached:
        """Read an EventBridge detail; unknown members are ignored. Raises ContractError."""
        return _read(cls, detail)


@dataclass(frozen=True, kw_only=True)
class RejectExample:
    """Where a rejected record stood, and why it was rejected."""

    position: Annotated[
        str,
        _described(
            "1-based line or 0-based index of the record; object when it is the object as a whole.",
            pattern="^(line [0-9]+|index [0-9]+|object)$",
        ),
    ]
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class ReadingsRejected:
    """Records of one object, or values of them, were not accepted and are in quarantine: one event a delivery."""

    object: ObjectRef
    stored: Annotated[
        int, _described("How many readings of the object were accepted, without those of too_many_devices.", minimum=0)
    ]
    rejected: Annotated[int, _described("How many records were rejected as a whole.", minimum=0)]
    reasons: Annotated[
        dict[str, int],
        _described(
            "How many records and values were rejected, by reason. Records of too_many_devices are stored, but their "
            "devices are neither registered nor alerted, and they are not in quarantine. Values of unit_mismatch are "
            "stored, and not judged.",
            minProperties=1,
        ),
    ]
    examples: Annotated[tuple[RejectExample, ...], _described("The first of them.", minItems=1, maxItems=5)]
    quarantine_key: Annotated[
        str,
        _described(
            "Where in the same bucket the rejected records are listed, one JSON object a line; empty where all are "
            "too_many_devices."
        ),
    ]
    trace_id: TraceId = None
    values_rejected: Annotated[
        int,
        _described(
            "How many single members of records (a metric, a unit, a tag) were rejected; the rest of those records may "
            "be stored. Absent in events of before it was counted: 0.",
            minimum=0,
        ),
    ] = 0

    def to_detail(self) -> dict[str, Any]:
        """Return the EventBridge detail."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_detail(cls, detail: Any) -> ReadingsRejected:
        """Read an EventBridge detail; unknown members are ignored. Raises ContractError."""
        return _read(cls, detail)


def breach_id(source: ObjectRef, *, device_id: str, metric: str, severity: Severity, bound: Bound) -> str:
    """Return the same 32 hex digits for the same breach on every delivery, so that consumers can drop duplicates."""
    parts = (source.bucket, source.key, source.version_id, device_id, metric, severity, bound)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


Event = TypeVar("Event", ThresholdBreached, ReadingsRejected)


def _read(kind: type[Event], detail: Any) -> Event:
    try:
        return msgspec.convert(detail, kind)
    except msgspec.ValidationError as error:
        raise ContractError(f"event detail: {error}") from None
