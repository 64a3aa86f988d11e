from __future__ import annotations

import json
from typing import Any

from lambdas.ingest.decoding.values.timestamps import texts
from lambdas.ingest.domain.breaches import Breach, Breaches, Judgement
from lambdas.shared.events import ObjectRef, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Crossing, Thresholds
from tests.unit.ingest.ingest_kit import decode, record

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
WITH_VALID = Thresholds.parse(
    json.dumps(
        {
            "version": 1,
            "metrics": {
                "temperature": {
                    "unit": "Cel",
                    "warning": {"above": 70},
                    "valid": {"above": -55, "below": 125, "not": [85]},
                }
            },
        }
    )
)


def gathered(*records: dict[str, Any], rules: Thresholds = THRESHOLDS) -> list[ThresholdBreached]:
    breaches = Breaches(rules, source=SOURCE, trace_id="1-2-3", uploaded_at="2026-11-22T10:01:00Z")
    readings = decode(json.dumps(list(records)).encode()).readings
    assert len(readings) == len(records)
    breaches.evaluate(readings, texts([reading.timestamp for reading in readings]))
    return breaches.drain()


def judged(*records: dict[str, Any], rules: Thresholds = THRESHOLDS) -> Judgement:
    readings = decode(json.dumps(list(records)).encode()).readings
    times = texts([reading.timestamp for reading in readings])
    return Breaches(rules, source=SOURCE, trace_id=None).evaluate(readings, times)


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
        uploaded_at="2026-11-22T10:01:00Z",
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


def test_devices_and_metrics_are_told_apart_and_the_most_severe_come_first() -> None:
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


def test_a_value_in_another_unit_is_judged_and_told_in_that_of_its_rule() -> None:
    """86 degF must not be mailed as above 85 degF, a limit that nobody set."""
    assert gathered(at(1, 86, units={"temperature": "degF"})) == []
    (event,) = gathered(at(1, 86), at(2, 194, units={"temperature": "degF"}), at(3, 361.15, units={"temperature": "K"}))
    assert (event.unit, event.value, event.limit, event.count) == ("Cel", 90, 85, 3)
    assert gathered(at(1, 85, units={"temperature": "°C"}), at(2, 185, units={"temperature": "°F"}))[0].limit == 70


def test_a_value_in_a_unit_that_does_not_convert_is_told_and_not_judged() -> None:
    found = judged(at(1, 99, units={"temperature": "C"}), at(2, 99, units={"temperature": "K\r\nBcc: all"}))
    assert (found.breaches, found.implausible) == ({}, {})
    assert [(reject.reason, reject.member, reject.position) for reject in found.rejects] == [
        ("unit_mismatch", "temperature", f"device boiler-7 at 2026-11-22T10:00:0{second}.000000Z") for second in (1, 2)
    ]
    assert [reject.detail for reject in found.rejects] == [
        f"temperature is in {unit}, which does not convert to its rule's Cel: it is stored and not judged"
        for unit in ("'C'", r"'K\r\nBcc: all'")
    ]
    assert found.rejects[0].excerpt.startswith(b'{"device_id":"boiler-7","timestamp":')


def test_where_a_rule_has_no_unit_the_reading_s_own_is_told_if_it_is_fit_to_print() -> None:
    rules = Thresholds.parse('{"version": 1, "metrics": {"temperature": {"critical": {"above": 85}}}}')
    units = []
    for unit in ("K", "K\r\nBcc: all", "K" * 33):
        breaches = Breaches(rules, source=SOURCE, trace_id=None)
        breaches.evaluate(decode(json.dumps(at(1, 99, units={"temperature": unit})).encode()).readings, ["a"])
        units += [event.unit for event in breaches.drain()]
    assert units == ["K", None, None]


def test_what_no_sensor_measures_is_told_and_neither_breach_nor_stored() -> None:
    found = judged(
        at(1, -127),
        at(2, 85),
        at(3, 185, units={"temperature": "degF"}),
        record(metrics={"temperature": 65535, "humidity": 40}),
        at(5, 84.9),
        rules=WITH_VALID,
    )
    assert found.implausible == {place: {"temperature"} for place in range(4)}
    assert [(reject.reason, reject.member) for reject in found.rejects] == [
        *[("implausible_value", "temperature"), ("no_metrics", None)] * 3,
        ("implausible_value", "temperature"),
    ]
    assert found.rejects[4].detail == (
        "temperature is 185, which its rule (metrics.temperature.valid) says that no sensor measures"
    )
    assert list(found.breaches) == [4]


def test_each_reading_s_breaches_are_found_by_its_place() -> None:
    readings = decode(json.dumps([at(1, 60), at(2, 99)]).encode()).readings
    found = Breaches(THRESHOLDS, source=SOURCE, trace_id=None).evaluate(readings, ["a", "b"])
    assert [
        (place, breach.metric, breach.crossing.limit)
        for place, breaches in found.breaches.items()
        for breach in breaches
    ] == [(1, "temperature", 85)]


