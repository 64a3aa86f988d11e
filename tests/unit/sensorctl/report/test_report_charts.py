"""What is drawn of a device, and what is left out of a chart with too many points."""

from typing import Any

from lambdas.shared.events import Severity
from sensorctl.report.charts import axis, device, gaps_of, limits_of
from sensorctl.report.model import Limit, Point
from sensorctl.report.thinning import thin
from tests.unit.sensorctl.report.report_kit import MINUTE, NOON, THRESHOLDS, at, reading, readings


def points(values: list[float], *, limit: float = 1_000, grave: float = 10_000) -> list[Point]:
    def severity(value: float) -> Severity | None:
        return "critical" if value > grave else "warning" if value > limit else None

    return [
        Point(at=NOON + place * MINUTE, value=value, severity=severity(value)) for place, value in enumerate(values)
    ]


def test_few_points_all_stay() -> None:
    all_points = points([float(n) for n in range(100)])
    assert thin(all_points, most=100) == tuple(all_points)


def test_thinned_points_keep_both_ends_the_extremes_and_their_order() -> None:
    all_points = points([float(n % 50) for n in range(10_000)])
    all_points[1234] = Point(at=all_points[1234].at, value=-7.0)
    all_points[4321] = Point(at=all_points[4321].at, value=99.0)
    kept = thin(all_points, most=200)
    assert {all_points[0], all_points[-1], all_points[1234], all_points[4321]} <= set(kept)
    assert list(kept) == sorted(kept, key=lambda point: point.at)
    assert 150 <= len(kept) <= 202


def test_thinned_points_keep_every_breach_that_fits() -> None:
    all_points = points([2_000.0 if n % 500 == 3 else float(n % 7) for n in range(10_000)])
    breaches = {point for point in all_points if point.severity}
    assert len(breaches) == 20
    assert breaches <= set(thin(all_points, most=200))


def test_too_many_breaches_keep_the_worst_of_both_severities() -> None:
    all_points = points([2_000.0 + n if n % 2 else 20_000.0 - n for n in range(8_000)])
    kept = thin(all_points, most=200)
    assert len(kept) <= 202
    for severity in ("warning", "critical"):
        worst = max((point for point in all_points if point.severity == severity), key=lambda point: point.value)
        assert worst in kept


def test_points_of_one_instant_are_thinned_too() -> None:
    all_points = [Point(at=NOON, value=float(n)) for n in range(1_000)]
    assert [point.value for point in thin(all_points, most=100)] == [0.0, 999.0]


def test_a_chart_has_values_breaches_limits_and_unit() -> None:
    drawn = device("boiler-7", readings([60, 72, 90, 62]), thresholds=THRESHOLDS, most=100)
    (chart,) = drawn.charts
    assert [(point.at, point.value, point.severity) for point in chart.points] == [
        (at(0), 60.0, None),
        (at(1), 72.0, "warning"),
        (at(2), 90.0, "critical"),
        (at(3), 62.0, None),
    ]
    assert (chart.metric, chart.unit, chart.count, chart.breaches) == ("temperature", "Cel", 4, 2)
    assert {(limit.level, limit.value) for limit in chart.limits} == {("critical", 85), ("warning", 70), ("clear", 65)}
    assert (drawn.readings, drawn.last_at) == (4, at(3))


def in_unit(minute: int, value: float, unit: str) -> dict[str, Any]:
    return {**reading(minute, value), "units": {"temperature": unit}}


def test_values_are_charted_in_the_unit_of_the_limits() -> None:
    items = [in_unit(0, 86, "degF"), in_unit(1, 303.15, "K"), in_unit(2, 30, "C"), reading(3, 30)]
    (chart,) = device("d", items, thresholds=THRESHOLDS, most=100).charts
    assert (chart.unit, [point.value for point in chart.points]) == ("Cel", [30.0, 30.0, 30.0])
    assert len(chart.limits) == 3


def test_what_does_not_convert_is_charted_in_its_own_unit_without_limits() -> None:
    (chart,) = device("d", [reading(0, 60), in_unit(1, 61, "C")], thresholds=THRESHOLDS, most=100).charts
    assert (chart.unit, [point.value for point in chart.points], chart.limits) == ("C", [61.0], ())


def test_each_metric_has_a_chart_and_without_thresholds_no_limits() -> None:
    item = {**reading(0, 60), "metrics": {"b": 1, "a": 2}}
    drawn = device("d", [item], thresholds=None, most=100)
    assert [(chart.metric, chart.limits) for chart in drawn.charts] == [("a", ()), ("b", ())]


def test_limits_below_are_limits_too() -> None:
    limits = limits_of(THRESHOLDS.rule_for("d", "battery"))
    assert [(limit.level, limit.bound, limit.value) for limit in limits] == [
        ("critical", "below", 5),
        ("warning", "below", 20),
        ("clear", "above", 25),
    ]


def test_the_axis_reaches_out_to_a_near_limit_and_not_to_a_far_one() -> None:
    near, far = (Limit(level="warning", bound="above", value=value) for value in (70.0, 500.0))
    lowest, highest = axis([55.0, 65.0], [near, far])
    assert lowest < 55
    assert 70 < highest < 80


def test_the_axis_of_one_value_has_a_height() -> None:
    for value in (0.0, 21.0):
        lowest, highest = axis([value], [])
        assert lowest < value < highest


def test_a_gap_is_longer_than_the_device_may_be_silent_or_ten_of_its_pauses() -> None:
    items = [reading(minute, 60) for minute in (0, 1, 2, 3, 20, 21)]
    assert gaps_of(items, silent_after=None) == ((at(3), at(20)),)
    assert gaps_of(items, silent_after=30 * MINUTE) == ()
    assert gaps_of(items, silent_after=0.5 * MINUTE)[0] == (at(0), at(1))
    assert gaps_of(items[:1], silent_after=None) == ()
