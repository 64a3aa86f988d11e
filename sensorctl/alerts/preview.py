"""One e-mail of each kind, from made-up facts that never change.

The facts go through the very state machines and words that alert uses, so what is shown is what people get.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

from lambdas.alert.domain import by_hand, flood, gateway, rejection, silence
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import Flood, MetricState, Silence
from lambdas.alert.domain.notices import Acknowledgement, AlertFacts, Notice, Observation
from lambdas.alert.mail.message import Mail, render, render_digest
from lambdas.shared.events import ObjectRef, ReadingsRejected, RejectExample, ThresholdBreached, breach_id
from lambdas.shared.thresholds.thresholds import Bounds, Crossing, Rule
from lambdas.shared.times import timestamp

STAGE, REGION = "prod", "us-east-1"

_NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_TRACE = "1-6921a4c0-4f0c2b7e9d1a5c3e8b6f7a20"
_RULE = Rule(
    unit="Cel",
    warning=Bounds(above=70, below=5),
    critical=Bounds(above=85),
    clear=Bounds(below=65),
    escalate_after=60 * _MINUTE,
    runbook="https://wiki.example.org/boilers#too-hot",
    source="metrics.temperature",
)


def mails() -> Iterator[Mail]:
    """Yield one e-mail of each kind: an alert from beginning to end, silences, rejected records, a flood, a digest."""
    for notice in (*_alert(), *_silence(), *_rejected(), *_flood()):
        yield render(notice, stage=STAGE, region=REGION)
    storm = [notice for number in range(1, 4) for notice in _alert(device=f"boiler-{number}")[:number]]
    yield render_digest("2026-11-22T12:00Z", storm, stage=STAGE, region=REGION)


def _alert(device: str = "boiler-7") -> list[Notice]:
    """Yield the e-mails of an alert: opened, escalated, past the other limit, lowered, unattended, reminded, ended."""
    state = MetricState(device_id=device, metric="temperature")
    notices: list[Notice] = []
    for value, minute in ((75.2, 2), (92.4, 8), (-1.5, 9), (75.2, 19)):
        now = _NOON + minute * _MINUTE
        decision = on_breach(state, _breach(value, device=device, at=now), rule=_RULE, now=now)
        state = decision.state
        notices += decision.notices
    for latest, minute in ((None, 20), (74.9, 64), (71.5, 262), (63.2, 300)):
        now = _NOON + minute * _MINUTE
        if minute == 300:  # somebody has taken it on meanwhile
            given = Acknowledgement(by="alice", at=now - 30 * _MINUTE, note="valve ordered", until=now + 30 * _MINUTE)
            state = by_hand.acknowledge(state, given, alert_id=notices[0].alert_id).state
        reading = Observation(at=now, value=latest) if latest is not None else None
        decision = on_tick(state, latest=reading, first_clear=reading, rule=_RULE, now=now)
        state = decision.state
        notices += decision.notices
    return notices


def _silence() -> list[Notice]:
    limit = 15 * _MINUTE
    gone = silence.on_look(Silence(device_id="boiler-7"), last_seen=_NOON, limit=limit, now=_NOON + 16 * _MINUTE)
    back_at = _NOON + 42 * _MINUTE
    back = silence.on_look(gone.state, last_seen=back_at, limit=limit, now=back_at)
    return [*gone.notices, *back.notices, *_gateway()]


def _gateway() -> list[Notice]:
    gone = gateway.on_look(
        Silence(device_id="gateway-3"),
        last_seen=_NOON,
        limits=gateway.Limits(silent=15 * _MINUTE, quiet=10 * _MINUTE),
        behind=[f"press-{number}" for number in range(1, 41)],
        source="gateway-3",
        now=_NOON + 16 * _MINUTE,
    )
    return list(gone.notices)


def _rejected() -> list[Notice]:
    records = ReadingsRejected(
        object=ObjectRef(bucket="landing", key="incoming/gateway-5/readings.ndjson", version_id="v1"),
        stored=117,
        rejected=3,
        reasons={"invalid_timestamp": 2, "not_json": 1},
        examples=(RejectExample(position="line 4", reason="not_json", detail="Expecting value"),),
        quarantine_key="quarantine/gateway-5/readings.ndjson/v1.ndjson",
        trace_id=_TRACE,
    )
    state = rejection.blank(records, at=_NOON)
    return list(rejection.on_rejected(state, records, at=_NOON, now=_NOON).notices)


def _flood() -> list[Notice]:
    (opened, *_) = _alert(device="gateway-5")
    facts = cast(AlertFacts, opened.alert)
    return list(flood.on_flood(Flood(source="gateway-5", hour="2026-11-22T12Z"), facts, most=25_000).notices)


def _breach(value: float, *, device: str, at: datetime) -> ThresholdBreached:
    crossing = cast(Crossing, _RULE.crossing(value))  # every value here is past a limit
    severity = crossing.severity
    source = ObjectRef(bucket="landing", key=f"incoming/{device}/{at:%H%M}.json", version_id="v1")
    return ThresholdBreached(
        breach_id=breach_id(source, device_id=device, metric="temperature", severity=severity, bound=crossing.bound),
        device_id=device,
        metric="temperature",
        unit="Cel",
        severity=severity,
        bound=crossing.bound,
        limit=crossing.limit,
        value=value,
        count=12,
        first_at=timestamp(at - _MINUTE),
        last_at=timestamp(at),
        object=source,
        trace_id=_TRACE,
    )
