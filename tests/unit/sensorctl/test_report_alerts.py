"""The span, the worst value and the traces of each alert, from what the ledger still knows and what is stored.

The states are made by alert's own lifecycle, so that the ids are those it gives.
"""

from dataclasses import replace
from typing import Any

from report_kit import MINUTE, NOON, THRESHOLDS, at, reading

from lambdas.alert.lifecycle import on_breach, on_tick
from lambdas.alert.records import Kind, Message, MetricState, Notice, Observation, Record, Silence
from lambdas.shared.contracts import ObjectRef, ThresholdBreached
from lambdas.shared.times import timestamp
from sensorctl.report.alerts import of

RULE = THRESHOLDS.rule_for("d", "temperature")


def lived(values: list[float], *, ticks: tuple[int, ...]) -> tuple[MetricState, list[Notice]]:
    """What alert makes of one reading a minute, with a sweep after the minutes in `ticks`."""
    state, notices = MetricState(device_id="d", metric="temperature"), []
    for minute, value in enumerate(values):
        assert RULE is not None
        crossing = RULE.crossing(value)
        if crossing is not None:
            breach = _breach(minute, value, crossing)
            decision = on_breach(state, breach, rule=RULE, now=at(minute))
            state, notices = decision.state, [*notices, *decision.notices]
        if minute in ticks:
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


def stored(values: list[float]) -> dict[str, list[dict[str, Any]]]:
    return {"d": [reading(minute, value) for minute, value in enumerate(values)][::-1]}


def test_an_ended_alert_spans_from_its_first_breach_to_its_all_clear() -> None:
    values = [60.0, 72.0, 90.0, 80.0, 68.0, 60.0]
    (alert,) = of([record(*lived(values, ticks=(4, 5)))], stored(values))
    assert (alert.state, alert.severity) == ("closed", "critical")
    assert (alert.since, alert.until) == (at(1), at(5))
    assert alert.worst is not None
    assert (alert.worst.value, alert.worst.limit, alert.worst.bound) == (90.0, 85.0, "above")
    assert alert.told == ("opened", "escalated", "resolved")
    assert alert.trace_ids == ("trace-1", "trace-2")


def test_an_alert_ends_at_its_first_clear_reading_and_not_at_the_newest_that_the_sweep_saw() -> None:
    values = [60.0, 72.0, 68.0, 60.0, 62.0, 60.0, 72.0, 60.0]
    made, items = record(*lived(values, ticks=(5, 7))), stored(values)
    assert [alert.until for alert in of([made], items, thresholds=THRESHOLDS)] == [at(7), at(3)]
    assert [alert.until for alert in of([made], items)] == [at(7), at(5)]


def test_a_reading_stamped_ahead_counts_as_of_its_upload() -> None:
    values = [72.0, 60.0, 60.0, 88.0, 60.0]
    state, notices = lived(values, ticks=(1, 4))
    items = stored(values)
    ahead = {**reading(60, 60.0), "uploaded_at": timestamp(at(1))}
    items["d"] = [ahead, *(item for item in items["d"] if item["reading_id"] != reading(1, 60.0)["reading_id"])]
    found = of([record(state, notices)], items, thresholds=THRESHOLDS)
    assert {(alert.since, alert.until) for alert in found} == {(at(0), at(1)), (at(3), at(4))}


def test_two_alerts_of_one_metric_are_told_apart_by_their_ids() -> None:
    values = [60.0, 72.0, 60.0, 60.0, 88.0, 71.0, 60.0]
    state, notices = lived(values, ticks=(2, 6))
    found = of([record(state, notices)], stored(values))
    spans = {(alert.since, alert.until, alert.severity) for alert in found}
    assert spans == {(at(1), at(2), "warning"), (at(4), at(6), "critical")}
    assert {alert.alert_id for alert in found} == {notice.alert_id for notice in notices}


def test_an_alert_that_goes_on_has_no_end_and_its_worst_comes_from_the_ledger() -> None:
    values = [60.0, 72.0, 75.0, 71.0]
    (alert,) = of([record(*lived(values, ticks=(3,)))], stored(values))
    assert (alert.state, alert.since, alert.until) == ("open", at(1), None)
    assert alert.worst is not None
    assert alert.worst.value == 75.0
    assert alert.trace_ids == ("trace-1", "trace-2")


