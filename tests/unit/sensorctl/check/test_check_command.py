from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from tests.unit.ingest.ingest_kit import TIME, text
from tests.unit.sensorctl.check.check_kit import check

GOOD = text().replace(b"2026", b"2024")
SENML = b'[{"n": "d:t", "v": 1}, {"n": "d:s", "vs": "on"}]'


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {
        "good.json": GOOD,
        "bad.ndjson": GOOD + b"\nnonsense\n{}\n3",
        "pack.gz": gzip.compress(SENML, mtime=0),
        "empty": b"",
        "jpeg": bytes(range(256)) * 100,
        "deep": b"[" * 100_000,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def test_programs_get_one_json_object_a_file(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert check([files["good.json"], files["bad.ndjson"], files["pack.gz"]]) == 1
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {
            "file": str(files["good.json"]),
            "form": "object",
            "readings": 1,
            "rejected": {},
            "values_rejected": {},
            "error": None,
        },
        {
            "file": str(files["bad.ndjson"]),
            "form": "ndjson",
            "readings": 1,
            "rejected": {"invalid_device_id": 1, "not_a_reading": 1, "not_json": 1},
            "values_rejected": {},
            "error": None,
        },
        {
            "file": str(files["pack.gz"]),
            "form": "senml, gzip",
            "readings": 1,
            "rejected": {"unsupported_value": 1},
            "values_rejected": {},
            "error": None,
        },
    ]


def test_people_get_a_table(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert check(list(files.values()), False) == 1
    shown = capsys.readouterr().out
    assert all(name in shown for name in files)
    assert "1 invalid_device_id, 1 not_a_reading, 1 not_json" in shown
    assert "line 2: Expecting value" in shown


@pytest.mark.parametrize("json_output", [False, True])
def test_exit_code_0_when_all_is_accepted(files: dict[str, Path], json_output: bool) -> None:
    assert check([files["good.json"]], json_output) == 0


@pytest.mark.parametrize("json_output", [False, True])
@pytest.mark.parametrize("name", ["missing.json", "", "a\0b", "new\nline"])
def test_a_file_that_cannot_be_read_is_one_sentence_and_exit_code_2(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], json_output: bool, name: str
) -> None:
    folder = files["good.json"].parent
    assert check([files["good.json"], f"{folder}/{name}"], json_output) == 2
    result = capsys.readouterr()
    assert result.err.startswith("sensorctl: ")
    assert result.err.count("\n") == 1
    assert "cannot be read" in result.err
    if json_output:
        good, bad = [json.loads(line) for line in result.out.splitlines()]
        assert (good["error"], bad["form"], bad["readings"]) == (None, None, 0)
        assert result.err == f"sensorctl: {bad['error']}\n"


def test_no_file_at_all_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert check([], False) == 2
    assert "needs files" in capsys.readouterr().err


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD + b"\n" + GOOD)))
    assert check(["-"]) == 0
    assert json.loads(capsys.readouterr().out)["readings"] == 2


def test_names_and_records_cannot_command_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nasty = tmp_path / "\x1b[31m[bold]\udcff.json"
    nasty.write_bytes(f'{{"device_id": "\\u001b[2J", "timestamp": "{TIME}"}}'.encode())
    assert check([nasty], False) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_single_values_are_counted_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_bytes(text(metrics={"t": 1, "u": None}, timestamp="2024-11-22T10:00:00Z"))
    assert check([tmp_path / "a"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["readings"], found["rejected"], found["values_rejected"]) == (1, {}, {"invalid_value": 1})


def test_with_a_source_readings_of_other_devices_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "two.ndjson"
    path.write_bytes(text("boiler-7") + b"\n" + text("press-1"))

    assert check([path], source="boiler-7") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["readings"], found["rejected"]) == (1, {"not_its_device": 1})
    assert check([path]) == 0


def test_a_metric_that_no_threshold_judges_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kiln.csv"
    file.write_text("device,time,Temperature,temperature,co2\nkiln-2,2026-11-22T10:00:00Z,20,20,612\n")
    assert check([file], False) == 0
    assert "no threshold applies to Temperature, co2: stored, but nobody is alerted." in capsys.readouterr().out
