"""The events that ingest puts on the bus and alert takes from it. Pure; no AWS SDK import.

The same shapes stand as JSON Schema in `docs/events/`; a contract test holds the two together.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

SOURCE = "sensors.ingest"
THRESHOLD_BREACHED = "ThresholdBreached"
READINGS_REJECTED = "ReadingsRejected"
SCHEMA_VERSION = "1"

Severity = Literal["warning", "critical"]
Bound = Literal["above", "below"]


class ContractError(ValueError):
    """An event does not have the shape its contract promises; the message names the member."""


@dataclass(frozen=True, kw_only=True)
class ObjectRef:
    """The S3 object that a fact came from."""

    bucket: str
    key: str
    version_id: str


@dataclass(frozen=True, kw_only=True)
class ThresholdBreached:
    """One device's metric went out of bounds on one side in one object; never one event per reading.

    `value` is the worst of `count` breaching readings taken between `first_at` and `last_at` (RFC 3339, UTC,
    microseconds); `limit` and `bound` are the threshold that the worst one crossed. `uploaded_at` is the object's time,
    from which the time to the alert is measured.
    """

    breach_id: str
    device_id: str
    metric: str
    unit: str | None
    severity: Severity
    bound: Bound
    limit: float | int
    value: float | int
    count: int
    first_at: str
    last_at: str
    object: ObjectRef
    trace_id: str | None
    uploaded_at: str | None = None

    def to_detail(self) -> dict[str, Any]:
        """Return the EventBridge detail."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_detail(cls, detail: dict[str, Any]) -> ThresholdBreached:
        """Read an EventBridge detail; unknown members are ignored. Raises ContractError."""
        return cls(
            breach_id=_text(detail, "breach_id"),
            device_id=_text(detail, "device_id"),
            metric=_text(detail, "metric"),
            unit=_optional_text(detail, "unit"),
            severity=cast(Severity, _one_of(detail, "severity", ("warning", "critical"))),
            bound=cast(Bound, _one_of(detail, "bound", ("above", "below"))),
            limit=_number(detail, "limit"),
            value=_number(detail, "value"),
            count=_count(detail, "count"),
            first_at=_text(detail, "first_at"),
            last_at=_text(detail, "last_at"),
            object=_object(detail),
            trace_id=_optional_text(detail, "trace_id"),
            uploaded_at=_optional_text(detail, "uploaded_at"),
        )


@dataclass(frozen=True, kw_only=True)
class RejectExample:
    """Where a rejected record stood (1-based line or 0-based index, as `position` says) and why."""

    position: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class ReadingsRejected:
    """Some records of one object were rejected, or some values of records that are else stored.

    `rejected` counts records, `values_rejected` values, and `reasons` both by code; `examples` are the first five.
    """

    object: ObjectRef
    stored: int
    rejected: int
    reasons: dict[str, int]
    examples: tuple[RejectExample, ...]
    quarantine_key: str
    trace_id: str | None
    values_rejected: int = 0

    def to_detail(self) -> dict[str, Any]:
        """Return the EventBridge detail."""
        return {"schema": SCHEMA_VERSION, **asdict(self), "examples": [asdict(example) for example in self.examples]}

    @classmethod
    def from_detail(cls, detail: dict[str, Any]) -> ReadingsRejected:
        """Read an EventBridge detail; unknown members are ignored. Raises ContractError."""
        reasons = _member(detail, "reasons", dict)
        examples = _member(detail, "examples", list)
        return cls(
            object=_object(detail),
            stored=_count(detail, "stored"),
            rejected=_count(detail, "rejected"),
            reasons={reason: _count(reasons, reason) for reason in reasons},
            examples=tuple(
                RejectExample(position=_text(e, "position"), reason=_text(e, "reason"), detail=_text(e, "detail"))
                for e in examples
            ),
            quarantine_key=_text(detail, "quarantine_key"),
            trace_id=_optional_text(detail, "trace_id"),
            values_rejected=_count(detail, "values_rejected") if "values_rejected" in detail else 0,
        )


def breach_id(source: ObjectRef, *, device_id: str, metric: str, severity: Severity, bound: Bound) -> str:
    """Return the same 32 hex digits for the same breach on every delivery, so that consumers can drop duplicates."""
    parts = (source.bucket, source.key, source.version_id, device_id, metric, severity, bound)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _member(detail: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = detail.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ContractError(f"event detail: {name} is {value!r:.80}, which is not what the contract promises")
    return value


def _text(detail: dict[str, Any], name: str) -> str:
    return cast(str, _member(detail, name, str))


def _optional_text(detail: dict[str, Any], name: str) -> str | None:
    return cast("str | None", _member(detail, name, (str, type(None))))


def _number(detail: dict[str, Any], name: str) -> float | int:
    return cast("float | int", _member(detail, name, (int, float)))


def _count(detail: dict[str, Any], name: str) -> int:
    return cast(int, _member(detail, name, int))


def _one_of(detail: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = _text(detail, name)
    if value not in choices:
        raise ContractError(f"event detail: {name} is {value!r:.80}, not one of {', '.join(choices)}")
    return value


def _object(detail: dict[str, Any]) -> ObjectRef:
    source = _member(detail, "object", dict)
    return ObjectRef(bucket=_text(source, "bucket"), key=_text(source, "key"), version_id=_text(source, "version_id"))
