"""Blocks are decoded as a whole where they can be; what sends one the slow way must be seen in every block."""

from __future__ import annotations

import json

import pytest

from lambdas.ingest.decoding.limits import Limits
from lambdas.ingest.decoding.native import NativeReader
from tests.unit.ingest.ingest_kit import NOW, decode, text

UNKNOWN = text("unknown", x=1)
NESTED = text("nested", x=json.loads("[" * 16 + "]" * 16))
MANY = [text(f"d{number}") for number in range(300)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (text(x="?").replace(b'"?"', b'"\xc3\x28"'), "bad_encoding"),
        (NESTED, "not_json"),
        (text(x="{", y=json.loads("[" * 16 + "]" * 16), z="}"), "not_json"),
        (text(timestamp="0001-01-01T00:00:00+01:00"), "invalid_timestamp"),
        (text(timestamp="2027-11-22T10:00:00Z"), "timestamp_in_future"),
        (text("a b"), "invalid_device_id"),
    ],
)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_bad_record_is_seen_far_into_an_object_with_unknown_members(bad: bytes, reason: str, form: str) -> None:
    records = [UNKNOWN, *MANY, bad, UNKNOWN, *MANY]
    data = b"\n".join(records) if form == "lines" else b"[" + b",".join(records) + b"]"
    decoded = decode(data, limits=Limits(block=16 * 1024))
    assert (decoded.reasons, len(decoded.readings)) == ([reason], 602)
    assert decoded.rejects[0].offset == data.index(bad)


@pytest.mark.parametrize(
    ("unusual", "device", "reasons"),
    [
        (text("a", metrics={"t": 1, "u": 1e-300}), "a", ["value_out_of_range"]),
        (text("a", metrics={"t": 1, "u": 7.5}).replace(b"7.5", b"1e-400"), "a", ["value_out_of_range"]),
        (text("a", timestamp="2026-11-22T10:00:00+0100"), "a", []),
        (text("a", timestamp="2026-11-22T10:00:00+01"), "a", []),
        (text(7), "7", []),
        (text("a", timestamp="1970-01-01T00:03:12Z"), "a", []),
        (text("a", metrics={"t": True}), "a", []),
    ],
)
@pytest.mark.parametrize("between", [b"\n", b",", b"\x1e", b"\n,\xef\xbb\xbf"])
def test_an_unusual_record_is_read_far_into_an_object(
    unusual: bytes, device: str, reasons: list[str], between: bytes
) -> None:
    decoded = decode(between.join([UNKNOWN, *MANY, unusual, UNKNOWN, *MANY]), limits=Limits(block=16 * 1024))
    assert (decoded.reasons, len(decoded.readings), decoded.devices[301]) == (reasons, 603, device)


def test_brackets_in_strings_are_no_nesting() -> None:
    decoded = decode(b"\n".join([UNKNOWN, *MANY, text("a", tags={"a": "{[" * 30, "b": '\\"' * 30}), *MANY]))
    assert (len(decoded.readings), decoded.rejects) == (602, [])


@pytest.mark.parametrize("value", ["0", "0.0", "-0.0", "1e38", "1e-5", "-1e125", "1" + "0" * 40])
def test_unusual_but_good_values_are_kept_in_the_midst_of_usual_ones(value: str) -> None:
    decoded = decode(b"\n".join([*MANY, text("a").replace(b"20.5", value.encode()), *MANY]))
    assert decoded.rejects == []
    assert decoded.readings[300].metrics["temperature"] == json.loads(value)


def test_more_devices_than_are_remembered_are_all_checked() -> None:
    records = [text(f"d{number}") for number in range(45_000)] + [text("a b")]
    decoded = decode(b"\n".join(records))
    assert (len(decoded.readings), decoded.reasons) == (45_000, ["invalid_device_id"])


@pytest.mark.parametrize(
    "bad",
    [
        b'{"n": "d:t", "v": 1e-400}',
        b"3",
        b'{"n": "d:t", "v": 1e400}',
        b'{"n": "d:t", "v": 1, "x": [1]}',
        b'{"n": "d:t", "v": 1, "x": {"y": 1}}',
        b'{"n": "d:t", "v": "one"}',
        b'{"bt": 5, "n": "d:t", "v": "one"}',
        b'{"n": "d:\xff", "v": 1}',
        b'{"n": "d:t", "v": 1, "x": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_senml_blocks_find_what_is_unusual_and_forget_what_they_tried(bad: bytes) -> None:
    good = [f'{{"n": "d:m{number}", "v": {number}}}'.encode() for number in range(600)]
    ordinary = decode(b"[" + b",".join([*good[:300], *good[300:]]) + b"]", limits=Limits(block=4096))
    decoded = decode(b"[" + b",".join([*good[:300], bad, *good[300:]]) + b"]", limits=Limits(block=4096))
    accepted = b'"x": [1]' in bad or b'"y"' in bad
    assert (len(decoded.readings), len(decoded.rejects)) == (600 + accepted, 1 - accepted)
    assert ordinary.readings[-1].metrics == decoded.readings[-1].metrics == {"m599": 599}


def test_a_time_that_only_python_integers_hold_is_no_time() -> None:
    decoded = decode(f'[{{"bn": "d:", "bt": 1{"0" * 390}}}, {{"n": "t", "t": 0.5, "v": 1}}]'.encode())
    assert decoded.reasons == ["invalid_timestamp"]


def test_depth_beyond_what_python_can_parse_is_not_json() -> None:
    decoded = decode(b'{"x": ' + b"[" * 50_000)
    assert decoded.reasons == ["not_json"]
    assert "nested more than 16 deep" in decoded.rejects[0].detail


def test_one_reading_takes_the_fast_way() -> None:
    readings = NativeReader(now=NOW, limits=Limits()).block(text("a"))
    assert readings is not None
    assert [reading.device_id for reading in readings] == ["a"]
