from __future__ import annotations

import json
from decimal import Context, Inexact

import pytest
from ingest_kit import TIME, decode

from lambdas.ingest.decoding.numbers import number_text

# What boto3 and DynamoDB do with a number: 38 digits, and no rounding without an error.
DYNAMODB = Context(prec=38, Emin=-128, Emax=126, traps=[])

NUMBERS = [
    "0", "-0", "0.0", "-0.0", "1", "1.0", "100", "1e2", "-273.15", "92.4", "0.1", "1e-5", "1e-130", "9.9e125",
    "-9.9e125", "1e22", "1e23", "123456789012345678901234567890", "9" * 38, "1" + "0" * 60,
    "0.1000000000000000055511151231257827", "3.141592653589793115997963468544185161590576171875",
    "2.2250738585072014e-100", "5e125", "0.30000000000000004",
]  # fmt: skip


@pytest.mark.parametrize("literal", NUMBERS)
@pytest.mark.parametrize("unusual", [False, True], ids=["fast", "slow"])
def test_a_number_reads_back_equal(literal: str, unusual: bool) -> None:
    extra = ', "x": 1' if unusual else ""
    decoded = decode(f'{{"device_id": "d", "timestamp": "{TIME}", "metrics": {{"t": {literal}}}{extra}}}'.encode())
    assert decoded.rejects == []
    value = decoded.readings[0].metrics["t"]
    expected = json.loads(literal)
    assert (value, type(value)) == (expected, type(expected))
    kept = DYNAMODB.create_decimal(number_text(value))
    assert not DYNAMODB.flags[Inexact]
    assert (int(kept) if isinstance(expected, int) else float(kept)) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.0, "0"),
        (-5.0, "-5"),
        (92.4, "92.4"),
        (1e22, "1" + "0" * 22),
        (1e23, "1" + "0" * 23),
        (1e-5, "1e-05"),
        (-1.5e100, "-15" + "0" * 99),
    ],
)
def test_equal_numbers_have_one_text(value: float, text: str) -> None:
    assert number_text(value) == text
