"""The native and the flat form by themselves: a block, taken whole or not at all, and a record with its reasons."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.ingest.decoding.limits import Limits
from lambdas.ingest.decoding.native import NativeReader, is_shallow, texts
from lambdas.ingest.decoding.reading import Problem, Reading, RecordError, TolerantReading, UnclockedReading
from lambdas.ingest.decoding.values.numbers import OUT_OF_RANGE, Unusable
from tests.unit.ingest.ingest_kit import NOW, record, text

TIME = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
GOOD = Reading("boiler-7", TIME, {"temperature": 20.5})
UNKNOWN = {"device_id": "d", "timestamp": "2026-11-22T10:00:00Z", "metrics": {"t": 1}, "x": 1}


@pytest.fixture
def reader() -> NativeReader:
    return NativeReader(now=NOW, limits=Limits())


@pytest.fixture
def tolerant(reader: NativeReader) -> NativeReader:
    """One that has met a member it does not know."""
    reader.record(UNKNOWN, [])
    return reader


# A block.


@pytest.mark.parametrize("between", [b"\n", b"\r\n", b"\n\n", b" \n\t", b",", b",\n", b" , "])
def test_a_block_of_lines_or_of_members_of_an_array_is_taken_whole(reader: NativeReader, between: bytes) -> None:
    assert reader.block(between.join([text(), text(), text()])) == [GOOD] * 3


def test_a_block_of_one_record_is_taken(reader: NativeReader) -> None:
    assert reader.block(text(units={"t": "°C"}, tags={"a": "b"})) == [
        Reading("boiler-7", TIME, {"temperature": 20.5}, {"t": "°C"}, {"a": "b"})
    ]


def test_times_are_in_utc_whatever_their_offset(reader: NativeReader) -> None:
    found = reader.block(text(timestamp="2026-11-22T11:30:00+01:30") + b"\n" + text())
    assert found is not None
    assert [(reading.timestamp, reading.timestamp.tzinfo) for reading in found] == [(TIME, UTC)] * 2


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"{",
        text(x=1),
        text().replace(b"boiler-7", b"\xc3\x28"),
        text("a b"),
        text(metrics={"a b": 1}),
        text(metrics={}),
        text(metrics={"t": "1"}),
        text(metrics={"t": True}),
        text(metrics={"t": 10**38}),
        text(metrics={"t": -(10**38)}),
        text(metrics={"t": 1e-131}),
        text(metrics={"t": -1e-131}),
        text().replace(b"20.5", b"1e-400"),
        text().replace(b"20.5", b"NaN"),
        text(timestamp="2026-11-22T10:00:00"),
        text(timestamp="0001-01-01T00:00:00+01:00"),
        text(timestamp="2026-11-23T12:00:00.000001Z"),
        text(timestamp="1999-12-31T23:59:59.999999Z"),
        text(tags={"": "a"}),
        text() + b"," + text() + b"\n" + text(),
        text() + b"\n" + text() + b"," + text(),
    ],
)
def test_a_block_in_which_something_is_unusual_needs_the_slow_way(reader: NativeReader, block: bytes) -> None:
    assert reader.block(block) is None


@pytest.mark.parametrize("value", [0, 0.0, 1e-130, -1e-130, 10**38 - 1, 1 - 10**38])
def test_ordinary_values_need_no_closer_look(reader: NativeReader, value: float) -> None:
    assert reader.block(text(metrics={"t": value})) == [Reading("boiler-7", TIME, {"t": value})]


@pytest.mark.parametrize("at", ["2026-11-23T12:00:00Z", "2000-01-01T00:00:00Z"])
def test_ordinary_times_need_no_closer_look(reader: NativeReader, at: str) -> None:
    assert reader.block(text(timestamp=at)) == [Reading("boiler-7", datetime.fromisoformat(at), {"temperature": 20.5})]


def test_after_an_unknown_member_blocks_may_have_some(tolerant: NativeReader) -> None:
    expected = TolerantReading("boiler-7", TIME, {"temperature": 20.5})
    assert tolerant.block(text(x=[]) + b"\n" + text(y={})) == [expected] * 2
    assert tolerant.block(text(x=[]) + b"," + text(y={})) == [expected] * 2


def test_but_none_that_is_nested_too_deeply(tolerant: NativeReader) -> None:
    assert tolerant.block(text(x=json.loads("[" * 15 + "]" * 15))) is not None
    assert tolerant.block(text(x=json.loads("[" * 16 + "]" * 16))) is None


def test_nor_any_with_bytes_that_are_no_text(tolerant: NativeReader) -> None:
    assert tolerant.block(text(x="?").replace(b'"?"', b'"\xc3\x28"')) is None


# How deep.


@pytest.mark.parametrize(
    ("block", "depth"),
    [
        (b"1", 0),
        (b'"[{"', 0),
        (b"{}", 1),
        (b"[]", 1),
        (b'{"a": 1}', 1),
        (b'{"a": [1, 2]}', 2),
        (b'[{"a": "b"}, {"c": [[]]}]', 4),
        (b'{"a": "[[[[", "b": []}', 2),
        (b'{"a": "\\"[[[[", "b": []}', 2),
        (b'{"a": "\\\\", "b": [[]]}', 3),
        (b'{"a": "}", "b": [[]], "c": "{"}', 3),
        (b'{"a": "\\n[", "b": []}', 2),
    ],
)
def test_nesting_is_counted_outside_of_strings(block: bytes, depth: int) -> None:
    assert is_shallow(block, depth)
    assert is_shallow(block, depth + 1)
    assert not depth or not is_shallow(block, depth - 1)


# One record.


def test_a_record_is_read_with_all_its_members(reader: NativeReader) -> None:
    problems: list[Problem] = []
    sent = record(metrics={"a": 1, "b": "2.5", "c": True}, units={"a": "Cel"}, tags={"n": 3, "yes": True, "no": None})
    assert reader.record(sent, problems) == Reading(
        "boiler-7", TIME, {"a": 1, "b": 2.5, "c": 1}, {"a": "Cel"}, {"n": "3", "yes": "true"}
    )
    assert problems == []
    assert reader.block(text(x=1)) is None


def test_a_clock_that_is_not_set_is_kept_beside_the_upload_s_time(reader: NativeReader) -> None:
    found = reader.record(record(timestamp=192, units={"t": "Cel"}, tags={"a": "b"}), [])
    device_time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=192)
    assert found == UnclockedReading(
        "boiler-7", NOW, {"temperature": 20.5}, {"t": "Cel"}, {"a": "b"}, device_time=device_time
    )


def flat(**members: Any) -> dict[str, Any]:
    return {"device_id": "d", "timestamp": "2026-11-22T10:00:00Z", **members}


def test_without_metrics_each_number_beside_the_known_members_is_one(reader: NativeReader) -> None:
    problems: list[Problem] = []
    sent = flat(t=1, h=2.5, on=True, name="x", none=None, bad=Unusable("NaN"), units={"t": "Cel"})
    assert reader.record(sent, problems) == Reading("d", TIME, {"t": 1, "h": 2.5}, {"t": "Cel"})
    assert problems == [Problem("invalid_value", "bad is NaN, not a number", "bad")]
    assert reader.record(flat(t=1, payload={"a": 1}), []).metrics == {"t": 1}


def test_a_device_id_that_is_a_number_is_no_metric(reader: NativeReader) -> None:
    assert reader.record({**flat(t=1), "device_id": 7, "timestamp": 1795341600}, []).metrics == {"t": 1}


@pytest.mark.parametrize(
    ("sent", "reason", "detail"),
    [
        ({}, "invalid_device_id", "device_id is missing"),
        ({"device_id": "d"}, "invalid_timestamp", "timestamp is missing"),
        (flat(), "no_metrics", "it has no metrics"),
        (flat(a="x", b=[], c={}), "no_metrics", "it has no metrics"),
        (flat(metrics={}), "no_metrics", "it has no metrics"),
        (flat(metrics={"t": None}), "no_metrics", "none of its metrics is good"),
        (flat(metrics=5), "no_metrics", "metrics is a number, not an object of numbers"),
        (flat(metrics=None), "no_metrics", "metrics is null, not an object of numbers"),
        (
            flat(payload={"t": 1}),
            "no_metrics",
            "it is an envelope with a member 'payload': describe it in mappings.json",
        ),
        (
            {**flat(), "y" * 70: [1]},
            "no_metrics",
            f"it is an envelope with a member '{'y' * 64}': describe it in mappings.json",
        ),
        (
            flat(metrics={f"m{number}": 1 for number in range(101)}),
            "too_many_metrics",
            "it has 101 metrics; at most 100 are allowed",
        ),
    ],
)
def test_what_is_wrong_with_a_record_is_said_in_a_sentence(
    reader: NativeReader, sent: dict[str, Any], reason: str, detail: str
) -> None:
    with pytest.raises(RecordError) as refused:
        reader.record(sent, [])
    problem = refused.value.problem
    assert (problem.reason, problem.detail, problem.member) == (reason, detail, None)


def test_a_record_may_have_100_metrics(reader: NativeReader) -> None:
    assert len(reader.record(flat(metrics={f"m{number}": 1 for number in range(100)}), []).metrics) == 100


def test_a_bad_metric_costs_itself_alone(reader: NativeReader) -> None:
    problems: list[Problem] = []
    found = reader.record(record(metrics={"a b": 1, "t": 1, "u": None, "v": OUT_OF_RANGE}, units=7, tags=[]), problems)
    assert found.metrics == {"t": 1}
    assert [(problem.reason, problem.member) for problem in problems] == [
        ("invalid_metric", "a b"),
        ("invalid_value", "u"),
        ("value_out_of_range", "v"),
        ("invalid_units", "units"),
        ("invalid_tags", "tags"),
    ]


# Units and tags.


@pytest.mark.parametrize(
    ("value", "good", "problem"),
    [
        (None, None, None),
        ({}, {}, None),
        ({"a": "b", "c": 1, "d": 1.5, "e": False, "f": None}, {"a": "b", "c": "1", "d": "1.5", "e": "false"}, None),
        ("x", None, ("units", "units is the text 'x', not an object of texts")),
        ({"a": []}, {}, ("units.a", "units.'a' is an array, not text")),
        ({"": "x"}, {}, ("units.", "units.'' has no name")),
        ({"": None}, {}, None),
        ({"x" * 70: {}}, {}, (f"units.{'x' * 70}", f"units.'{'x' * 64}' is an object, not text")),
    ],
)
def test_units_and_tags_become_texts(
    value: object, good: dict[str, str] | None, problem: tuple[str, str] | None
) -> None:
    problems: list[Problem] = []
    assert texts(value, "units", problems) == good
    assert problems == ([Problem("invalid_units", problem[1], problem[0])] if problem else [])


def test_a_bad_tag_is_no_bad_unit() -> None:
    problems: list[Problem] = []
    texts({"a": []}, "tags", problems)
    texts(5, "tags", problems)
    assert [(problem.reason, problem.member) for problem in problems] == [
        ("invalid_tags", "tags.a"),
        ("invalid_tags", "tags"),
    ]
