"""People's own files as readings: forms, columns, times."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.ingest.decoding.payload import Payload
from sensorctl.errors import UserError
from sensorctl.simulate.expectations import reading_key
from sensorctl.simulate.plan import file_objects
from sensorctl.simulate.recorded_files import Columns, RowError, instant, objects_of, read, rows

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAPPED = Columns(device_id="machine", timestamp="ts", metrics={"temperature": "temp_c"})
CSV = "ts,machine,temp_c,note\n2024-01-01 10:00:00,pump-9,20.5,x\n2024-01-01 10:00:10,pump-9,95,\n"


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "log"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def values(path: Path, columns: Columns = MAPPED) -> list[tuple[str, datetime, dict[str, float]]]:
    return [(reading.device_id, reading.timestamp, reading.metrics) for reading in read(path, columns).readings]


TEN = datetime(2024, 1, 1, 10, tzinfo=UTC)
EXPECTED = [
    ("pump-9", TEN, {"temperature": 20.5}),
    ("pump-9", TEN + timedelta(seconds=10), {"temperature": 95}),
]
RECORDS = [
    {"ts": "2024-01-01T10:00:00Z", "machine": "pump-9", "temp_c": 20.5},
    {"ts": "2024-01-01T11:00:10+01:00", "machine": "pump-9", "temp_c": 95, "ok": True},
]


@pytest.mark.parametrize(
    "text",
    [
        CSV,
        "\ufeff" + CSV.replace("\n", "\r\n"),
        CSV.replace(",", ";").replace("20.5", "20,5"),
        CSV.replace(",", "\t"),
        CSV.replace("pump-9,20.5", '"pump-9","20.5"'),
        json.dumps(RECORDS),
        "\n".join(map(json.dumps, RECORDS)),
        gzip.compress(CSV.encode(), mtime=0),
    ],
)
def test_the_same_readings_are_read_from_every_form(file: Any, text: str | bytes) -> None:
    assert values(file(text)) == EXPECTED


def test_without_a_mapping_every_other_number_is_a_metric(file: Any) -> None:
    columns = Columns(device_id="machine", timestamp="ts")
    assert values(file("ts,machine,temp,hum,note\n2024-01-01T10:00:00Z,p,20.5,40,x\n"), columns) == [
        ("p", TEN, {"temp": 20.5, "hum": 40})
    ]


def test_native_readings_need_no_mapping(file: Any) -> None:
    native = {
        "device_id": "p",
        "timestamp": "2024-01-01T10:00:00Z",
        "metrics": {"temperature": 1.5},
        "tags": {"a": "b"},
    }
    assert values(file(json.dumps(native)), Columns()) == [("p", TEN, {"temperature": 1.5})]


def test_nested_members_are_columns_with_dots(file: Any) -> None:
    text = json.dumps([{"at": 1704103200, "sensor": {"id": "p", "reading": {"t": 3}}}])
    columns = Columns(device_id="sensor.id", timestamp="at", metrics={"temperature": "sensor.reading.t"})
    assert values(file(text), columns) == [("p", TEN, {"temperature": 3})]


def test_a_file_of_one_device_needs_no_column_for_it(file: Any) -> None:
    columns = Columns(timestamp="ts", metrics={"temperature": "temp_c"}, device="boiler-7")
    assert {device for device, _, _ in values(file(CSV), columns)} == {"boiler-7"}


def test_records_that_are_none_are_counted_and_the_first_is_reported(file: Any) -> None:
    text = CSV + "2024-01-01,Pump 9,1,\nyesterday,pump-9,2,\n2024-01-01,pump-9,,\n2024-01-01,pump-9,nan,\n"
    found = read(file(text), MAPPED)
    assert (len(found.readings), found.skipped) == (2, 4)
    assert found.first_problem is not None
    assert found.first_problem.startswith("record 3: device_id is 'Pump 9'; only letters, digits and")


@pytest.mark.parametrize(
    ("text", "columns", "sentence"),
    [
        (CSV, Columns(), "it has no column 'timestamp'; name it with --column timestamp=..."),
        (CSV, Columns(timestamp="ts"), "it has no column 'device_id'; name it with --column device_id=..."),
        (CSV, Columns(timestamp="ts", device_id="machine", metrics={"t": "no"}), "name the columns with --metric"),
        ("ts,machine,t (C)\n2024-01-01,p,3\n", Columns(timestamp="ts", device_id="machine"), "map a column to a name"),
        ("", MAPPED, "is neither JSON nor CSV"),
        ("hello\n", MAPPED, "is neither JSON nor CSV"),
        ('{"ts": 1}\n{"ts"', MAPPED, "is neither a JSON array nor one object a line: line 2"),
        (b"\xff\xfe", MAPPED, "cannot be read"),
        (b"\x1f\x8b\x08", MAPPED, "cannot be read"),
        ("[]", MAPPED, "holds no reading"),
    ],
)
def test_a_file_that_gives_nothing_says_why(file: Any, text: str | bytes, columns: Columns, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        read(file(text), columns)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "value",
    ["2024-01-01T10:00:00Z", "2024-01-01 10:00", "2024-01-01T11:00+01:00", 1704103200, "1704103200", 1704103200000.0,
     "1704103200000000"],
)  # fmt: skip
def test_a_time_may_be_iso_8601_or_seconds_or_finer(value: object) -> None:
    assert instant(value) == TEN


@pytest.mark.parametrize("value", ["yesterday", "", None, 12, "20240101", True, 1e300])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(RowError):
        instant(value)


def test_rebased_readings_end_at_the_instant_and_keep_their_distances(file: Any) -> None:
    held = file_objects(file(CSV), MAPPED, per_object=12, rebase_to=NOW, now=NOW)
    times = [reading.timestamp for upload in held.objects for reading in upload.readings]
    assert times == [NOW - timedelta(seconds=10), NOW]


def test_readings_that_ingest_would_find_too_far_ahead_are_refused(file: Any) -> None:
    with pytest.raises(UserError, match="over a day ahead; move them with --rebase-to now"):
        file_objects(file(CSV), MAPPED, per_object=12, rebase_to=NOW + timedelta(hours=25), now=NOW)


def test_objects_hold_one_device_each_and_ingest_reads_them_back_exactly(file: Any) -> None:
    lines = [f"2024-01-01T10:00:00.{n:06}Z,m-{n % 3},{n}" for n in range(100)]
    readings = read(file("ts,machine,temp_c\n" + "\n".join(lines)), MAPPED).readings
    objects = objects_of(readings, per_object=7)
    assert len({upload.key for upload in objects}) == len(objects) == 15
    assert all(len({reading.device_id for reading in upload.readings}) == 1 for upload in objects)
    back = [
        reading_key(r.device_id, r.timestamp, r.metrics)
        for upload in objects
        for batch in Payload(iter([upload.body]), now=NOW)
        for r in batch.readings
    ]
    assert sorted(back) == sorted(reading_key(r.device_id, r.timestamp, r.metrics) for r in readings)


def test_a_replay_claims_no_units(file: Any) -> None:
    objects = objects_of(read(file(CSV), MAPPED).readings, per_object=12)
    assert b"units" not in objects[0].body


def test_rows_of_a_csv_leave_out_empty_cells(file: Any) -> None:
    assert list(rows(file("a,b\n1,\n"))) == [{"a": "1"}]
