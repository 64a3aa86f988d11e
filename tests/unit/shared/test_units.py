from __future__ import annotations

import pytest

from lambdas.shared.thresholds.thresholds import Bounds, Rule, Valid
from lambdas.shared.units import convert

RULE = Rule(unit="Cel", critical=Bounds(above=85), valid=Valid(above=-55, below=125, excluded=(85,)), source="t")


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (86, "degF", "Cel", 30),
        (98.6, "°F", "Cel", 37),
        (-40, "℉", "degC", -40),
        (30, "°C", "degF", 86),
        (0, "Cel", "K", 273.15),
        (273.16, "K", "Cel", 0.01),
        # RFC 8798 section 4 has these two as its examples.
        (100, "ms", "s", 0.1),
        (10, "dBm", "dBW", -20),
        (1013.25, "hPa", "Pa", 101325),
        (36, "km/h", "m/s", 10),
        (1, "kWh", "Wh", 1000),
        (3600000, "mm/h", "m/s", 1),
        (12, "µg/m3", "kg/m3", 1.2e-8),
        (500, "ppm", "/100", 0.05),
        (1500, "g", "kg", 1.5),
        (40, "%", "%RH", 40),
        (7, "widgets", "widgets", 7),
    ],
)
def test_a_value_converts_to_the_digit(value: float, unit: str, to: str, expected: float) -> None:
    assert convert(value, unit, to) == expected


@pytest.mark.parametrize(
    ("unit", "to"), [("C", "Cel"), ("F", "degF"), ("%", "/"), ("%RH", "/"), ("cel", "Cel"), ("Cel", "Pa"), ("", "Cel")]
)
def test_a_unit_that_may_be_another_one_does_not_convert(unit: str, to: str) -> None:
    """C is the coulomb and F the farad (RFC 8428 section 12.1); "%" is a ratio there, and a percentage to devices."""
    assert convert(20, unit, to) is None


def test_what_no_table_could_keep_does_not_convert() -> None:
    assert convert(9e125, "GB", "B") is None
    assert convert(1e-130, "mm/h", "m/s") is None


@pytest.mark.parametrize(
    ("value", "unit", "judged"),
    [
        (30, None, 30),
        (30, "Cel", 30),
        (86, "degF", 30),
        (86, "F", None),
        (85, "Cel", None),
        (185, "degF", None),
        (-55, None, None),
        (125, None, None),
        (124.9, None, 124.9),
    ],
)
def test_a_rule_judges_what_is_plausible_in_its_own_unit(value: float, unit: str | None, judged: float | None) -> None:
    assert RULE.judged(value, unit) == judged


def test_a_rule_without_a_unit_takes_values_as_they_are() -> None:
    assert Rule(critical=Bounds(above=85), source="t").judged(86, "F") == 86
