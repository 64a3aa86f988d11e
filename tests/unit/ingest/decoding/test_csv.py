"""CSV with a header: what makes one, what a cell and a row may be, and where it is bounded."""

from __future__ import annotations

import gzip
import json

import pytest

from lambdas.ingest.decoding.limits import Limits
from tests.unit.ingest.ingest_kit import TIME, decode, plain, text

HEADER = "device_id,timestamp,temperature,humidity\n"
BOTH = {"temperature": 21.5, "humidity": 40}


def rows(*lines: str, header: str = HEADER) -> bytes:
    return (header + "\n".join(lines)).encode()


@pytest.mark.parametrize(
    "data",
    [
        rows(f"a,{TIME},21.5,40"),
        rows(f"a,{TIME},21.5,40\n"),
        rows(f"a,{TIME},21.5,40").replace(b"\n", b"\r\n") + b"\r\n\r\n",
        rows(f"a,{TIME},21.5,40").replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + rows(f"a,{TIME},21.5,40"),
        b"\n \t\n" + rows(f"a,{TIME},21.5,40"),
        gzip.compress(rows(f"a,{TIME},21.5,40"), mtime=0),
        rows(f"a;{TIME};21,5;40", header="device_id;timestamp;temperature;humidity\n"),
        rows(f"a;{TIME};21.5;40,0", header="device_id;timestamp;temperature;humidity\n"),
        rows(f"a\t{TIME}\t21,5\t40", header="device_id\ttimestamp\ttemperature\thumidity\n"),
        rows(f'"a","{TIME}","21.5","40"', header='"device_id","timestamp","temperature","humidity"\n'),
        rows(f" a , {TIME} , 21.5 , 40 ", header=" Device , Time , temperature , humidity \n"),
        rows(f"40,{TIME},21.5,,a,x", header="humidity,time,temperature,,device,\n"),
        rows(f"a,{TIME},21.5,40,,,"),
        rows(HEADER.strip(), "\ufeff" + HEADER.strip(), f"a,{TIME},21.5,40", HEADER),
    ],
)
def test_a_row_is_a_reading(data: bytes) -> None:
    decoded = decode(data)
    assert (decoded.form, [plain(reading) for reading in decoded.readings], decoded.rejects) == (
        "csv",
        [plain(decode(text("a", metrics=BOTH)).readings[0])],
        [],
    )


@pytest.mark.parametrize("time", ["1763800000", "1763800000.25", "1763800000000", "2025-11-22T09:26:40+0100"])
def test_times_are_those_of_every_form(time: str) -> None:
    data = rows(f"a,{time},1,2", f"b,{time},1,2", f"c,{TIME},1,2")
    expected = [
        text(device, at, metrics={"temperature": 1, "humidity": 2}) for device, at in (("a", time), ("b", time))
    ]
    decoded = decode(data)
    assert decoded.devices == ["a", "b", "c"]
    assert [plain(reading) for reading in decoded.readings[:2]] == [
        plain(decode(line).readings[0]) for line in expected
    ]


def test_units_stand_in_the_header_and_are_of_the_metrics_that_a_row_has() -> None:
    header = "device_id,timestamp,temperature [°C],humidity (%RH),n\n"
    decoded = decode(rows(f"a,{TIME},1,2,3", f"a,{TIME},1,,3", f"a,{TIME},,,3", "é,,1", header=header))
    both = {"temperature": "°C", "humidity": "%RH"}
    assert [reading.units for reading in decoded.readings] == [both, {"temperature": "°C"}, None]
    again = decode(rows(f"a,{TIME},1,,3", f"a,{TIME},,,3", f"a,{TIME},1,2,x", header=header))
    assert [reading.units for reading in again.readings] == [{"temperature": "°C"}, None, both]


