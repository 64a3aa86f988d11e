"""`sensorctl thresholds try`, on a stage and on files: what it shows, and that it writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from sensorctl.aws.outputs import Pipeline
from sensorctl.backtest import trial
from tests.unit.sensorctl.command_kit import DOCUMENT, PARAMETER, calls_of_aws, sensorctl
from tests.unit.sensorctl.pipeline_kit import keep, whole_stage

MINUTE = timedelta(minutes=1)
LENIENT = DOCUMENT.replace('"above": 70', '"above": 80')


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A stage on which, a day ago, boiler-1 was at 75 for a while and boiler-2 at 90."""
    with whole_stage(monkeypatch) as pipeline:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        for minute, (mild, hot) in enumerate([(50, 50), (75, 90), (75, 90), (50, 50)]):
            keep("boiler-1", yesterday + minute * MINUTE, metrics={"temperature": mild})
            keep("boiler-2", yesterday + minute * MINUTE, metrics={"temperature": hot})
        yield pipeline


@pytest.fixture
def lenient(tmp_path: Path) -> str:
    path = tmp_path / "new.json"
    path.write_text(LENIENT)
    return str(path)


def tried(*arguments: str) -> dict[str, Any]:
    result = sensorctl("thresholds", "try", *arguments, "--json")
    assert result.code == 0, result.error
    found: dict[str, Any] = json.loads(result.out.splitlines()[-1])
    return found


def test_a_stage_is_asked_for_its_readings_and_its_thresholds_and_for_nothing_else(
    deployed: Pipeline, lenient: str
) -> None:
    with calls_of_aws() as called:
        found = tried(lenient)
    assert found["by_device"] == [
        {"device_id": "boiler-1", "now": 3, "new": 1},
        {"device_id": "boiler-2", "now": 3, "new": 3},
    ]
    assert found["now"] == {"emails": 6, "kinds": {"opened": 2, "resolved": 2, "silent": 2}}
    assert [(alert["device_id"], alert["metric"]) for alert in found["alerts_gone"]] == [("boiler-1", "temperature")]
    assert found["alerts_added"] == []
    assert (found["readings"], found["devices"], found["read_units"] > 0) == (8, 2, True)
    assert set(called) == {"Query", "GetParameter"}


def test_devices_and_time_can_be_named(deployed: Pipeline, lenient: str) -> None:
    assert [device["device_id"] for device in tried(lenient, "--device", "*-2")["by_device"]] == ["boiler-2"]
    assert tried(lenient, "--device", "boiler-1")["devices"] == 1
    refused = sensorctl("thresholds", "try", lenient, "--since", "1h")
    assert (refused.code, "no reading of * is stored since" in refused.error) == (2, True)
    assert "no device x-* has reported" in sensorctl("thresholds", "try", lenient, "--device", "x-*").error


def test_people_see_tables_and_what_was_read(deployed: Pipeline, lenient: str) -> None:
    out = sensorctl("thresholds", "try", lenient).out
    rows = [line.split() for line in out.splitlines()]
    assert ["boiler-1", "3", "1"] in rows
    assert ["all", "e-mails", "6", "4"] in rows
    assert "No longer there: 1 alert." in out
    assert "8 readings of 2 devices" in out
    assert "without budget and digests" in out
    one = sensorctl("thresholds", "try", lenient, "--device", "boiler-1").out
    assert "4 readings of 1 device" in one
    assert "; 1 read unit." in one


def test_it_asks_before_it_reads_much(deployed: Pipeline, lenient: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MOST_UNITS", 0)
    declined = sensorctl("thresholds", "try", lenient, answers="n\n")
    assert declined.code == 1
    assert "Read about 8 readings of 2 devices, which costs about" in declined.out
    assert sensorctl("thresholds", "try", lenient, "--yes").code == 0


def test_files_are_compared_with_the_documents_that_are_named(
    tmp_path: Path, lenient: str, deployed: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = tmp_path / "line.ndjson"
    lines = [
        {"device_id": "b", "timestamp": f"2026-11-22T12:0{minute}:00Z", "metrics": {"temperature": value}}
        for minute, value in enumerate([50, 75, 50])
    ]
    readings.write_text("\n".join(map(json.dumps, lines)) + "\nnonsense\n")
    strict = tmp_path / "strict.json"
    strict.write_text(DOCUMENT.replace('"above": 70', '"above": 40').replace('"below": 65', '"below": 30'))
    with calls_of_aws() as called:
        found = tried(lenient, str(readings))
        assert (found["now"]["emails"], found["new"]["emails"], found["read_units"]) == (2, 0, None)
        assert tried(lenient, str(readings), "--against", str(strict))["now"]["kinds"] == {"opened": 1}
    assert called == []
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value=strict.read_text(), Type="String", Overwrite=True)
    assert tried(lenient, str(readings), "--stage", "test")["now"]["kinds"] == {"opened": 1}
    assert "1 record or value left out" in sensorctl("thresholds", "try", lenient, str(readings)).out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["/no/such.json"], "/no/such.json cannot be read"),
        (["{new}", "/no/such.ndjson"], "/no/such.ndjson cannot be read"),
        (["{new}", "{new}", "--device", "x"], "the files hold no reading of x"),
        (["{new}", "--mappings", "m.json"], "--mappings says how files are read"),
        (["{new}", "{new}", "--mappings", "/no/m.json"], "/no/m.json cannot be read"),
        (["{bad}"], "version must be 1"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], sentence: str, lenient: str, tmp_path: Path, deployed: Pipeline
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    result = sensorctl("thresholds", "try", *(part.format(new=lenient, bad=bad) for part in arguments))
    assert (result.code, sentence in result.error) == (2, True), result


def test_a_change_is_tried_and_then_written_or_not(deployed: Pipeline) -> None:
    change = ("thresholds", "set", "temperature", "--warning-above", "80", "--try")
    declined = sensorctl(*change, answers="n\n")
    assert declined.code == 1
    assert "No longer there: 1 alert." in declined.out
    assert boto3.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Version"] == 1
    assert "Version 2 is written" in sensorctl(*change, answers="y\n").out
