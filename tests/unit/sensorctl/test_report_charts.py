"""What is drawn of a device, and what is left out of a chart with too many points."""

from report_kit import MINUTE, NOON, THRESHOLDS, at, reading, readings

from lambdas.shared.contracts import Severity
from sensorctl.report.charts import axis, device, limits_of
from sensorctl.report.model import Limit, Point
from sensorctl.report.thinning import thin


def points(values: list[float], *, limit: float = 1_000, grave: float = 10_000) -> list[Point]:
    def severity(value: float) -> Severity | None:
        return "critical" if value > grave else "warning" if value > limit else None

    return [
        Point(at=NOON + place * MINUTE, value=value, severity=severity(value)) for place, value in enumerate(values)
    ]


def test_few_points_all_stay() -> None:
    made = points([float(n) for n in range(100)])
    assert thin(made, most=100) == tuple(made)


def test_thinned_points_keep_both_ends_the_extremes_and_their_order() -> None:
    made = points([float(n % 50) for n in range(10_000)])
    made[1234] = Point(at=made[1234].at, value=-7.0)
    made[4321] = Point(at=made[4321].at, value=99.0)
    kept = thin(made, most=200)
    assert {made[0], made[-1], made[1234], made[4321]} <= set(kept)
    assert list(kept) == sorted(kept, key=lambda point: point.at)
    assert 150 <= len(kept) <= 202


def test_thinned_points_keep_every_breach_that_fits() -> None:
    made = points([2_000.0 if n % 500 == 3 else float(n % 7) for n in range(10_000)])
    breaches = {point for point in made if point.severity}
    assert len(breaches) == 20
    assert breaches <= set(thin(made, most=200))


def test_too_many_breaches_keep_the_worst_of_both_severities() -> None:
    made = points([2_000.0 + n if n % 2 else 20_000.0 - n for n in range(8_000)])
    kept = thin(made, most=200)
    assert len(kept) <= 202
    for severity in ("warning", "critical"):
        worst = max((point for point in made if point.severity == severity), key=lambda point: point.value)
        assert worst in kept


def test_points_of_one_instant_are_thinned_too() -> None:
    made = [Point(at=NOON, value=float(n)) for n in range(1_000)]
    assert [point.value for point in thin(made, most=100)] == [0.0, 999.0]


def test_a_chart_tells_values_breaches_limits_and_unit() -> None:
    made = device("boiler-7", readings([60, 72, 90, 62]), thresholds=THRESHOLDS, most=100)
    (chart,) = made.charts
    assert [(point.at, point.value, point.severity) for point in chart.points] == [
        (at(0), 60.0, None),
        (at(1), 72.0, "warning"),
        (at(2), 90.0, "critical"),
        (at(3), 62.0, None),
    ]
    assert (chart.metric, chart.unit, chart.count, chart.breaches) == ("temperature", "Cel", 4, 2)
    assert {(limit.level, limit.value) for limit in chart.limits} == {("critical", 85), ("warning", 70), ("clear", 65)}
    assert (made.readings, made.last_at) == (4, at(3))


def test_a_unit_that_the_device_names_wins_over_the_rules() -> None:
    (chart,) = device("d", [{**reading(0, 60), "units": {"temperature": "K"}}], thresholds=THRESHOLDS, most=100).charts
    assert chart.unit == "K"


def test_each_metric_has_a_chart_and_without_thresholds_no_limits() -> None:
    item = {**reading(0, 60), "metrics": {"b": 1, "a": 2}}
    made = device("d", [item], thresholds=None, most=100)
    assert [(chart.metric, chart.limits) for chart in made.charts] == [("a", ()), ("b", ())]


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
