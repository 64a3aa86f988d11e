from __future__ import annotations

import gzip
import json

import pytest

from lambdas.ingest.decoding.limits import Limits
from tests.unit.ingest.ingest_kit import decode, plain, record, text

ONE, TWO = text("boiler-1"), text("boiler-2")


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (ONE, "object"),
        (ONE + b"\n", "object"),
        (b" \r\n\t" + ONE, "object"),
        (json.dumps(record("boiler-1"), indent=2).encode(), "object"),
        (ONE + b"\n" + TWO, "ndjson"),
        (ONE + b"\n" + TWO + b"\n", "ndjson"),
        (ONE + b"\r\n" + TWO + b"\r\n", "ndjson"),
        (ONE + b"\n\n \n" + TWO + b"\n\n", "ndjson"),
        (ONE + TWO, "ndjson"),
        (json.dumps(record("boiler-1"), indent=2).encode() + b"\n" + TWO, "ndjson"),
        (b"[" + ONE + b"," + TWO + b"]", "array"),
        (b" [\n" + ONE + b",\n" + TWO + b"\n]\n", "array"),
        (json.dumps([record("boiler-1"), record("boiler-2")], indent=2).encode(), "array"),
        (b"[]", "array"),
        (b"[ \n]", "array"),
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("packed", [False, True])
def test_each_form_is_recognised_by_its_content(content: bytes, form: str, bom: bytes, packed: bool) -> None:
    data = bom + content
    decoded = decode(gzip.compress(data, mtime=0) if packed else data)
    assert decoded.rejects == []
    assert (decoded.form, decoded.packed) == (form, packed)
    assert decoded.devices == ["boiler-1", "boiler-2"][: content.count(b"device_id")]


def test_a_gzip_of_several_members_and_padding_is_one_object() -> None:
    data = gzip.compress(ONE + b"\n", mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(TWO, mtime=0) + b"\0" * 512
    assert decode(data, chunk=7).devices == ["boiler-1", "boiler-2"]


def test_units_tags_and_numbers_arrive_as_they_were_sent() -> None:
    sent = record(metrics={"t": 92.4, "n": 7}, units={"t": "Cel"}, tags={"site": "Überlingen 🚰"}, firmware="ignored")
    assert plain(decode(json.dumps(sent).encode()).readings[0]) == (
        "boiler-7",
        "2026-11-22T10:00:00.000000Z",
        {"t": 92.4, "n": 7},
        {"t": "Cel"},
        {"site": "Überlingen 🚰"},
    )


def test_absent_null_and_empty_units_are_the_same() -> None:
    readings = decode(b"\n".join([text(), text(units=None, tags=None), text(units={}, tags={})])).readings
    assert len({str(plain(reading)) for reading in readings}) == 1


@pytest.mark.parametrize("block", [200, 1000, 64 * 1024])
@pytest.mark.parametrize("chunk", [1, 13, 64 * 1024])
@pytest.mark.parametrize(
    ("before", "between", "after"), [(b"", b"\n", b"\n"), (b"", b"\r\n", b""), (b"[", b",\n", b"]")]
)
def test_the_size_of_chunks_and_blocks_changes_nothing(
    block: int, chunk: int, before: bytes, between: bytes, after: bytes
) -> None:
    records = [text(f"boiler-{number}", firmware=[{"a": 1}, {"b": [2]}]) for number in range(40)]
    records[7] = text("boiler-7")[:-1]
    records[8] = b'{"nonsense": '
    records[20] = text("boiler-20").replace(b"20.5", b".5")
    data = before + between.join(records) + after
    decoded = decode(data, chunk=chunk, limits=Limits(block=block, record=1024))
    assert decoded.devices == [f"boiler-{number}" for number in range(40) if number not in (7, 8, 20)]
    assert [int(position.split()[1]) for position in decoded.positions] == ([7, 8, 20] if before else [8, 9, 21])
    assert [reject.offset for reject in decoded.rejects] == [data.index(records[number]) for number in (7, 8, 20)]
    assert [reject.excerpt[:12] for reject in decoded.rejects] == [records[number][:12] for number in (7, 8, 20)]


def test_what_separates_records_may_be_longer_than_any_record() -> None:
    decoded = decode(b"[" + text("a") + b"," + b" " * 300_000 + text("b") + b"\n" * 300_000 + b"]")
    assert (decoded.devices, decoded.rejects) == (["a", "b"], [])


def test_unknown_members_may_come_and_go() -> None:
    records = [text(f"d{number}", **({"x": '{[\\"', "y": {}} if number % 3 else {})) for number in range(100)]
    assert decode(b"\n".join(records), limits=Limits(block=1000, record=900)).devices == [f"d{n}" for n in range(100)]


def test_a_large_object_is_given_out_in_small_batches() -> None:
    decoded = decode(b"\n".join([ONE] * 20_000))
    assert len(decoded.readings) == 20_000
    assert decoded.largest_batch < 2_500
