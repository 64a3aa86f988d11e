from __future__ import annotations

import gzip
import json
from typing import Any, get_args

import pytest

from lambdas.ingest.decoding.limits import Limits
from lambdas.ingest.decoding.reading import Reason
from tests.unit.ingest.ingest_kit import TIME, decode, record, text

GOOD = text("good")
LIMITS = Limits(record=2048, block=4096)


def metrics(value: str) -> bytes:
    return f'{{"device_id": "d", "timestamp": "{TIME}", "metrics": {value}}}'.encode()


def member(name: str, value: Any) -> bytes:
    return json.dumps({**record(), name: value}).encode()


def nested(depth: int) -> bytes:
    return metrics('{"t": 1}')[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"


RECORDS: list[tuple[str, bytes]] = [
    ("bad_encoding", GOOD.replace(b"good", b"g\xffod")),
    ("bad_encoding", text(x="?").replace(b'"?"', b'"\xc3\x28"')),
    ("bad_encoding", text(tags={"a": "?"}).replace(b"?", b"\\ud800")),
    ("bad_encoding", text(x="?").replace(b"?", b"\\uDFFF")),
    ("bad_encoding", b"\xff\xfe\x00{"),
    ("invalid_device_id", b"{}"),
    ("not_a_reading", b'{"gateway": "g", "readings": [{"t": 1}]}'),
    ("mapping_failed", b'{"end_device_ids": {"device_id": "d"}, "uplink_message": {"decoded_payload": "x"}}'),
    ("invalid_device_id", metrics('{"t": 1}').replace(b'"device_id": "d", ', b"")),
    ("invalid_device_id", member("device_id", 7.5)),
    ("invalid_device_id", member("device_id", True)),
    ("invalid_device_id", member("device_id", None)),
    ("invalid_device_id", member("device_id", "http://boiler")),
    ("invalid_device_id", member("device_id", "")),
    ("invalid_device_id", member("device_id", "ends-with-newline\n")),
    ("invalid_device_id", member("device_id", "boiler 7")),
    ("invalid_device_id", member("device_id", "boïler")),
    ("invalid_device_id", member("device_id", "d" * 129)),
    ("invalid_timestamp", json.dumps({"device_id": "d", "metrics": {"t": 1}}).encode()),
    ("invalid_timestamp", member("timestamp", "2026-11-22T10:00:00")),
    ("invalid_timestamp", member("timestamp", "2026-11-22")),
    ("invalid_timestamp", member("timestamp", "2026-11-22T10:00:00Z\n")),
    ("invalid_timestamp", member("timestamp", "2026-02-29T10:00:00Z")),
    ("invalid_timestamp", member("timestamp", "2026-11-22T10:00:60Z")),
    ("invalid_timestamp", member("timestamp", "\uff12026-11-22T10:00:00Z")),
    ("invalid_timestamp", member("timestamp", "0001-01-01T00:00:00+01:00")),
    ("invalid_timestamp", member("timestamp", True)),
    ("invalid_timestamp", member("timestamp", 10**30)),
    ("invalid_timestamp", member("timestamp", [2026])),
    ("invalid_timestamp", member("timestamp", "2026-11-22T10:00:00+1")),
    ("invalid_timestamp", member("timestamp", "1e999")),
    ("invalid_timestamp", metrics('{"t": 1}').replace(f'"{TIME}"'.encode(), b"NaN")),
    ("timestamp_in_future", member("timestamp", "2026-11-23T12:00:00.000001Z")),
    ("timestamp_in_future", member("timestamp", 1_795_435_201)),
    ("no_metrics", json.dumps({"device_id": "d", "timestamp": TIME}).encode()),
    ("no_metrics", metrics("{}")),
    ("no_metrics", metrics("[1]")),
    ("no_metrics", metrics("null")),
    ("too_many_metrics", metrics(json.dumps({f"m{number}": number for number in range(101)}))),
    ("not_a_reading", b"null"),
    ("not_a_reading", b"17"),
    ("not_a_reading", b'"text"'),
    ("not_json", b"nonsense"),
    ("not_json", b'{"device_id": }'),
    ("not_json", metrics('{"t": 01}')),
    ("not_json", metrics('{"t": .5}')),
    ("not_json", metrics('{"t": 1,}')),
    ("not_json", metrics("{'t': 1}")),
    ("not_json", text(x="?").replace(b"?", b"\x01")),
    ("not_json", text(x="?").replace(b"?", b"\\x")),
    ("not_json", nested(16)),
    ("not_json", nested(900)),
    ("record_too_large", text(tags={"a": "x" * 2048})),
    ("record_too_large", b'{"a": "' + b"x" * 10_000 + b'"}'),
]

# What is wrong with one member of a record that is else good, and how that member is called.
MEMBERS: list[tuple[str, str, bytes]] = [
    ("invalid_metric", "", metrics('{"": 1, "good": 1}')),
    ("invalid_metric", "a#b", metrics('{"a#b": 1, "good": 1}')),
    ("invalid_metric", "temp °C", metrics('{"temp \\u00b0C": 1, "good": 1}')),
    ("invalid_metric", "t\n", metrics('{"t\\n": 1, "good": 1}')),
    ("invalid_metric", "a://b", metrics('{"a://b": 1, "good": 1}')),
    ("invalid_metric", "m" * 65, metrics(json.dumps({"m" * 65: 1, "good": 1}))),
    ("invalid_value", "t", metrics('{"t": null, "good": 1}')),
    ("invalid_value", "t", metrics('{"t": NaN, "good": 1}')),
    ("invalid_value", "t", metrics('{"t": -Infinity, "good": 1}')),
    ("invalid_value", "t", metrics('{"t": "NaN", "good": 1}')),
    ("invalid_value", "t", metrics('{"t": "21,5", "good": 1}')),
    ("invalid_value", "t", metrics('{"t": "unavailable", "good": 1}')),
    ("invalid_value", "t", metrics('{"t": "", "good": 1}')),
    ("invalid_value", "t", metrics('{"t": [1], "good": 1}')),
    ("invalid_value", "t", metrics('{"t": {"v": 1}, "good": 1}')),
    ("value_out_of_range", "t", metrics('{"t": 1E400, "good": 1}')),
    ("value_out_of_range", "t", metrics('{"t": -1e400, "good": 1}')),
    ("value_out_of_range", "t", metrics('{"t": "1e400", "good": 1}')),
    ("value_out_of_range", "t", metrics('{"t": 1e-300, "good": 1}')),
    ("value_out_of_range", "t", metrics('{"t": 1e-400, "good": 1}')),
    ("value_out_of_range", "t", metrics(f'{{"t": 0.{"0" * 400}1, "good": 1}}')),
    ("value_out_of_range", "t", metrics(f'{{"t": 0.{"0" * 290}1e-40, "good": 1}}')),
    ("value_out_of_range", "t", metrics('{"t": 1e126, "good": 1}')),
    ("value_out_of_range", "t", metrics(f'{{"t": {"9" * 39}, "good": 1}}')),
    ("value_out_of_range", "t", metrics(f'{{"t": -{"1" * 1500}, "good": 1}}')),
    ("value_out_of_range", "t", metrics(f'{{"t": -{"1" * 5000}, "good": 1}}')),
    ("invalid_tags", "tags", member("tags", ["a"])),
    ("invalid_tags", "tags.a", member("tags", {"a": [1], "b": "c"})),
    ("invalid_tags", "tags.", member("tags", {"": "a"})),
    ("invalid_units", "units", member("units", "Cel")),
    ("invalid_units", "units.t", member("units", {"t": {}})),
]

SENML_RECORDS: list[tuple[str, bytes]] = [
    ("unsupported_value", b'{"n": "d:state", "vs": "on"}'),
    ("unsupported_value", b'{"n": "d:state", "vd": "aGk"}'),
    ("unsupported_value", b'{"n": "d:energy", "v": 1, "s": 17}'),
    ("invalid_senml", b'{"n": "d:t", "v": 1, "must_": 1}'),
    ("invalid_device_id", b'{"n": "nothing", "v": 1}'),
    ("invalid_device_id", b'{"n": ":t", "v": 1}'),
    ("invalid_device_id", b'{"n": 1, "v": 1}'),
    ("invalid_metric", b'{"n": "d:", "v": 1}'),
    ("invalid_value", b'{"n": "d:t"}'),
    ("invalid_value", b'{"n": "d:t", "v": "one"}'),
    ("invalid_value", b'{"n": "d:t", "v": null}'),
    ("invalid_value", b'{"n": "d:t", "v": NaN}'),
    ("invalid_device_id", b'{"v": 1}'),
    ("invalid_device_id", b'{"n": "temp_max", "v": 1}'),
    ("value_out_of_range", b'{"n": "d:t", "v": 1e-400}'),
    ("value_out_of_range", b'{"n": "d:t", "v": 1e126}'),
    ("invalid_timestamp", b'{"n": "d:t", "v": 1, "t": "now"}'),
    ("invalid_timestamp", b'{"n": "d:t", "v": 1, "t": 1e400}'),
    ("invalid_timestamp", b'{"n": "d:t", "v": 1, "t": 1e20}'),
    ("invalid_timestamp", b'{"n": "d:t", "v": 1, "t": -1e20}'),
    ("timestamp_in_future", b'{"n": "d:t", "v": 1, "t": 86401}'),
    ("not_a_reading", b'{"unknown": 1}'),
    ("not_a_reading", b"3"),
    ("not_json", b'{"n": "d:t", "v": }'),
    ("not_json", b'{"n": "d:t", "v": 1, "x": ' + b"[" * 20 + b"]" * 20 + b"}"),
]

OBJECTS: list[tuple[str, bytes, Limits]] = [
    ("bad_gzip", gzip.compress(GOOD, mtime=0)[:-4], LIMITS),
    ("bad_gzip", gzip.compress(gzip.compress(GOOD, mtime=0), mtime=0), LIMITS),
    ("bad_gzip", b"\x1f\x8b", LIMITS),
    ("bad_gzip", b"\x1f\x8b" + bytes(50), LIMITS),
    ("bad_gzip", gzip.compress(GOOD, mtime=0) + b"garbage", LIMITS),
    ("bad_gzip", gzip.compress(b"", mtime=0) * 100_001, LIMITS),
    ("object_too_large", GOOD * 10, Limits(stored=500)),
    ("object_too_large", gzip.compress(GOOD * 10, mtime=0), Limits(unpacked=500)),
    ("too_many_records", b"\n".join([GOOD] * 11), Limits(records=10)),
    ("not_json", b"", LIMITS),
    ("not_json", b" \r\n\t ", LIMITS),
    ("not_json", b"\xef\xbb\xbf", LIMITS),
    ("not_a_reading", b"a,b,c\n1,2,3\n", LIMITS),
    ("not_json", b"[" * 100_000, LIMITS),
    ("not_json", b"[" * 100_000 + b"]" * 100_000, LIMITS),
    ("not_json", b'{"a":' * 100_000, Limits()),
    ("bad_encoding", GOOD.decode().encode("utf-16"), LIMITS),
    ("bad_encoding", bytes(range(128, 256)) * 100, LIMITS),
]


def test_every_reason_has_an_example_here() -> None:
    shown = {reason for reason, *_ in [*RECORDS, *MEMBERS, *SENML_RECORDS, *OBJECTS]}
    # The decoder does not fetch the object, does not know who uploaded it, and has no rules.
    others = {"implausible_value", "not_its_device", "too_many_devices", "unit_mismatch", "unreadable_object"}
    assert shown | others == set(get_args(Reason))


@pytest.mark.parametrize(("reason", "bad"), RECORDS)
def test_a_bad_line_is_rejected_and_its_neighbours_are_not(reason: str, bad: bytes) -> None:
    decoded = decode(b"\n".join([GOOD, bad, text("next")]), limits=LIMITS)
    assert decoded.devices == ["good", "next"]
    assert [(reject.reason, reject.position, reject.offset) for reject in decoded.rejects] == [
        (reason, "line 2", len(GOOD) + 1)
    ]


@pytest.mark.parametrize(("reason", "bad"), RECORDS)
def test_a_bad_element_is_rejected_and_its_neighbours_are_not(reason: str, bad: bytes) -> None:
    decoded = decode(b"[" + b",".join([GOOD, bad, text("next")]) + b"]", limits=LIMITS)
    assert decoded.devices == ["good", "next"]
    assert [(reject.reason, reject.position, reject.offset) for reject in decoded.rejects] == [
        (reason, "index 1", len(GOOD) + 2)
    ]


@pytest.mark.parametrize(("reason", "bad"), RECORDS)
@pytest.mark.parametrize("form", ["line", "element"])
def test_a_bad_first_record_does_not_hide_what_follows(reason: str, bad: bytes, form: str) -> None:
    records = [bad, GOOD, text("next")]
    decoded = decode(b"\n".join(records) if form == "line" else b"[" + b",".join(records) + b"]", limits=LIMITS)
    assert (decoded.devices, decoded.reasons) == (["good", "next"], [reason])


@pytest.mark.parametrize(("reason", "bad"), RECORDS)
def test_a_bad_record_alone_is_one_reject(reason: str, bad: bytes) -> None:
    decoded = decode(bad, limits=LIMITS)
    assert (decoded.readings, decoded.reasons) == ([], [reason])


@pytest.mark.parametrize(("reason", "bad"), SENML_RECORDS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_senml_record_is_rejected_and_its_neighbours_are_not(reason: str, bad: bytes, place: int) -> None:
    records = [b'{"n": "d:a", "v": 1}', b'{"n": "d:b", "v": 2}']
    records.insert(place, bad)
    decoded = decode(b"[" + b",".join(records) + b"]", limits=LIMITS)
    assert decoded.form == "senml"
    assert [list(reading.metrics) for reading in decoded.readings] == [["a"], ["b"]]
    assert [(reject.reason, reject.position) for reject in decoded.rejects] == [(reason, f"index {place}")]


@pytest.mark.parametrize(("reason", "data", "limits"), OBJECTS)
def test_a_bad_object_is_one_reject(reason: str, data: bytes, limits: Limits) -> None:
    assert decode(data, limits=limits).reasons == [reason]


def test_every_detail_is_one_printable_line() -> None:
    for _, bad in RECORDS:
        for reject in decode(bad, limits=LIMITS).rejects:
            assert reject.detail.isprintable()
            assert 5 < len(reject.detail) < 250
            assert len(reject.excerpt) <= 1024


@pytest.mark.parametrize(("reason", "name", "bad"), MEMBERS)
@pytest.mark.parametrize("between", [b"\n", b","])
def test_a_bad_member_costs_itself_alone(reason: str, name: str, bad: bytes, between: bytes) -> None:
    decoded = decode(between.join([GOOD, bad, text("next")]), limits=Limits(record=8192))
    assert len(decoded.readings) == 3
    assert decoded.readings[1].metrics in ({"good": 1}, {"temperature": 20.5})
    (reject,) = decoded.rejects
    assert (reject.reason, reject.member, reject.position) == (reason, name, "line 2" if between == b"\n" else "line 1")
    assert reject.detail.isprintable()


def test_a_reading_left_without_a_metric_is_rejected_beside_its_values() -> None:
    decoded = decode(b"\n".join([GOOD, metrics('{"a": null, "b": "off"}')]))
    assert (decoded.devices, decoded.positions) == (["good"], ["line 2"] * 3)
    assert list(zip(decoded.reasons, decoded.members, strict=True)) == [
        ("invalid_value", "a"),
        ("invalid_value", "b"),
        ("no_metrics", None),
    ]


@pytest.mark.parametrize("form", [b"%s", b"[%s"])
def test_nothing_before_a_damaged_end_counts(form: bytes) -> None:
    content = form.replace(b"%s", b"\n".join([GOOD] * 5000))
    for packed in (gzip.compress(content, compresslevel=0, mtime=0), gzip.compress(content, mtime=0)):
        for cut in (1, 4, 8, 9, 40, len(packed) - 20):
            decoded = decode(packed[:-cut])
            assert (decoded.devices, decoded.reasons, decoded.positions) == ([], ["bad_gzip"], ["object"])


@pytest.mark.parametrize(
    ("array", "devices", "rejected_at"),
    [
        (b"[%s,]", ["good"], []),
        (b"[,%s]", ["good"], []),
        (b"[%s,,%s]", ["good", "good"], []),
        (b"[%s %s]", ["good", "good"], []),
        (b"[%s%s]", ["good", "good"], []),
        (b"[%s][%s]", ["good", "good"], []),
        (b"[[%s],[%s]]", ["good", "good"], []),
        (b"[\n%s\n%s", ["good", "good"], ["index 2"]),
        (b"[%s", ["good"], ["index 1"]),
        (b"[%s,", ["good"], ["index 1"]),
        (b'[%s,{"device_id": "cut', ["good"], ["index 1"]),
        (b"[%s] more", ["good"], ["line 1"]),
        (b"[%s]]", ["good"], ["index 1"]),
        (b'[%s,{"device_id": "quote},%s]', ["good", "good"], ["index 1"]),
        (b'[%s,{"metrics": {"t": 1},%s]', ["good", "good"], ["index 1"]),
        (b'[%s,{"metrics": [1,2,%s]', ["good", "good"], ["index 1"]),
        (b'[%s,"device_id": 1},%s]', ["good", "good"], ["index 1"]),
        (b"%s trailing\n%s", ["good", "good"], ["line 1"]),
        (b"%s}\n%s", ["good", "good"], ["line 1"]),
    ],
)
def test_a_broken_array_gives_what_can_be_told_apart(array: bytes, devices: list[str], rejected_at: list[str]) -> None:
    decoded = decode(array.replace(b"%s", GOOD))
    assert (decoded.devices, decoded.positions) == (devices, rejected_at)


def test_each_bad_line_after_a_reading_is_one_reject() -> None:
    bad = [b"nonsense", b"a,b,c", b'{"cut', b'"device_id": 1}', b"]", b"\xff\xfe", b"}"]
    for ending in (b"\n", b"\r\n", b"\n\n", b"\n  ", b"\r"):
        decoded = decode(ending.join([GOOD, *bad, GOOD, *bad]))
        assert decoded.devices == ["good"] * 2
        assert [reject.excerpt.split(b"\n")[0].rstrip() for reject in decoded.rejects] == bad * 2
        lines = [int(position.removeprefix("line ")) for position in decoded.positions]
        every = 2 if ending == b"\n\n" else 1
        assert lines == [1 + every * number for number in (*range(1, 8), *range(9, 16))]


def test_bad_lines_before_any_reading_hide_none() -> None:
    decoded = decode(b"\n".join([b"nonsense", b"a,b,c", b"  {cut", GOOD, b"nonsense", GOOD]))
    assert (decoded.devices, decoded.positions) == (["good", "good"], ["line 1", "line 3", "line 5"])


def test_bad_lines_long_after_the_last_good_one_are_counted_one_by_one() -> None:
    decoded = decode(b"\n".join([GOOD] * 3000 + [b"nonsense"] * 40_000), chunk=128 * 1024)
    assert (len(decoded.readings), len(decoded.rejects)) == (3000, 40_000)


def test_a_broken_record_over_many_lines_is_one_reject() -> None:
    pretty = json.dumps(record("good"), indent=2).encode()
    decoded = decode(b"\n".join([pretty, pretty.replace(b":", b"=", 1), pretty]))
    assert (decoded.devices, decoded.positions) == (["good", "good"], ["line 8"])
    assert decode(pretty.replace(b":", b"=", 1)).reasons == ["not_json"]


def test_a_large_record_over_many_lines_is_one_reject() -> None:
    large = json.dumps(record("large", x=[{"a": number} for number in range(9000)]), indent=2).encode()
    pretty = json.dumps(record("good"), indent=2).encode()
    for data in (large, pretty + b"\n" + large + b"\n" + pretty):
        assert len(large) > 3 * 64 * 1024
        decoded = decode(data, limits=Limits(block=70 * 1024))
        assert decoded.reasons == ["record_too_large"]
        assert decoded.devices == ["good"] * data.count(b"good")


def test_a_first_line_that_lost_its_brace_to_a_bracket_costs_itself() -> None:
    decoded = decode(b"\n".join([b"[" + GOOD[1:], GOOD, text("next")]))
    assert decoded.devices == ["good", "next"]
    assert decoded.reasons == ["not_json", "not_json"]


def test_exactly_as_many_records_as_allowed_are_no_reject() -> None:
    for data in (b"\n".join([GOOD] * 10) + b"\n", b"[" + b",".join([GOOD] * 10) + b" ]\n"):
        for block in (100, 64 * 1024):
            decoded = decode(data, limits=Limits(records=10, block=block))
            assert (len(decoded.readings), decoded.rejects) == (10, [])


def test_what_is_beyond_the_limits_on_records_is_one_reject() -> None:
    many = decode(b"\n".join([GOOD] * 25), limits=Limits(records=10))
    assert (len(many.readings), many.reasons, many.positions) == (10, ["too_many_records"], ["line 11"])
    bad = decode(b"[" + b",".join([b"1"] * 25) + b"]", limits=Limits(rejects=10))
    assert (bad.reasons, bad.positions[-1]) == (["not_a_reading"] * 10 + ["too_many_records"], "index 10")
    values = decode(b"\n".join([metrics('{"a": 1, "b": null}')] * 25), limits=Limits(values=10))
    assert (len(values.readings), values.reasons) == (10, ["invalid_value"] * 10 + ["too_many_records"])


def test_content_made_to_be_scanned_again_and_again_is_given_up_on() -> None:
    piece = b'{"x":[{"y":1},'
    decoded = decode(b"[" + piece * 300_000)
    assert set(decoded.reasons) == {"not_json"}
    assert "too broken" in decoded.rejects[-1].detail
    assert len(decoded.rejects) < 1000


@pytest.mark.parametrize("tail", [b", {", b"\n {", b",\n\n  {"])
def test_a_seam_that_two_blocks_share_is_found(tail: bytes) -> None:
    before = b"[" if b"," in tail else b""
    end = b"]" if before else b""
    for padding in range(400, 440):
        data = before + b'{"a" ' + b"x" * padding + tail + GOOD[1:] + end
        decoded = decode(data, chunk=10, limits=Limits(record=200, block=128))
        assert (decoded.devices, decoded.reasons) == (["good"], ["not_json"])
