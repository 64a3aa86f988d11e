"""Every number that DynamoDB can hold comes back, through every command and chart."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from lambdas.alert.adapters.codec import plain
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.readings import query as readings
from sensorctl.readings.trend import summary, trends
from sensorctl.report import charts

_THRESHOLDS = Thresholds.parse(Path("thresholds.json").read_bytes())
# DynamoDB Developer Guide, "Supported data types and naming rules in Amazon DynamoDB", Number: 38 significant digits,
# 1E-130 to 9.99...E+125 in size. The emulators answer with all 126 digits, DynamoDB with an exponent.
_EXTREMES = [
    "9" * 38,
    "9" * 38 + "0" * 88,
    "-" + "9" * 38 + "0" * 88,
    "9.9E+125",
    "1E-130",
    "-1E-130",
    "0",
    "1." + "1" * 37,
]
_digits = st.integers(1, 10**38 - 1).map(str)
_numbers = st.builds(
    lambda sign, digits, exponent: f"{sign}{digits}E{exponent - len(digits) + 1}",
    st.sampled_from(("", "-")),
    _digits,
    st.integers(-130, 125),
)


def _item(*values: str, second: int = 0) -> dict[str, object]:
    metrics = {f"temperature{place or ''}": {"N": value} for place, value in enumerate(values)}
    return plain(
        {
            "device_id": {"S": "boiler-7"},
            "reading_id": {"S": f"2026-11-22T10:00:{second:02}.000000Z#0123456789abcdef"},
            "metrics": {"M": metrics},
            "source": {"M": {"key": {"S": "incoming/boiler-7/1.json"}}},
        }
    )


@pytest.mark.parametrize("text", _EXTREMES)
def test_a_number_is_read_back_whatever_its_size_and_however_it_is_written(text: str) -> None:
    item = _item(text)

    assert item["metrics"] == {"temperature": pytest.approx(float(text))}


def test_an_integer_stays_exact() -> None:
    assert _item("12345678901234567890123456789012345678")["metrics"] == {
        "temperature": 12345678901234567890123456789012345678
    }


@settings(deadline=None)
@given(st.lists(_numbers, min_size=1, max_size=5))
def test_tables_json_and_charts_take_any_storable_number(numbers: list[str]) -> None:
    items = [_item(number, second=place) for place, number in enumerate([*numbers, *_EXTREMES])]
    console = Console(file=io.StringIO(), width=80)

    console.print(readings.table(items, now=datetime.now(UTC)))
    console.print(summary(trends(items, device_id="boiler-7", thresholds=_THRESHOLDS), width=80))
    shown = charts.device("boiler-7", items, thresholds=_THRESHOLDS, most=100)

    assert [json.loads(json.dumps(readings.to_json(item))) for item in items]
    (chart,) = shown.charts
    assert all(chart.lowest <= point.value <= chart.highest for point in chart.points)