def test_draining_starts_anew() -> None:
    breaches = Breaches(THRESHOLDS, source=SOURCE, trace_id=None)
    readings = decode(json.dumps(at(1, 99)).encode()).readings
    breaches.evaluate(readings, ["a"])
    assert (len(breaches), len(breaches.drain()), len(breaches), breaches.drain()) == (1, 1, 0, [])


def test_a_device_beyond_the_bound_a_metric_without_a_rule_and_a_bad_value_hold_up_no_other() -> None:
    readings = decode(
        json.dumps(
            [at(1, 99, "too-many"), record("b", metrics={"noise": 1, "temperature": 85, "battery": 4}), at(3, 99)]
        ).encode()
    ).readings
    rules = {
        "temperature": {"warning": {"above": 70}, "valid": {"not": [85]}},
        "battery": {"warning": {"below": 20}},
    }
    thresholds = Thresholds.parse(json.dumps({"version": 1, "metrics": rules}))
    found = Breaches(thresholds, source=SOURCE, trace_id=None).evaluate(readings, "abc", beyond={"too-many"})
    assert {place: [breach.metric for breach in each] for place, each in found.breaches.items()} == {
        1: ["battery"],
        2: ["temperature"],
    }


def test_a_rule_of_the_device_is_the_one_that_judges() -> None:
    rules = {"version": 1, "devices": {"boiler-*": {"temperature": {"warning": {"above": 10}}}}}
    assert list(judged(at(1, 11, "pump-1"), at(2, 11), rules=Thresholds.parse(json.dumps(rules))).breaches) == [1]


def test_a_breach_names_its_value_only_where_the_reading_has_it_in_another_unit() -> None:
    found = judged(at(1, 86), at(2, 86, units={"temperature": "Cel"}), at(3, 194, units={"temperature": "degF"}))
    crossing = Crossing(severity="critical", bound="above", limit=85)
    assert found.breaches == {
        0: [Breach(metric="temperature", crossing=crossing, value=None, unit="Cel")],
        1: [Breach(metric="temperature", crossing=crossing, value=None, unit="Cel")],
        2: [Breach(metric="temperature", crossing=crossing, value=90, unit="Cel")],
    }


def test_a_reject_says_where_and_why_in_words_of_bounded_length() -> None:
    (implausible, empty) = judged(at(1, 85), rules=WITH_VALID).rejects
    assert (implausible.position, implausible.offset) == ("device boiler-7 at 2026-11-22T10:00:01.000000Z", 0)
    assert (empty.position, empty.detail) == (implausible.position, "none of its metrics is plausible")
    (mismatch,) = judged(at(1, 99, units={"temperature": "x" * 33})).rejects
    assert mismatch.detail.startswith(f"temperature is in '{'x' * 32}', which")


def test_of_two_that_are_equally_far_past_the_first_is_told() -> None:
    rules = Thresholds.parse('{"version": 1, "metrics": {"temperature": {"critical": {"above": 85}}}}')
    breaches = Breaches(rules, source=SOURCE, trace_id=None)
    readings = decode(json.dumps([at(1, 99, units={"temperature": unit}) for unit in "KC"]).encode()).readings
    breaches.evaluate(readings, "ab")
    assert [event.unit for event in breaches.drain()] == ["K"]


def test_what_was_drained_is_told_again_only_for_another_severity_metric_or_device() -> None:
    breaches = Breaches(THRESHOLDS, source=SOURCE, trace_id=None)

    def told(*records: dict[str, Any]) -> list[tuple[str, str, str]]:
        readings = decode(json.dumps(list(records)).encode()).readings
        breaches.evaluate(readings, ["a"] * len(readings))
        return [(event.device_id, event.metric, event.severity) for event in breaches.drain()]

    assert told(at(1, 71)) == [("boiler-7", "temperature", "warning")]
    assert told(at(2, 80), record("boiler-7", metrics={"battery": 19})) == [("boiler-7", "battery", "warning")]
    assert told(at(3, 99), at(4, 71, "b")) == [
        ("boiler-7", "temperature", "critical"),
        ("b", "temperature", "warning"),
    ]
    assert told(at(5, 71), at(6, 99)) == []


def test_the_tag_that_routes_is_that_of_the_worst_reading() -> None:
    def tags(*records: dict[str, Any], route_by: str | None = "site") -> dict[str, str] | None:
        metrics = {"temperature": {"unit": "Cel", "warning": {"above": 70}}}
        document = {"version": 1, "metrics": metrics} | ({"route_by": route_by} if route_by else {})
        (event,) = gathered(*records, rules=Thresholds.parse(json.dumps(document)))
        return event.tags

    one, two = at(10, 90, tags={"site": "plant-1", "line": "4"}), at(20, 95, tags={"site": "plant-2"})
    assert tags(one, two) == tags(two, one) == {"site": "plant-2"}
    assert tags(one, two, route_by=None) is None
    assert tags(one, at(20, 95)) is None
    for unfit in ("", "s" * 129, "a\nb"):
        assert tags(at(10, 90, tags={"site": unfit})) is None
