"""A number that is kept reads back equal, equal readings share a key and different ones do not."""

from __future__ import annotations

import decimal
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.ingest.decoding.reading import Reading, RecordError
from lambdas.ingest.decoding.values.numbers import check_value, number_text
from lambdas.ingest.domain.items import reading_id
from lambdas.shared.numbers import is_storable
from tests.properties.examples import examples

TIME = "2026-11-22T10:00:00.000000Z"
DYNAMODB = decimal.Context(prec=38, Emin=-128, Emax=126, traps=[decimal.Inexact, decimal.Overflow, decimal.Underflow])
any_number = (
    st.floats(allow_nan=False)
    | st.integers()
    | st.integers(-(10**45), 10**45)
    | st.integers().map(lambda n: n * 10**60)
)


@given(any_number)
@settings(max_examples=examples(125), deadline=None)
def test_a_number_is_kept_exactly_or_refused(value: float) -> None:
    if not is_storable(value):
        with pytest.raises(RecordError, match="cannot be kept") as raised:
            check_value(value, "t")
        assert raised.value.problem.reason == "value_out_of_range"
        assert value != 0
        assert isinstance(value, int) or not 1e-130 <= abs(value) <= 9.9e125
        return
    assert check_value(value, "t") == value
    kept = DYNAMODB.create_decimal(number_text(value))
    assert (int(kept) if isinstance(value, int) else float(kept)) == value


@given(any_number, any_number)
@settings(max_examples=examples(75), deadline=None)
def test_numbers_share_a_text_only_if_they_are_the_same_decimal(one: float, other: float) -> None:
    assert number_text(one) != number_text(other) or one == other
    if one == int(one) if abs(one) < 1e15 else False:
        assert number_text(float(one)) == number_text(int(one))


readings: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "device_id": st.sampled_from(["a", "b"]),
        "metrics": st.dictionaries(st.sampled_from(["t", "u"]), st.sampled_from([0, 1, 1.0, 1.5, -0.0]), min_size=1),
        "units": st.none() | st.dictionaries(st.sampled_from(["t", "u"]), st.sampled_from(["", "Cel"]), max_size=2),
        "tags": st.none() | st.dictionaries(st.text(min_size=1, max_size=2), st.text(max_size=2), max_size=2),
    }
)


@given(readings, readings)
@settings(max_examples=examples(75), deadline=None)
def test_readings_share_a_key_exactly_if_they_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    moment = datetime(2026, 11, 22, 10, tzinfo=UTC)

    def key(reading: dict[str, Any]) -> tuple[str, str]:
        return reading["device_id"], reading_id(Reading(timestamp=moment, **reading), TIME)

    def meaning(reading: dict[str, Any]) -> str:
        floats = {name: float(value) + 0.0 for name, value in reading["metrics"].items()}
        return json.dumps(
            {**reading, "metrics": floats, "units": reading["units"] or {}, "tags": reading["tags"] or {}},
            sort_keys=True,
        )

    assert (key(one) == key(other)) == (meaning(one) == meaning(other))
