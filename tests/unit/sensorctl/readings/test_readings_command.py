"""`sensorctl readings` and the sparkline under it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.aws.outputs import Pipeline
from sensorctl.readings.sparkline import sparkline, thinned
from sensorctl.readings.trend import limits, trends
from tests.unit.sensorctl.command_kit import PARAMETER, sensorctl
from tests.unit.sensorctl.pipeline_kit import keep, whole_stage

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """`boiler-7` each minute from noon on: temperature 60 to 90, and at noon its battery too."""
    with whole_stage(monkeypatch) as pipeline:
        for minute, value in enumerate((60, 72, Decimal("90.5"), 66)):
            severity = {72: "warning", Decimal("90.5"): "critical"}.get(value)
            metrics = {"temperature": value, **({"battery": 50} if minute == 0 else {})}
            keep("boiler-7", NOON + minute * MINUTE, severity=severity, metrics=metrics, units={"temperature": "Cel"})
        yield pipeline


def temperatures(*arguments: str) -> list[float]:
    result = sensorctl("readings", "boiler-7", "--json", *arguments)
    return [json.loads(line)["metrics"]["temperature"] for line in result.out.splitlines()]


def test_readings_come_newest_first_with_exact_values(deployed: Pipeline) -> None:
    assert temperatures() == [66, 90.5, 72, 60]
    assert temperatures("--limit", "2") == [66, 90.5]


def test_since_takes_its_instant_in_and_until_leaves_it_out(deployed: Pipeline) -> None:
    assert temperatures("--since", "2026-11-22T12:01:00Z") == [66, 90.5, 72]
    assert temperatures("--until", "2026-11-22T12:02:00Z") == [72, 60]
    assert temperatures("--since", "2026-11-22T12:01:00Z", "--until", "2026-11-22T12:02:00Z") == [72]


def test_a_metric_is_shown_alone_and_only_where_it_was_measured(deployed: Pipeline) -> None:
    (line,) = sensorctl("readings", "boiler-7", "--metric", "battery", "--json").out.splitlines()
    assert json.loads(line)["metrics"] == {"battery": 50}


def test_each_metric_has_a_line_with_least_greatest_last_limits_and_course(deployed: Pipeline) -> None:
    out = sensorctl("readings", "boiler-7").out
    (line,) = [line for line in out.splitlines() if line.startswith("temperature")]
    for sentence in ("60", "90.5", "66 Cel", "warning above 70, critical above 85", "▁▄█▂"):
        assert sentence in line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody"], "no reading of nobody is stored; ids are case sensitive"),
        (["boiler-7", "--since", "2027-01-01"], "no reading of boiler-7 is stored in that time"),
        (["boiler-7", "--metric", "colour"], "no reading of colour of boiler-7"),
        (["boiler-7", "--since", "2026-11-22", "--until", "2026-11-21"], "--until must be later than --since"),
    ],
)
def test_what_is_not_there_is_reported_in_one_sentence(deployed: Pipeline, arguments: list[str], sentence: str) -> None:
    result = sensorctl("readings", *arguments)
    assert (result.code, sentence in result.error) == (2, True)


def test_without_valid_thresholds_readings_are_shown_without_limits(deployed: Pipeline) -> None:
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value="{", Type="String", Overwrite=True)
    result = sensorctl("readings", "boiler-7")
    assert result.code == 0
    assert "no limits are shown" in result.out
    assert "warning above" not in result.out


def test_limits_are_reported_in_words() -> None:
    document = (
        '{"version": 1, "metrics": {"a": {"warning": {"above": 9, "below": 1}, "critical": {"above": 12}},'
        ' "b": {"critical": {"below": 5}}}}'
    )
    rule_for = Thresholds.parse(document).rule_for
    assert limits(rule_for("d", "a")) == "warning above 9 or below 1, critical above 12"
    assert limits(rule_for("d", "b")) == "critical below 5"
    assert limits(rule_for("d", "c")) == "none"


def test_a_course_is_in_the_order_of_time_with_the_newest_unit() -> None:
    items: list[dict[str, Any]] = [
        {"metrics": {"t": Decimal(2)}, "units": {"t": "K"}},
        {"metrics": {"t": Decimal(1)}},
        {"metrics": {"t": Decimal(9)}, "units": {"t": "C"}},
        {"metrics": {"t": Decimal(0)}, "units": {"t": "Cel"}},
    ]
    (trend,) = trends(items, device_id="d", thresholds=None)
    assert (trend.values, trend.unit) == ((273.15, 1, 2), "K")


# The sparkline.

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=300), st.integers(1, 80))
def test_a_sparkline_has_a_bar_for_each_value_up_to_its_width(values: list[float], width: int) -> None:
    assert len(sparkline(values, width=width).plain) == min(len(values), width)


@given(st.lists(st.integers(0, 10), min_size=50, max_size=300), st.integers(1, 20), st.data())
def test_a_spike_is_never_thinned_away(values: list[int], width: int, data: st.DataObject) -> None:
    spiked = [float(value) for value in values]
    spiked[data.draw(st.integers(0, len(values) - 1))] = 10_000.0
    assert 10_000.0 in thinned(spiked, width=width)


def test_the_least_is_the_lowest_bar_and_the_greatest_the_highest() -> None:
    assert sparkline([0, 7, 3.5], width=10).plain == "▁█▅"
    assert sparkline([4, 4], width=10).plain == "▁▁"
    assert sparkline([], width=10).plain == ""


def test_bars_have_the_style_of_their_value() -> None:
    line = sparkline([1, 9], width=10, style=lambda value: "red" if value > 5 else "")
    assert [(span.start, span.end, span.style) for span in line.spans] == [(1, 2, "red")]