def test_an_alert_that_the_ledger_has_forgotten_is_found_by_the_mail_that_names_it() -> None:
    values = [60.0, 72.0, 60.0, 60.0, 88.0, 71.0, 60.0]
    state, notices = lived(values, ticks=(2, 6))
    first = notices[0].alert_id
    remembered = record(state, [notice for notice in notices if notice.alert_id != first])
    assert {alert.alert_id for alert in of([remembered], stored(values))} == {notices[-1].alert_id}
    assert first in {alert.alert_id for alert in of([remembered], stored(values), mailed=[first])}


def test_an_alert_whose_readings_are_not_at_hand_is_still_listed() -> None:
    values = [60.0, 72.0, 60.0]
    made = record(*lived(values, ticks=(2,)))
    (alert,) = of([made], {})
    assert (alert.state, alert.until, alert.told) == ("closed", at(2), ("opened", "resolved"))
    running = record(*lived([60.0, 72.0], ticks=()))
    (alert,) = of([running], {})
    assert (alert.state, alert.since, alert.trace_ids) == ("open", at(1), ("trace-1",))


def test_an_alert_takes_no_breaches_of_the_next_one_when_its_own_end_is_not_at_hand() -> None:
    values = [72.0, 60.0, 60.0, 88.0, 71.0, 60.0]
    made = record(*lived(values, ticks=(1, 5)))
    newest = {"d": [item for item in stored(values)["d"] if item["reading_id"] > at(2).isoformat()[:19]]}
    first, second = sorted(of([made], newest), key=lambda alert: alert.until is not None)
    assert (first.since, first.until, first.worst) == (None, None, None)
    assert (second.since, second.until) == (None, at(5))


def test_what_ended_before_since_is_left_out_and_what_goes_on_is_not() -> None:
    ended, running = lived([72.0, 60.0], ticks=(1,)), lived([72.0], ticks=())
    assert of([record(*ended)], stored([72.0, 60.0]), since=at(2)) == []
    assert len(of([record(*ended)], stored([72.0, 60.0]), since=at(1))) == 1
    assert len(of([record(*running)], stored([72.0]), since=at(5))) == 1


def test_silences_are_told_and_an_old_one_that_has_ended_is_not() -> None:
    gone = Record(key="s", state=Silence(device_id="s", since=at(0)), outbox=(message("f00", "silent"),))
    back = Record(key="b", state=Silence(device_id="b"), outbox=(message("ba0", "back"),))
    never = Record(key="n", state=Silence(device_id="n"))
    found = of([back, never, gone], {})
    assert [(alert.device_id, alert.state, alert.metric, alert.since) for alert in found] == [
        ("s", "silent", None, at(0)),
        ("b", "reporting", None, None),
    ]
    assert [alert.device_id for alert in of([back, gone], {}, since=NOON + MINUTE)] == ["s"]


def test_what_goes_on_comes_first_then_the_gravest() -> None:
    closed, warning = lived([90.0, 60.0], ticks=(1,)), lived([72.0], ticks=())
    items = {"d": stored([90.0, 60.0])["d"]}
    found = of([record(*closed), record(*warning)], items)
    assert [(alert.state, alert.severity) for alert in found] == [("open", "warning"), ("closed", "critical")]


def test_what_is_only_pending_is_no_alert_yet() -> None:
    assert RULE is not None
    held = replace(RULE, hold=5 * MINUTE)
    crossing = RULE.crossing(72.0)
    pending = on_breach(
        MetricState(device_id="d", metric="temperature"), _breach(1, 72.0, crossing), rule=held, now=at(1)
    )
    assert pending.state.alert is not None
    assert pending.notices == ()
    assert of([record(pending.state, [])], stored([60.0, 72.0])) == []
    dropped = on_tick(pending.state, latest=Observation(at=at(2), value=60.0), rule=held, now=at(2))
    assert of([record(dropped.state, [])], stored([60.0, 72.0, 60.0])) == []
