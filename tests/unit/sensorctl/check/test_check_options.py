"""What `sensorctl check` shows, and by which documents and key it judges."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sensorctl.aws.object_keys import key_of
from tests.unit.sensorctl.check.check_kit import check
from tests.unit.sensorctl.command_kit import sensorctl


def text(device_id: str, time: str = "2024-11-22T10:00:00Z", **members: Any) -> bytes:
    return json.dumps({"device_id": device_id, "timestamp": time, "metrics": {"temperature": 20.5}, **members}).encode()


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_first_readings_and_rejects_are_shown_where_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    lines = [text(f"d{number}", "2024-11-22T10:00:00.5Z", units={"temperature": "Cel"}) for number in range(12)]
    path.write_bytes(b"\n".join([lines[0], *[b"x"] * 12, *lines[1:]]))

    assert "  d0  " not in sensorctl("check", str(path)).out
    assert '"first_readings"' not in sensorctl("check", "--json", str(path)).out
    for arguments, count in ((["--show"], 10), (["--show", "--first", "3"], 3), (["--first", "3"], 3)):
        lines_shown = sensorctl("check", *arguments, str(path)).out.splitlines()
        assert lines_shown[0] == f"{path}:"
        assert lines_shown[1] == "  d0  2024-11-22T10:00:00.500000Z  temperature 20.5 Cel"
        assert lines_shown[count].startswith(f"  d{count - 1}  ")
        assert lines_shown[count + 1] == f"{count} of 12 shown; --first shows more."
        assert lines_shown[count + 2] == "  line 2: not_json: Expecting value (byte 0)"
        assert lines_shown[2 * count + 1].startswith(f"  line {count + 1}: ")
        assert lines_shown[2 * count + 2 : 2 * count + 4] == [f"{count} of 12 shown; --first shows more.", ""]
        found = json.loads(sensorctl("check", "--json", *arguments, str(path)).out)
        assert [reading["device_id"] for reading in found["first_readings"]] == [f"d{n}" for n in range(count)]
        assert [reject["position"] for reject in found["first_rejects"]] == [f"line {n + 2}" for n in range(count)]
        assert (found["readings"], found["rejected"]) == (12, {"not_json": 12})
    assert sensorctl("check", "--first", "0", str(path)).code == 2


PUMP = b'{"pump": "p-1", "at": "2024-11-22T10:00:00Z", "values": {"flow": 3}}'
PUMPS = {"name": "pumps", "when": "pump", "device_id": "pump", "timestamp": "at", "metrics": "values"}


def test_mappings_of_ones_own_are_used_instead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, data = tmp_path / "own.json", tmp_path / "pump.json"
    own.write_text(json.dumps({"version": 1, "mappings": [PUMPS]}))
    data.write_bytes(PUMP)

    assert check([data]) == 1
    assert shown(capsys)["rejected"] == {"not_a_reading": 1}
    assert check([data], mappings=own, first=1) == 0
    assert shown(capsys)["first_readings"][0]["metrics"] == {"flow": 3}
    assert sensorctl("check", "--mappings", str(own), str(data)).code == 0


@pytest.mark.parametrize("option", ["--mappings", "--thresholds"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"version": 2}', "{path}: version must be 1, not 2"),
        (b"\xff", "{path}: is not JSON ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)"),
        (None, "{path} cannot be read: No such file or directory"),
    ],
)
def test_a_document_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, option: str, content: bytes | None, sentence: str
) -> None:
    document, data = tmp_path / "own.json", tmp_path / "a"
    data.write_bytes(text("a"))
    if content is not None:
        document.write_bytes(content)

    result = sensorctl("check", option, str(document), str(data))
    assert (result.code, result.out, result.error) == (2, "", sentence.format(path=document))


def test_mappings_see_the_key_that_is_given_else_the_folder_and_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"version": 1, "mappings": [{**PUMPS, "prefix": "gw-*/", "device_id": "key()[-1]"}]}))
    folder = tmp_path / "gw-7"
    folder.mkdir()
    (folder / "pump.json").write_bytes(PUMP)
    monkeypatch.chdir(folder)

    def device(*files: str, key: str | None = None) -> str | None:
        check(list(files), mappings=own, key=key, first=1)
        readings = shown(capsys)["first_readings"]
        return readings[0]["device_id"] if readings else None

    assert device("pump.json") == device(f"{folder}/pump.json") == "pump.json"
    assert device("pump.json", key="gw-1/p-2") == device("pump.json", key="incoming/gw-1/p-2") == "p-2"
    assert device("pump.json", key="elsewhere/p-2") is None
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PUMP)))
    assert device("-", key="gw-1/p-3") == "p-3"
    named = json.loads(
        sensorctl("check", "--json", "--first=1", "--mappings", str(own), "--as", "gw-1/p-4", "pump.json").out
    )
    assert named["first_readings"][0]["device_id"] == "p-4"


def test_a_file_is_uploaded_under_its_folder_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_of(tmp_path / "gw" / "a.json") == "incoming/gw/a.json"
    monkeypatch.chdir(tmp_path)
    assert key_of(Path("a.json")) == f"incoming/{tmp_path.name}/a.json"
    assert key_of(Path("x") / ".." / "a.json") == f"incoming/{tmp_path.name}/a.json"
    assert key_of(Path("/a.json")) == "incoming/files/a.json"


RULE = {"unit": "Cel", "critical": {"above": 85}, "valid": {"above": -55}}


def test_values_that_the_rules_do_not_take_are_reported_as_ingest_reports_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, data = tmp_path / "rules.json", tmp_path / "a.ndjson"
    rules.write_text(json.dumps({"version": 1, "metrics": {"temperature": RULE}}))
    data.write_bytes(
        b"\n".join(
            [
                text("a", metrics={"temperature": -127, "n": 1}),
                text("b", metrics={"temperature": -127}),
                text("c", metrics={"temperature": 90}, units={"temperature": "V"}),
                text("d", metrics={"temperature": 300}, units={"temperature": "K"}),
            ]
        )
    )

    assert check([data], thresholds=rules, first=10) == 1
    found = shown(capsys)
    assert (found["readings"], found["rejected"]) == (3, {"no_metrics": 1})
    assert found["values_rejected"] == {"implausible_value": 2, "unit_mismatch": 1}
    assert [(reading["device_id"], reading["metrics"]) for reading in found["first_readings"]] == [
        ("a", {"n": 1}),
        ("c", {"temperature": 90}),
        ("d", {"temperature": 300}),
    ]
    assert check([data]) == 1
    assert shown(capsys)["values_rejected"] == {"unit_mismatch": 1}
