"""The span, the worst value and the trace of each alert, from what the ledger keeps.

The states are made by alert's own lifecycle.
"""

from dataclasses import replace
from typing import Any

from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import MetricState, Record, Silence
from lambdas.alert.domain.notices import Kind, Message, Notice, Observation
from lambdas.shared.events import ObjectRef, ThresholdBreached
from sensorctl.report.alerts import alerts_of
from sensorctl.report.model import Worst
from tests.unit.sensorctl.report.report_kit import MINUTE, NOON, THRESHOLDS, at

RULE = THRESHOLDS.rule_for("d", "temperature")


def lived(values: list[float], *, sweeps: tuple[int, ...]) -> tuple[MetricState, list[Notice]]:
    """What alert makes of one reading a minute, with a sweep after the minutes in `sweeps`."""
    state = MetricState(device_id="d", metric="temperature")
    notices: list[Notice] = []
    for minute, value in enumerate(values):
        assert RULE is not None
        crossing = RULE.crossing(value)
        if crossing is not None:
            breach = _breach(minute, value, crossing)
            decision = on_breach(state, breach, rule=RULE, now=at(minute))
            state, notices = decision.state, [*notices, *decision.notices]
        if minute in sweeps:
            newest = Observation(at=at(minute), value=value)
            decision = on_tick(state, latest=newest, rule=RULE, now=at(minute))
            state, notices = decision.state, [*notices, *decision.notices]
    return state, notices


def _breach(minute: int, value: float, crossing: Any) -> ThresholdBreached:
    time = at(minute).isoformat()
    return ThresholdBreached(
        breach_id=f"b{minute}",
        device_id="d",
        metric="temperature",
        unit="Cel",
        severity=crossing.severity,
        bound=crossing.bound,
        limit=crossing.limit,
        value=value,
        count=1,
        first_at=time,
        last_at=time,
        object=ObjectRef(bucket="landing", key="incoming/a", version_id="v1"),
        trace_id=f"trace-{minute}",
    )


def message(alert_id: str, kind: Kind, number: int = 1) -> Message:
    return Message(message_id=f"{alert_id}-{number}-{kind}", kind=kind, status="SENT", created_at=NOON, settled_at=NOON)


def record(state: MetricState, notices: list[Notice]) -> Record:
    outbox = tuple(message(notice.alert_id, notice.kind, number) for number, notice in enumerate(notices))
    return Record(key="d#temperature", state=state, outbox=outbox)


def test_an_ended_alert_spans_from_its_first_breach_to_its_all_clear() -> None:
    values = [60.0, 72.0, 90.0, 80.0, 68.0, 60.0]
    (alert,) = alerts_of([record(*lived(values, sweeps=(4, 5)))])
    assert (alert.state, alert.severity, alert.since, alert.until) == ("closed", "critical", at(1), at(5))
    assert alert.worst == Worst(value=90.0, unit="Cel", bound="above", limit=85.0)
    assert alert.mailed == ("opened", "escalated", "resolved")
    assert alert.trace_id == "trace-2"


def test_two_alerts_of_one_metric_are_both_listed_and_an_open_one_has_no_end() -> None:
    state, notices = lived([60.0, 72.0, 60.0, 60.0, 88.0, 71.0], sweeps=(2, 5))
    running, ended = alerts_of([record(state, notices)])
    assert (ended.since, ended.until, ended.severity) == (at(1), at(2), "warning")
    assert (running.state, running.since, running.until, running.severity) == ("open", at(4), None, "critical")
    assert running.trace_id == "trace-4"
    assert {running.alert_id, ended.alert_id} == {notice.alert_id for notice in notices}


def test_what_ended_before_since_is_left_out_and_what_goes_on_is_not() -> None:
    ended, running = lived([72.0, 60.0], sweeps=(1,)), lived([72.0], sweeps=())
    assert alerts_of([record(*ended)], since=at(2)) == []
    assert len(alerts_of([record(*ended)], since=at(1))) == 1
    assert len(alerts_of([record(*running)], since=at(5))) == 1


def test_silences_are_listed_and_an_old_one_that_has_ended_is_not() -> None:
    gone = Record(key="s", state=Silence(device_id="s", since=at(0)), outbox=(message("f00", "silent"),))
    back = Record(key="b", state=Silence(device_id="b"), outbox=(message("ba0", "back"),))
    never = Record(key="n", state=Silence(device_id="n"))
    found = alerts_of([back, never, gone])
    assert [(alert.device_id, alert.state, alert.metric, alert.since) for alert in found] == [
        ("s", "silent", None, at(0)),
        ("b", "reporting", None, None),
    ]
    assert [alert.device_id for alert in alerts_of([back, gone], since=NOON + MINUTE)] == ["s"]


def test_what_goes_on_comes_first_then_the_most_severe() -> None:
    closed, warning = lived([90.0, 60.0], sweeps=(1,)), lived([72.0], sweeps=())
    found = alerts_of([record(*closed), record(*warning)])
    assert [(alert.state, alert.severity) for alert in found] == [("open", "warning"), ("closed", "critical")]


def test_what_is_only_pending_is_no_alert_yet() -> None:
    assert RULE is not None
    held = replace(RULE, hold=5 * MINUTE)
    breach = _breach(1, 72.0, RULE.crossing(72.0))
    pending = on_breach(MetricState(device_id="d", metric="temperature"), breach, rule=held, now=at(1))
    assert pending.state.alert is not None
    assert alerts_of([record(pending.state, [])]) == []
    dropped = on_tick(pending.state, latest=Observation(at=at(2), value=60.0), rule=held, now=at(2))
    assert alerts_of([record(dropped.state, [])]) == []


def test_the_ledger_keeps_the_last_five_alerts_of_a_metric() -> None:
    state, _ = lived([72.0, 60.0] * 7, sweeps=tuple(range(1, 14, 2)))
    assert [(ended.since, ended.until) for ended in state.ended] == [(at(n), at(n + 1)) for n in range(4, 14, 2)]
