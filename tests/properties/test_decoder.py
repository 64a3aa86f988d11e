"""Whatever the bytes: readings and rejects, no exception; the same readings from every form; no bystanders hurt."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lambdas.ingest.decoding.content.byte_buffer import ByteBuffer
from lambdas.ingest.decoding.content.splitter import Splitter
from lambdas.ingest.decoding.limits import Limits
from lambdas.ingest.decoding.native import NativeReader
from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.decoding.reading import Problem, Reading, Reason, RecordError, Reject, Rejects
from lambdas.ingest.decoding.values.timestamps import texts
from tests.properties.examples import examples

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
SMALL = Limits(stored=50_000, unpacked=100_000, record=600, block=900, records=200, rejects=50)

Plain = tuple[str, str, str, str, str]


def decode(data: bytes, *, chunk: int = 1 << 16, limits: Limits | None = None) -> tuple[list[Reading], list[Reject]]:
    chunks = (data[at : at + chunk] for at in range(0, len(data), chunk))
    batches = list(Payload(chunks, now=NOW, limits=limits or Limits()))
    return (
        [reading for batch in batches for reading in batch.readings],
        [reject for batch in batches for reject in batch.rejects],
    )


def plain(reading: Reading) -> Plain:
    """Everything about a reading, with numbers by type and digits."""
    return (
        reading.device_id,
        texts([reading.timestamp])[0],
        repr(sorted(reading.metrics.items())),
        repr(sorted((reading.units or {}).items())),
        repr(sorted((reading.tags or {}).items())),
    )


LETTERS = st.text("abcXYZ019-:./_", max_size=8)
names = st.builds(lambda first, rest: first + rest, st.sampled_from("aZ9-_:"), LETTERS).filter(
    lambda name: "://" not in name
)
floats = st.floats(-1e125, 1e125).filter(lambda value: value == 0 or abs(value) >= 1e-130)
numbers = floats | st.integers(-(10**38) + 1, 10**38 - 1)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 23)).map(lambda moment: moment.replace(tzinfo=UTC))
timestamps = st.builds(
    lambda moment, letter: moment.replace(tzinfo=None).isoformat() + letter, moments, st.sampled_from("Zz")
)
texts_of = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=8), max_size=2)
extras = st.dictionaries(
    st.sampled_from(["fw", "x"]), st.none() | st.integers() | st.lists(st.text(max_size=3)), max_size=1
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A good native record."""
    sent: dict[str, Any] = {
        "device_id": draw(names),
        "timestamp": draw(timestamps),
        "metrics": draw(st.dictionaries(names, numbers, min_size=1, max_size=3)),
        **draw(extras),
    }
    if draw(st.booleans()):
        sent["units"] = draw(texts_of)
    if draw(st.booleans()):
        sent["tags"] = draw(texts_of)
    return sent


def forms(sent: list[dict[str, Any]]) -> list[bytes]:
    compact = [json.dumps(record, ensure_ascii=False).encode() for record in sent]
    pretty = [json.dumps(record, indent=2).encode() for record in sent]
    plain_forms = [
        b"\n".join(compact),
        b"\r\n".join(compact) + b"\r\n",
        b"\n\n".join(pretty),
        b"".join(compact),
        b"[" + b",".join(compact) + b"]",
        b"\xef\xbb\xbf [\n" + b" ,\n".join(pretty) + b"\n]\n",
        b"\n\xef\xbb\xbf".join(compact),
        b"".join(b"\x1e" + record + b"\n" for record in compact),
        b"\r".join(compact),
        b",\n".join(compact) + b",\n",
        b"\n".join(b"[" + record + b"]" for record in compact),
        b"[" + b"][".join(compact) + b"]",
    ]
    return [
        *plain_forms,
        gzip.compress(plain_forms[0], mtime=0),
        gzip.compress(plain_forms[4][:9], mtime=0) + gzip.compress(plain_forms[4][9:], mtime=0),
    ]


@given(st.lists(records(), min_size=1, max_size=12), st.integers(1, 400), st.integers(300, 3000))
@settings(max_examples=60, deadline=None)
def test_every_form_gives_the_same_readings(sent: list[dict[str, Any]], chunk: int, block: int) -> None:
    expected = None
    for data in forms(sent):
        readings, rejects = decode(data, chunk=chunk, limits=Limits(block=block))
        assert rejects == []
        found = [plain(reading) for reading in readings]
        expected = expected or found
        assert found == expected
    assert expected is not None
    assert [reading[0] for reading in expected] == [record["device_id"] for record in sent]
    assert [reading[2] for reading in expected] == [repr(sorted(record["metrics"].items())) for record in sent]


