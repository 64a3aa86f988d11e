from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Context, Inexact

import pytest

from lambdas.ingest.decoding.reading import Problem, RecordError
from lambdas.ingest.decoding.values.identifiers import Names, check_device_id, check_metric
from lambdas.ingest.decoding.values.numbers import (
    OUT_OF_RANGE,
    Unusable,
    check_value,
    described,
    from_text,
    integer,
    is_number,
    number_text,
    real,
)
from tests.unit.ingest.ingest_kit import TIME, decode

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


# Names.


@pytest.mark.parametrize(
    ("value", "device_id"), [("d", "d"), (7, "7"), (-1, "-1"), ("Ab9:./_-", "Ab9:./_-"), ("x" * 128, "x" * 128)]
)
def test_a_device_id_is_a_name_or_the_digits_of_an_integer(value: object, device_id: str) -> None:
    assert check_device_id(value) == device_id


NAME_RULE = "only letters, digits and - : . / _ are allowed, and no :// of a link"


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (None, "device_id is missing"),
        (True, "device_id is a boolean, not text"),
        (1.5, "device_id is a number, not text"),
        ([], "device_id is an array, not text"),
        ("", "device_id is empty"),
        ("x" * 129, "device_id has 129 characters; at most 128 are allowed"),
        ("a b", f"device_id is 'a b'; {NAME_RULE}"),
        ("a\n", f"device_id is 'a\\n'; {NAME_RULE}"),
        ("http://a", f"device_id is 'http://a'; {NAME_RULE}"),
        ("\u00e9", f"device_id is '\\xe9'; {NAME_RULE}"),
    ],
)
def test_what_is_no_device_id_is_refused_in_a_sentence(value: object, detail: str) -> None:
    assert problem_of(lambda: check_device_id(value)) == Problem("invalid_device_id", detail)


def test_a_device_id_is_called_what_a_person_calls_it() -> None:
    assert problem_of(lambda: check_device_id(None, "the name")).detail == "the name is missing"
    assert problem_of(lambda: check_device_id("", "the name")).detail == "the name is empty"


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("", "a metric name is empty"),
        ("x" * 65, "a metric name has 65 characters; at most 64 are allowed"),
        ("a b", f"a metric name is 'a b'; {NAME_RULE}"),
    ],
)
def test_what_is_no_metric_is_refused_with_its_name(name: str, detail: str) -> None:
    assert problem_of(lambda: check_metric(name)) == Problem("invalid_metric", detail, name)
    assert check_metric("x" * 64) == "x" * 64


@pytest.mark.parametrize(
    ("devices", "metrics", "good"),
    [
        ({"d", "x" * 128}, {"m", "x" * 64}, True),
        ({"x" * 129}, {"m"}, False),
        ({"d"}, {"x" * 65}, False),
        ({"d", "a b"}, {"m"}, False),
        ({"d"}, {"m", ""}, False),
        ({"d"}, {"a://b"}, False),
    ],
)
def test_a_block_of_names_is_good_if_each_is_and_stays_so(devices: set[str], metrics: set[str], good: bool) -> None:
    names = Names()
    assert names.all_good(devices=devices, metrics=metrics) is good
    assert names.all_good(devices={"d"}, metrics={"m"})
    assert names.all_good(devices=devices, metrics=metrics) is good


def test_a_good_metric_does_not_make_a_good_device_nor_the_other_way_round() -> None:
    names = Names()
    assert names.all_good(devices={"x" * 100}, metrics={"m"})
    assert not names.all_good(devices={"d"}, metrics={"x" * 100})


# Values.


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5), (-5.5, -5.5), (0, 0), (0.0, 0), (True, 1), (False, 0), (" 7 ", 7), ("-1.5e3", -1500.0), ("+.5", 0.5),
        (1e-130, 1e-130), (-9.9e125, -9.9e125), (10**38 - 1, 10**38 - 1), (10**40, 10**40), (-(10**38), -(10**38)),
    ],
)  # fmt: skip
def test_a_number_a_boolean_and_a_number_as_text_are_values(value: object, number: float) -> None:
    found = check_value(value, "t")
    assert (found, type(found)) == (number, float if isinstance(value, float) else type(number))


@pytest.mark.parametrize(
    "value", [1e-131, -1e126, 10**38 + 1, -(10**38) - 1, OUT_OF_RANGE, "1e400", "1e-400", "9" * 401]
)
def test_a_number_that_cannot_be_kept_is_refused_with_the_range(value: object) -> None:
    detail = "cannot be kept: a number is 0 or 1e-130 to 9.9e125 in size, an integer has at most 38 digits"
    assert problem_of(lambda: check_value(value, "t")) == Problem("value_out_of_range", f"t {detail}", "t")
    long = "x" * 70
    assert problem_of(lambda: check_value(value, long)) == Problem("value_out_of_range", f"{long[:64]} {detail}", long)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "null"),
        ([], "an array"),
        ({}, "an object"),
        ("", "the text ''"),
        ("one", "the text 'one'"),
        ("1 2", "the text '1 2'"),
        ("0x10", "the text '0x10'"),
        ("1_000", "the text '1_000'"),
        ("\u0661", "the text '\\u0661'"),
        ("y" * 40, f"the text '{'y' * 32}'"),
        (Unusable("NaN"), "NaN"),
        (Unusable("-Infinity"), "-Infinity"),
    ],
)
def test_what_is_no_number_is_refused_with_what_it_is(value: object, what: str) -> None:
    assert problem_of(lambda: check_value(value, "t")) == Problem("invalid_value", f"t is {what}, not a number", "t")
    long = "x" * 70
    assert problem_of(lambda: check_value(value, long)).detail == f"{long[:64]} is {what}, not a number"


def test_each_kind_of_value_has_its_word() -> None:
    values: tuple[object, ...] = (None, True, [], {}, 5, 1.5, OUT_OF_RANGE)
    words = ["null", "a boolean", "an array", "an object", "a number", "a number", "a number"]
    assert [described(value) for value in values] == words
    assert [is_number(value) for value in values] == [False, False, False, False, True, True, False]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7), ("-7", -7), ("+7", 7), ("7.", 7.0), (".5", 0.5), ("1e2", 100.0), ("-0", 0), ("0e5", 0.0),
        ("0.000e-9", 0.0), ("1" + "0" * 399, 10**399), ("1" + "0" * 400, OUT_OF_RANGE), ("1e-400", OUT_OF_RANGE),
        ("-0.1E-400", OUT_OF_RANGE), ("1e309", OUT_OF_RANGE), ("-1e309", OUT_OF_RANGE), (".", None), ("e5", None),
        ("nan", None), ("inf", None), ("", None), ("1e", None),
    ],
)  # fmt: skip
def test_text_is_read_as_json_and_a_little_more(text: str, number: float | Unusable | None) -> None:
    assert from_text(text) == from_text(f" {text}\t") == number
    assert type(from_text(text)) is type(number)


@pytest.mark.parametrize("literal", ["-0.0", "+0.0", "0e400", "0.00E-400"])
def test_a_literal_of_zeros_is_zero(literal: str) -> None:
    assert real(literal) == 0


def test_a_literal_beyond_what_is_kept_is_out_of_range() -> None:
    assert integer("1" * 400) == int("1" * 400)
    assert integer("1" * 401) == real("1e400") == real("-5e-400") == real(f"0.{'0' * 400}1") == OUT_OF_RANGE


def problem_of(check: Callable[[], object]) -> Problem:
    """What the check refuses."""
    with pytest.raises(RecordError) as refused:
        check()
    assert str(refused.value) == refused.value.problem.detail
    return refused.value.problem