def test_a_bad_cell_costs_itself_and_an_empty_one_is_absent() -> None:
    decoded = decode(rows(f"a,{TIME},x,40", f"b,{TIME},,40", f"c,{TIME},21.5", f"d,{TIME},nan,1e200", f"e,{TIME},,"))
    assert [(reading.device_id, dict(reading.metrics)) for reading in decoded.readings] == [
        ("a", {"humidity": 40}),
        ("b", {"humidity": 40}),
        ("c", {"temperature": 21.5}),
    ]
    assert list(zip(decoded.positions, decoded.reasons, decoded.members, strict=True)) == [
        ("line 2", "invalid_value", "temperature"),
        ("line 5", "invalid_value", "temperature"),
        ("line 5", "value_out_of_range", "humidity"),
        ("line 5", "no_metrics", None),
        ("line 6", "no_metrics", None),
    ]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (f"a,{TIME},1,2,3", "not_a_reading", "it has 5 cells, and the header 4"),
        (f",{TIME},1,2", "invalid_device_id", "device_id is missing"),
        ("a,,1,2", "invalid_timestamp", "timestamp is missing"),
        ("a", "invalid_timestamp", "timestamp is missing"),
        (f'a,"{TIME},1,2', "not_a_reading", "it is not a row of CSV: unexpected end of data"),
        (f'"a"b,{TIME},1,2', "not_a_reading", "it is not a row of CSV: ',' expected after '\"'"),
        (f'a"":1,{TIME},1,2', "invalid_device_id", "device_id is 'a\"\":1'"),
        ("\xff", "bad_encoding", "byte 0 is not UTF-8"),
        ("a,99999999999999999999999,1,2", "invalid_timestamp", "the time is not between"),
    ],
)
def test_a_bad_row_costs_itself(row: str, reason: str, detail: str) -> None:
    data = f"{HEADER}good,{TIME},1,2\r\n".encode() + row.encode("latin-1") + f"\r\nnext,{TIME},1,2".encode()
    decoded = decode(data)
    assert decoded.devices == ["good", "next"]
    (reject,) = decoded.rejects
    assert (reject.reason, reject.position, reject.excerpt) == (reason, "line 3", row.encode("latin-1"))
    assert reject.detail.startswith(detail)
    assert data[reject.offset :].startswith(reject.excerpt)


def test_no_cell_becomes_another_member() -> None:
    """A block is read by way of JSON: nothing in a cell may end its string or number there."""
    for cell in ('1,"x":2', '1},"tags":{"a":"b"', "1}", "[1]", "1\\", "1 2", "true", "null", '"1"'):
        quoted = '"' + cell.replace('"', '""') + '"'
        decoded = decode(rows(f"a,{TIME},{quoted},40"))
        assert [(dict(reading.metrics), reading.tags) for reading in decoded.readings] == [({"humidity": 40}, None)]
        assert decoded.reasons == ["invalid_value"]
    device = decode(rows(f'"a"",""tags"":{{""x"":""y""}},""z"":""",{TIME},1,2'))
    assert (device.readings, device.reasons) == ([], ["invalid_device_id"])


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("time;sensor;temp", "'time', 'sensor', 'temp'"),
        ("device_id,temperature", "'device_id', 'temperature'"),
        ("id\tts\tvalue [Cel]", "'id', 'ts', 'value [Cel]'"),
    ],
)
def test_a_header_that_says_too_little_is_one_reject_that_says_what_was_found(header: str, shown: str) -> None:
    decoded = decode(f"{header}\n1;2;3\n4,5\n".encode())
    assert (decoded.readings, decoded.reasons, decoded.positions) == ([], ["not_a_reading"], ["line 1"])
    assert decoded.rejects[0].detail == (
        f"a CSV needs the columns device_id (or device) and timestamp (or time); its first line has {shown}"
    )


@pytest.mark.parametrize("line", ["hello, world", '"a', 'a,"b', "x", "\xff,b", "device_id,timestamp {}"])
def test_what_is_no_header_costs_no_record_behind_it(line: str) -> None:
    decoded = decode(line.encode("latin-1") + b"\n" + text("a") + b"\n" + text("b"))
    assert (decoded.devices, len(decoded.rejects)) == (["a", "b"], 1)