SEPARATOR_FREE = st.text("abcXYZ019", min_size=1, max_size=8)


@given(
    st.lists(
        st.tuples(SEPARATOR_FREE, SEPARATOR_FREE, floats, st.integers(946_684_800, 1_790_000_000)),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_senml_pack_gives_what_its_resolved_records_say(sent: list[tuple[str, str, float, int]]) -> None:
    resolved = [{"n": f"{device}:{metric}", "v": value, "t": seconds} for device, metric, value, seconds in sent]
    start = sent[0][3]
    based: list[dict[str, Any]] = [{"bt": start}]
    for device, metric, value, seconds in sent:
        based += [{"bn": f"{device}:"}, {"n": metric, "v": value, "t": seconds - start}]
    first, first_rejects = decode(json.dumps(resolved).encode())
    second, second_rejects = decode(json.dumps(based).encode(), limits=Limits(block=900))
    assert first_rejects == second_rejects == []
    assert [plain(reading) for reading in first] == [plain(reading) for reading in second]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [(reading.device_id, reading.timestamp, reading.metrics) for reading in first] == [
        (device, epoch + timedelta(seconds=seconds), {metric: value}) for device, metric, value, seconds in sent
    ]


PIECES = st.sampled_from(
    [
        b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r\n", b" ", b"0", b"1e400", b"-", b"NaN", b"null",
        b'"device_id"', b'"timestamp"', b'"metrics"', b'"n"', b'"v"', b'"bn"', b'"bt"', b'"bs"', b'"a:b"', b"\xff",
        b"\xef\xbb\xbf", b"\x1f\x8b", b"\\ud800", b'"2026-11-22T10:00:00Z"', b'{"n": "a:b", "v": 1}', b'{"bn": 1}',
        b'{"device_id": "a", "timestamp": "2026-11-22T10:00:00Z", "metrics": {"t": 1}}', b"},{", b"}\n{", b"x" * 700,
    ]
)  # fmt: skip
hostile = st.binary(max_size=300) | st.lists(PIECES, max_size=60).map(b"".join)


@given(hostile, st.booleans(), st.booleans(), st.integers(1, 500))
@example(b"", False, False, 1)
@example(b"\x1f\x8b", False, False, 1)
@example(b"[" * 5000, True, False, 100)
@settings(max_examples=examples(300), deadline=None)
def test_any_bytes_end_as_readings_and_rejects(content: bytes, packed: bool, array: bool, chunk: int) -> None:
    content = b"[" + content if array else content
    data = gzip.compress(content, mtime=0) if packed else content
    for limits in (SMALL, Limits()):
        readings, rejects = decode(data, chunk=chunk, limits=limits)
        assert {reject.reason for reject in rejects} <= set(get_args(Reason))
        assert all(len(reject.excerpt) <= 1024 and reject.detail.isprintable() for reject in rejects)
        assert [reject.offset for reject in rejects] == sorted(reject.offset for reject in rejects)
        assert sum(reject.member is None for reject in rejects) <= limits.rejects + 2
        assert len({plain(reading) for reading in readings}) <= len(content)
        if not content.strip(b" \t\r\n[]"):
            assert readings == []


@given(
    st.lists(records(), min_size=2, max_size=8),
    st.data(),
    st.sampled_from([b"\n", b"\r\n", b", ", b",\n "]),
    st.booleans(),
)
@settings(max_examples=examples(80), deadline=None)
def test_one_changed_byte_costs_one_record_at_most(
    sent: list[dict[str, Any]], data: st.DataObject, between: bytes, packed: bool
) -> None:
    compact = [json.dumps({**record, "x": 0}).encode() for record in sent]
    place = data.draw(st.integers(0, len(compact) - 1))
    at = data.draw(st.integers(0, len(compact[place]) - 1))
    byte = data.draw(st.sampled_from(b'{}[],:"\\ x0-\xff\x00') | st.integers(0, 255))
    assume(byte != ord("\n"))
    changed = compact[place][:at] + bytes([byte]) + compact[place][at + 1 :]
    alone, why = decode(changed)
    array = between.startswith(b",")
    whole = between.join([*compact[:place], changed, *compact[place + 1 :]])
    whole = b"[" + whole + b"]" if array else whole
    readings, rejects = decode(gzip.compress(whole, mtime=0) if packed else whole, limits=Limits(block=2000))
    found = [plain(reading) for reading in readings]
    others = [plain(decode(record)[0][0]) for record in compact[:place] + compact[place + 1 :]]
    for reading in others:
        assert reading in found
        found.remove(reading)
    if not alone:
        assert (found, bool(rejects)) == ([], bool(why))


SEPARATORS = st.text(" \t\r\n,\x1e\ufeff", max_size=3).map(str.encode)


@given(st.lists(records(), min_size=1, max_size=10), st.data(), st.integers(1, 400))
@settings(max_examples=examples(50), deadline=None)
def test_every_split_into_arrays_and_separators_gives_the_same_readings(
    sent: list[dict[str, Any]], data: st.DataObject, chunk: int
) -> None:
    content, depth = data.draw(SEPARATORS), 0
    for record in sent:
        opened = data.draw(st.integers(0, 2))
        content += b"".join(b"[" + data.draw(SEPARATORS) for _ in range(opened)) + json.dumps(record).encode()
        closed = data.draw(st.integers(0, depth + opened))
        depth += opened - closed
        content += data.draw(SEPARATORS) + b"".join(b"]" + data.draw(SEPARATORS) for _ in range(closed))
        assume(depth < 16)
    readings, rejects = decode(content + b"]" * depth, chunk=chunk, limits=Limits(block=700))
    assert rejects == []
    assert [plain(reading) for reading in readings] == [
        plain(decode(json.dumps(record).encode())[0][0]) for record in sent
    ]


BAD_VALUES = st.sampled_from(["null", "NaN", "-Infinity", '"off"', '"21,5"', "[1]", "{}", "1e999", "1e-200", "9" * 39])


@given(records(), BAD_VALUES, st.integers(0, 3), st.booleans())
@settings(max_examples=examples(70), deadline=None)
def test_a_bad_member_costs_itself_and_leaves_all_others(
    sent: dict[str, Any], bad: str, place: int, lines: bool
) -> None:
    metrics = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in sent["metrics"].items()]
    assume("bad" not in sent["metrics"])
    metrics.insert(place, f'"bad": {bad}')
    whole = {**sent, "metrics": "HERE"}
    raw = json.dumps(whole).replace('"HERE"', "{" + ", ".join(metrics) + "}").encode()
    good = json.dumps(sent).encode()
    between = b"\n" if lines else b","
    readings, rejects = decode(between.join([good, raw, good]))
    assert len({plain(reading) for reading in readings}) == 1
    assert len(readings) == 3
    assert [(reject.member, reject.reason in ("invalid_value", "value_out_of_range")) for reject in rejects] == [
        ("bad", True)
    ]


def flips(count: int, size: int) -> list[int]:
    """Return `count` bits of `size` bytes: every one of the header and the trailer, the others evenly spread."""
    edge = [*range(80), *range(size * 8 - 64, size * 8)]
    return sorted({*edge, *range(0, size * 8, max(size * 8 // (count - len(edge)), 1))})


@pytest.mark.parametrize(("lines", "level"), [(1, 9), (50, 0), (5000, 6)])
def test_one_flipped_bit_of_a_gzip_object_invents_no_reading(lines: int, level: int) -> None:
    sent = [
        json.dumps({"device_id": f"d{n}", "timestamp": "2026-11-22T10:00:00Z", "metrics": {"t": n % 90}}).encode()
        for n in range(lines)
    ]
    original = gzip.compress(b"\n".join(sent), compresslevel=level, mtime=0)
    expected = {plain(reading) for reading in decode(b"\n".join(sent))[0]}
    for bit in flips(250, len(original)):
        damaged = bytearray(original)
        damaged[bit // 8] ^= 1 << bit % 8
        readings, rejects = decode(bytes(damaged))
        found = {plain(reading) for reading in readings}
        assert found <= expected
        # Without its magic number it is no gzip; elsewhere a flip is seen, or harms nothing.
        assert bit < 16 or found == expected or [reject.reason for reject in rejects] == ["bad_gzip"]
        assert bit < 16 or not (found and rejects)


odd_values = (
    st.none()
    | st.booleans()
    | st.sampled_from(["", "a", "a\n", "ä", "2026-11-22T10:00:00Z", "2016-12-31T23:59:60Z", "2026-11-22T10:00:00+0100"])
    | st.sampled_from([0, -0.0, 1, 1e-300, 1e126, 10**38, 10**39 - 1, -(10**40)])
    | st.dictionaries(
        st.sampled_from(["", "t", "a b", "m" * 65]), st.sampled_from([0, 1.5, 1e-200, "x", None, True]), max_size=2
    )
    | st.lists(st.integers(), max_size=2)
)
odd_records = st.builds(
    lambda good, odd, gone: {name: value for name, value in {**good, **odd}.items() if name not in gone},
    records(),
    st.dictionaries(
        st.sampled_from(["device_id", "timestamp", "metrics", "units", "tags", "x"]), odd_values, max_size=2
    ),
    st.sets(st.sampled_from(["device_id", "timestamp", "metrics"]), max_size=1),
)


@given(odd_records, st.booleans())
@settings(max_examples=examples(100), deadline=None)
def test_what_the_fast_way_takes_the_slow_way_takes_alike(sent: dict[str, Any], tolerant: bool) -> None:
    raw = json.dumps(sent).encode()
    reader = NativeReader(now=NOW, limits=Limits())
    problems: list[Problem] = []
    if tolerant:
        reader.record({**sent, "device_id": "a", "timestamp": "2026-11-22T10:00:00Z", "metrics": {"t": 1}, "x": 1}, [])
    fast = reader.block(raw)
    (value,) = Splitter(ByteBuffer(iter([raw])), Rejects(), limits=Limits()).values(1, most=1)
    assert isinstance(value, dict)
    try:
        slow = reader.record(value, problems)
    except RecordError:
        assert fast is None
    else:
        assert fast is None or (plain(fast[0]) == plain(slow) and not problems)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Time",
                    "ts",
                    "values",
                    "metrics",
                    "fields",
                    "name",
                    "tags",
                    "src",
                    "method",
                    "params",
                    "payload",
                    "data",
                    "uplink_message",
                    "decoded_payload",
                    "end_device_ids",
                    "device_id",
                    "linkquality",
                    "detail",
                    "source",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(JSON, st.integers(1, 40))
@settings(max_examples=examples(70), deadline=None)
def test_whatever_a_record_holds_mappings_never_crash(record: Any, times: int) -> None:
    alone = json.dumps(record).encode()
    readings, rejects = decode(alone)
    assert readings or rejects or not alone.strip(b"[], ")
    many, more = decode(b"\n".join([alone] * times), limits=Limits(record=200, block=300) if len(alone) < 200 else None)
    assert [plain(reading) for reading in many] == [plain(reading) for reading in readings] * times
    assert [reject.reason for reject in more] == [reject.reason for reject in rejects] * times


COLUMNS = ("temperature", "humidity", "n")
CELLS = st.one_of(
    st.just(""),
    floats.map(repr),
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.sampled_from(["x", "NaN", "1e200", "+5", "05", " 7 ", ".5", "true", "-0", "1_0", "1 2", '"']),
)


@given(
    st.lists(st.tuples(names, timestamps, CELLS, CELLS, CELLS), min_size=1, max_size=30),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.integers(1, 400),
)
@settings(max_examples=examples(50), deadline=None)
def test_csv_gives_what_the_same_texts_give_as_records(
    sent: list[tuple[str, str, str, str, str]], delimiter: str, end: str, quoted: bool, chunk: int
) -> None:
    """A bad cell is rejected alone, a row without a good cell too; the rest is kept, whatever is around it."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if quoted or '"' in text else text

    rows = [("device_id", "timestamp", *COLUMNS), *sent]
    data = end.join(delimiter.join(map(cell, row)) for row in rows).encode()
    native = [
        {
            "device_id": device,
            "timestamp": time,
            "metrics": {m: c for m, c in zip(COLUMNS, cells, strict=True) if c.strip()},
        }
        for device, time, *cells in sent
    ]
    readings, rejects = decode(data, chunk=chunk, limits=Limits(record=500, block=700))
    expected, bad = decode("\n".join(map(json.dumps, native)).encode())
    assert [plain(reading) for reading in readings] == [plain(reading) for reading in expected]
    assert [(reject.reason, reject.member) for reject in rejects] == [(reject.reason, reject.member) for reject in bad]
    assert [reject.position for reject in rejects] == [
        f"line {int(reject.position.removeprefix('line ')) + 1}" for reject in bad
    ]


@given(st.binary(max_size=2_000), st.sampled_from([b",", b";", b"\t"]), st.integers(1, 300))
@settings(max_examples=examples(50), deadline=None)
def test_whatever_follows_a_header_is_readings_and_rejects(data: bytes, delimiter: bytes, chunk: int) -> None:
    header = delimiter.join([b"device_id", b"timestamp", b"t [Cel]", b"u"]) + b"\n"
    good = delimiter.join([b"good", b"2026-11-22T10:00:00Z", b"1", b"2"])
    readings, rejects = decode(header + data + b"\n" + good, chunk=chunk, limits=SMALL)
    assert readings or rejects
    assert {reject.reason for reject in rejects} <= set(get_args(Reason))
    if not any(reject.reason == "too_many_records" for reject in rejects):
        assert readings[-1].device_id == "good"
