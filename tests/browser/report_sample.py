"""A report made by hand, the same on every machine: six devices, their alerts, e-mails, rejects and traces."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.readings.stored import RejectedRecord
from sensorctl.report.charts import device
from sensorctl.report.model import Alert, Device, Mail, Report, Totals, Worst
from sensorctl.traces.documents import Span
from sensorctl.traces.summary import Trace

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EVERY = timedelta(seconds=5)
READINGS = 120
MINUTE = timedelta(minutes=1)
OPENED = "1-6921a4c0-000000000000000000000001"
WORST = "1-6921a4c0-000000000000000000000002"
FAILED = "1-6921a4c0-000000000000000000000003"
ALERT, PUMP_ALERT = "0f3a52c1b9d4", "7be1c02f66aa"
# Device ids of the pipeline hold no such characters; the page must not rely on it.
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"

THRESHOLDS = Thresholds.parse(
    """{"version": 1, "metrics": {
        "temperature": {"unit": "Cel", "warning": {"above": 70}, "critical": {"above": 85}, "clear": {"below": 65}},
        "humidity": {"unit": "%RH", "warning": {"above": 80}, "critical": {"above": 95}, "clear": {"below": 75}},
        "vibration": {"unit": "m/s2", "warning": {"above": 7.1}, "critical": {"above": 11.2}}},
      "devices": {"freezer-*": {"temperature": {"warning": {"above": -15}, "critical": {"above": -10}}}}}"""
)

Signal = Callable[[int], float]


def report() -> Report:
    """Return it."""
    traces = {trace.trace_id: trace for trace in (_trace(OPENED, 0.61), _trace(WORST, 0.94), _failed_trace())}
    return Report(
        where="embedded AWS",
        made_at=NOON + 11 * MINUTE,
        since=None,
        devices=(
            _device("boiler-7", temperature=boiler, humidity=_wave(40, 1.5)),
            _device("pump-3", temperature=_wave(69.4, 1.9, 7), vibration=_wave(3, 0.6)),
            _device(HOSTILE, temperature=_wave(30, 1)),
            _device("freezer-1", temperature=_wave(-21, 0.7)),
            _device("gateway-5", temperature=_wave(31, 0.9), humidity=_wave(45, 1)),
            *(_device(f"press-{number:02}", temperature=_wave(30 + number, 1)) for number in range(1, 7)),
        ),
        alerts=(
            Alert(
                alert_id=PUMP_ALERT,
                device_id="pump-3",
                metric="temperature",
                state="open",
                severity="warning",
                since=NOON + EVERY,
                worst=Worst(value=71.3, unit="Cel", bound="above", limit=70),
                mailed=("opened",),
                trace_id=WORST,
            ),
            Alert(
                alert_id="aa00aa00aa00",
                device_id="beacon-4",
                metric=None,
                state="silent",
                severity=None,
                since=NOON - 20 * MINUTE,
                mailed=("silent",),
            ),
            Alert(
                alert_id=ALERT,
                device_id="boiler-7",
                metric="temperature",
                state="closed",
                severity="critical",
                since=NOON + 3 * MINUTE,
                until=NOON + 8 * MINUTE,
                worst=Worst(value=90.4, unit="Cel", bound="above", limit=85),
                mailed=("opened", "escalated", "resolved"),
                trace_id=WORST,
            ),
            Alert(
                alert_id="bb11bb11bb11",
                device_id=HOSTILE,
                metric="temperature",
                state="closed",
                severity="warning",
                trace_id="1-6921a4c0-00000000000000000000dead",
            ),
        ),
        mails=(
            _mail("[RESOLVED] boiler-7 temperature 63.2 Cel after 5 minutes", 9, about=ALERT),
            _mail("[CRITICAL] boiler-7 temperature 88.1 Cel above 85, was warning", 6, about=ALERT),
            _mail("[WARNING] boiler-7 temperature 72.4 Cel above 70", 4, about=ALERT),
            _mail(f"[REJECTED] {HOSTILE}", 2, body=f"{HOSTILE}\n\nhttps://example.com/a{'b' * 200}\n"),
        ),
        rejects=(
            _reject("not_json", '{"device_id": "gateway-5", "timest', "the line ends inside a string"),
            _reject("invalid_timestamp", '{"device_id": "gateway-5", "timestamp": "yesterday"}', "not RFC 3339"),
            _reject("bad_encoding", HOSTILE + "\u202e\x00" + "x" * 300, "not UTF-8"),
        ),
        traces=traces,
        slowest=(WORST, OPENED),
        failed=(FAILED,),
        totals=Totals(
            devices=11,
            readings=11 * READINGS,
            breaches=108,
            alerts=4,
            running=2,
            mails=4,
            rejected=3,
            bad_values=0,
            faults=1,
            waiting=1,
        ),
        notes=("This report was made by hand.",),
    )


def boiler(step: int) -> float:
    """Minute by minute over 70, over 85 and back."""
    return (60, 62, 66, 72, 78, 88, 90, 80, 63, 60)[step // 12] + round(0.4 * math.sin(step), 2)


def _wave(level: float, height: float, speed: float = 1) -> Signal:
    return lambda step: round(level + height * math.sin(step * speed / 6), 2)


def _device(name: str, **signals: Signal) -> Device:
    return device(name, [_item(name, step, signals) for step in range(READINGS)], thresholds=THRESHOLDS, most=1000)


def _item(name: str, step: int, signals: dict[str, Signal]) -> dict[str, Any]:
    metrics = {metric: signal(step) for metric, signal in signals.items()}
    crossings = {}
    for metric, value in metrics.items():
        rule = THRESHOLDS.rule_for(name, metric)
        if rule is not None and (crossing := rule.crossing(value)) is not None:
            crossings[metric] = crossing
    at = (NOON + step * EVERY).isoformat(timespec="microseconds").replace("+00:00", "Z")
    breaches = [
        {"metric": metric, "severity": crossing.severity, "bound": crossing.bound, "limit": crossing.limit}
        for metric, crossing in crossings.items()
    ]
    return {"reading_id": f"{at}#0", "metrics": metrics, "breaches": breaches}


def _mail(subject: str, minutes: int, *, about: str | None = None, body: str = "") -> Mail:
    words = "boiler-7: temperature is 72.4 Cel, above 70, the warning limit.\n\nSince:  2026-11-22 12:03:00 UTC\n"
    return Mail(
        sent_at=NOON + minutes * MINUTE,
        subject=subject,
        kind=subject[1:].partition("]")[0].lower(),
        to="you@example.com",
        body=body or f"{words}\nAlert {about}\n",
        about=about,
    )


def _reject(reason: str, record: str, detail: str) -> RejectedRecord:
    key = "incoming/gateway-5/2026-11-22T12-01-00.spoilt.ndjson"
    return RejectedRecord(key=key, position="line 7", offset=7, reason=reason, detail=detail, record=record)


def _trace(trace_id: str, seconds: float) -> Trace:
    parts = (
        ("upload", 0, 0.0, 0.05),
        ("lambdas/ingest", 1, 0.08, 0.42),
        ("ingest", 2, 0.09, 0.4),
        ("fetch", 3, 0.1, 0.08),
        ("decode", 3, 0.19, 0.02),
        ("store", 3, 0.22, 0.16),
        ("emit", 3, 0.39, 0.09),
        ("lambdas/alert", 4, 0.55, 0.45),
        ("alert", 5, 0.56, 0.43),
        ("decide", 6, 0.57, 0.2),
        ("publish", 6, 0.78, 0.2),
    )
    return _of_spans(trace_id, seconds, parts)


def _failed_trace() -> Trace:
    return _of_spans(FAILED, 0.31, (("lambdas/ingest", 0, 0.0, 1.0), ("ingest", 1, 0.01, 0.98)), fault=True)


def _of_spans(
    trace_id: str, seconds: float, parts: tuple[tuple[str, int, float, float], ...], *, fault: bool = False
) -> Trace:
    spans = tuple(
        Span(name=name, depth=depth, start=start * seconds, duration=duration * seconds, fault=fault, annotations={})
        for name, depth, start, duration in parts
    )
    causes = ("ingest: ClientError: AccessDenied when calling BatchWriteItem",) if fault else ()
    return Trace(trace_id=trace_id, started_at=NOON + MINUTE, seconds=seconds, failed=fault, spans=spans, causes=causes)
