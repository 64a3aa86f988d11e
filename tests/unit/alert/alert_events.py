"""Events as ingest makes them, and thresholds to judge them by, for the alert tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from lambdas.shared.contracts import ObjectRef, ReadingsRejected, RejectExample, Severity, ThresholdBreached, breach_id
from lambdas.shared.times import timestamp

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
THRESHOLDS: dict[str, Any] = {
    "version": 1,
    "metrics": {
        "temperature": {
            "unit": "Cel",
            "warning": {"above": 70},
            "critical": {"above": 85},
            "clear": {"below": 65},
        },
        "slow": {"warning": {"above": 70}, "for": "5m"},
    },
    "silent_after": {"*": "15m"},
}


def breach(
    value: float = 92.4,
    *,
    at: datetime = NOON,
    first: datetime | None = None,
    device: str = "boiler-7",
    metric: str = "temperature",
    severity: Severity | None = None,
    key: str | None = None,
    count: int = 12,
) -> ThresholdBreached:
    """A breach as ingest emits it; its object is named after device and time unless a key is given."""
    severity = severity or ("critical" if value > 85 else "warning")
    source = ObjectRef(bucket="landing", key=key or f"incoming/{device}/{at:%H%M%S.%f}.json", version_id="v1")
    return ThresholdBreached(
        breach_id=breach_id(source, device_id=device, metric=metric, severity=severity, bound="above"),
        device_id=device,
        metric=metric,
        unit="Cel",
        severity=severity,
        bound="above",
        limit=85 if severity == "critical" else 70,
        value=value,
        count=count,
        first_at=timestamp(first or at),
        last_at=timestamp(at),
        object=source,
        trace_id="1-65a1b2c3-0123456789abcdef01234567",
    )


def rejected(key: str = "incoming/gateway-5/a.json", *, count: int = 3) -> ReadingsRejected:
    """Rejected records as ingest emits them."""
    return ReadingsRejected(
        object=ObjectRef(bucket="landing", key=key, version_id="v1"),
        stored=117,
        rejected=count,
        reasons={"invalid_timestamp": count - 1, "not_json": 1},
        examples=(RejectExample(position="line 4", reason="not_json", detail="Expecting value"),),
        quarantine_key=f"quarantine/{key.removeprefix('incoming/')}.rejected.ndjson",
        trace_id=None,
    )


def event(of: ThresholdBreached | ReadingsRejected, *, at: datetime = NOON) -> dict[str, Any]:
    """What EventBridge invokes the function with; through JSON, as everything goes there."""
    kind = "ThresholdBreached" if isinstance(of, ThresholdBreached) else "ReadingsRejected"
    whole = {"source": "sensors.ingest", "detail-type": kind, "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    loaded: dict[str, Any] = json.loads(json.dumps({**whole, "detail": of.to_detail()}))
    return loaded


SWEEP = {"sweep": True}
