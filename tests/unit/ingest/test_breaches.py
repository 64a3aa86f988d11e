from __future__ import annotations

import json
from typing import Any

from ingest_kit import decode, record

from lambdas.ingest.breaches import Breaches
from lambdas.ingest.decoding.timestamps import texts
from lambdas.shared.contracts import ObjectRef, ThresholdBreached
from lambdas.shared.thresholds import Thresholds

SOURCE = ObjectRef(bucket="landing", key="incoming/a.json", version_id="v1")
THRESHOLDS = Thresholds.parse(
    json.dumps(
        {
            "version": 1,
            "metrics": {
                "temperature": {"unit": "Cel", "warning": {"above": 70, "below": 5}, "critical": {"above": 85}},
                "battery": {"unit": "%EL", "warning": {"below": 20}, "critical": {"below": 5}},
            },
        }
    )
)


def gathered(*records: dict[str, Any]) -> list[ThresholdBreached]:
    breaches = Breaches(THRESHOLDS, source=SOURCE, trace_id="1-2-3")
    readings = decode(json.dumps(list(records)).encode()).readings
    assert len(readings) == len(records)
    breaches.evaluate(readings, texts([reading.timestamp for reading in readings]))
    return breaches.drain()


def at(second: int, value: float, device: str = "boiler-7", **members: Any) -> dict[str, Any]:
    return record(device, f"2026-11-22T10:00:{second:02}Z", metrics={"temperature": value}, **members)


def test_one_event_tells_the_worst_the_number_and_the_span() -> None:
    (event,) = gathered(
        at(20, 71), at(30, 92.5), at(10, 86), at(40, 60), at(50, 99, "other", units={"temperature": "K"})
    )[:1]
    assert event == ThresholdBreached(
        breach_id=event.breach_id,
        device_id="boiler-7",
        metric="temperature",
        unit="Cel",
        severity="critical",
        bound="above",
        limit=85,
        value=92.5,
        count=3,
        first_at="2026-11-22T10:00:10.000000Z",
        last_at="2026-11-22T10:00:30.000000Z",
        object=SOURCE,
        trace_id="1-2-3",
    )


def test_both_sides_of_the_range_are_events_of_their_own() -> None:
    """One object may hold a day: 95 in the morning and 3 in the evening are two problems."""
    hot, cold = gathered(at(10, 95), at(20, 3), at(30, 90), at(40, 4))
    assert (hot.severity, hot.bound, hot.limit, hot.value, hot.count) == ("critical", "above", 85, 95, 2)
    assert (cold.severity, cold.bound, cold.limit, cold.value, cold.count) == ("warning", "below", 5, 3, 2)
    assert (hot.last_at, cold.first_at) == ("2026-11-22T10:00:30.000000Z", "2026-11-22T10:00:20.000000Z")
    assert hot.breach_id != cold.breach_id


def test_critical_is_worse_than_a_warning_that_is_further_out() -> None:
    (event,) = gathered(at(1, 85.1), at(2, 75), at(3, 84))
    assert (event.severity, event.value, event.bound, event.count) == ("critical", 85.1, "above", 3)


def test_a_value_on_its_limit_is_no_breach() -> None:
    assert gathered(at(1, 70), at(2, 5)) == []


def test_a_metric_without_a_rule_is_no_breach() -> None:
    assert gathered(record(metrics={"noise": 1e9})) == []


def test_devices_and_metrics_are_told_apart_and_the_gravest_come_first() -> None:
    events = gathered(
        record("a", metrics={"temperature": 71, "battery": 19}), record("b", metrics={"temperature": 90, "battery": 4})
    )
    assert [(event.device_id, event.metric, event.severity) for event in events] == [
        ("b", "temperature", "critical"),
        ("b", "battery", "critical"),
        ("a", "temperature", "warning"),
        ("a", "battery", "warning"),
    ]
    assert len({event.breach_id for event in events}) == 4


def test_the_same_object_makes_the_same_ids_and_another_version_others() -> None:
    first, again = gathered(at(1, 99))[0], gathered(at(1, 99))[0]
    assert first.breach_id == again.breach_id
    other = Breaches(
        THRESHOLDS, source=ObjectRef(bucket="landing", key="incoming/a.json", version_id="v2"), trace_id=None
    )
    readings = decode(json.dumps(at(1, 99)).encode()).readings
    other.evaluate(readings, texts([readings[0].timestamp]))
    assert other.drain()[0].breach_id != first.breach_id


def test_the_reading_s_own_unit_is_told_if_it_is_fit_to_print() -> None:
    assert gathered(at(1, 99, units={"temperature": "K"}))[0].unit == "K"
    assert gathered(at(1, 99, units={"temperature": "K\r\nBcc: all"}))[0].unit is None
    assert gathered(at(1, 99, units={"temperature": "K" * 33}))[0].unit is None


def test_each_reading_s_breaches_are_found_by_its_place() -> None:
    readings = decode(json.dumps([at(1, 60), at(2, 99)]).encode()).readings
    found = Breaches(THRESHOLDS, source=SOURCE, trace_id=None).evaluate(readings, ["a", "b"])
    assert [(place, breach.metric, breach.crossing.limit) for place, each in found.items() for breach in each] == [
        (1, "temperature", 85)
    ]


def test_draining_starts_anew() -> None:
    breaches = Breaches(THRESHOLDS, source=SOURCE, trace_id=None)
    readings = decode(json.dumps(at(1, 99)).encode()).readings
    breaches.evaluate(readings, ["a"])
    assert (len(breaches), len(breaches.drain()), len(breaches), breaches.drain()) == (1, 1, 0, [])