def test_separators_before_a_record_are_no_header() -> None:
    for before in (b",\r", b",,\n", b"\t;\n,\n".replace(b";", b"")):
        assert (decode(before + text("a")).devices, decode(before + text("a")).rejects) == (["a"], [])


def test_a_column_that_is_no_metric_is_said_once_and_costs_no_other() -> None:
    header = "device_id,timestamp,temp °C,humidity,humidity\n"
    decoded = decode(rows(f"a,{TIME},1,2,3", f"a,{TIME},1,2,3", header=header))
    assert [dict(reading.metrics) for reading in decoded.readings] == [{"humidity": 2}] * 2
    assert list(zip(decoded.positions, decoded.reasons, decoded.members, strict=True)) == [
        ("line 1", "invalid_metric", "temp °C"),
        ("line 1", "invalid_metric", "humidity"),
    ]


def test_rows_are_bounded_like_records() -> None:
    limits = Limits(record=600, block=900, records=5, rejects=3)
    assert decode(rows(*[f"a,{TIME},{n},2" for n in range(5)], "", ""), limits=limits).reasons == []
    many = decode(rows(*[f"a,{TIME},{n},2" for n in range(50)]), limits=limits)
    assert (len(many.readings), many.reasons, many.positions) == (5, ["too_many_records"], ["line 7"])
    bad = decode(rows(*["x"] * 50), limits=limits)
    assert bad.reasons == ["invalid_timestamp"] * 3 + ["too_many_records"]
    for end in ("\n", "\r"):
        lines = [f"a,{TIME},1,2", "y" * 5_000, f"b,{TIME},1,2", "z" * 700]
        long = decode(rows(*lines).replace(b"\n", end.encode()), chunk=500, limits=limits)
        assert (long.devices, long.reasons, long.positions) == (
            ["a", "b"],
            ["record_too_large"] * 2,
            ["line 3", "line 5"],
        )


def test_a_header_is_bounded() -> None:
    wide = decode((HEADER.strip() + "," + ",".join(f"m{n}" for n in range(1_000)) + "\n").encode())
    assert wide.reasons == ["too_many_metrics"]
    names = ",".join(f"m{n}" for n in range(150))
    sparse = f"a,{TIME},{',' * 149}7", f"a,{TIME},{','.join(['1'] * 150)}"
    decoded = decode(rows(*sparse, header=f"device_id,timestamp,{names}\n"))
    assert ([dict(reading.metrics) for reading in decoded.readings], decoded.reasons) == (
        [{"m149": 7}],
        ["too_many_metrics"],
    )
    assert decode(("device_id,timestamp," + "x" * 70_000).encode()).form != "csv"


def test_blank_lines_are_nothing_however_many() -> None:
    blank = "\n" * 5_000
    decoded = decode(rows(f"a,{TIME},1,2", blank, "  \t", f"b,{TIME},1,2"), limits=Limits(record=600, block=900))
    assert (decoded.devices, decoded.rejects) == (["a", "b"], [])


def test_a_row_at_once_has_no_units_where_none_of_its_metrics_has_one() -> None:
    decoded = decode(rows(f"a,{TIME},,2", f"a,{TIME},1,2", header="device_id,timestamp,t [Cel],n\n"))
    assert [reading.units for reading in decoded.readings] == [None, {"t": "Cel"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_where_the_bytes_are_cut_does_not_matter(end: str, chunk: int) -> None:
    lines = [f"d{n},{TIME},{n},{'x' if n % 9 == 4 else n}" for n in range(60)]
    data = rows(*lines).replace(b"\n", end.encode())
    decoded = decode(data, chunk=chunk, limits=Limits(record=300, block=400))
    assert decoded.devices == [f"d{n}" for n in range(60)]
    assert decoded.positions == [f"line {n + 2}" for n in range(60) if n % 9 == 4]
    assert [json.dumps(reject.excerpt.decode()) for reject in decoded.rejects] == [
        json.dumps(line) for n, line in enumerate(lines) if n % 9 == 4
    ]
