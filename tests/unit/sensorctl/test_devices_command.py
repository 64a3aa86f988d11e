"""`sensorctl devices` over what ingest stored and alert keeps."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from command_kit import PARAMETER, sensorctl
from pipeline_kit import keep, note, open_alert, whole_stage

from sensorctl.pipeline import Pipeline

MINUTE = timedelta(minutes=1)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Three devices: one reports, one with a stricter limit is silent, one has not been heard of for long."""
    with whole_stage(monkeypatch) as pipeline:
        now = datetime.now(UTC)
        keep("boiler-7", now - 2 * MINUTE)
        keep("boiler-7", now - 1 * MINUTE)
        keep("freezer-1", now - 6 * MINUTE)
        keep("pump-3", now - 60 * MINUTE)
        yield pipeline


def listed(*arguments: str) -> list[dict[str, object]]:
    said = sensorctl("devices", "--json", *arguments)
    assert said.code == 0
    return [json.loads(line) for line in said.out.splitlines()]


def test_every_device_is_listed_the_silent_ones_first(deployed: Pipeline) -> None:
    assert [(each["device_id"], each["silent"]) for each in listed()] == [
        ("freezer-1", True),
        ("pump-3", True),
        ("boiler-7", False),
    ]


def test_a_device_is_told_by_its_newest_reading(deployed: Pipeline) -> None:
    (boiler,) = [each for each in listed() if each["device_id"] == "boiler-7"]
    assert 60 <= float(str(boiler["seconds_ago"])) < 120


def test_silent_lists_only_those(deployed: Pipeline) -> None:
    assert [each["device_id"] for each in listed("--silent")] == ["freezer-1", "pump-3"]


def test_open_alerts_stand_beside_their_device(deployed: Pipeline) -> None:
    note(open_alert("boiler-7"))
    (boiler,) = [each for each in listed() if each["device_id"] == "boiler-7"]
    assert boiler["open_alerts"] == [{"metric": "temperature", "severity": "critical"}]
    (row,) = [line for line in sensorctl("devices").out.splitlines() if line.startswith("boiler-7")]
    assert row.rstrip().endswith("temperature")


def test_a_reading_from_a_clock_far_ahead_is_not_the_newest(deployed: Pipeline) -> None:
    keep("pump-3", datetime.now(UTC) + timedelta(hours=20))
    (pump,) = [each for each in listed() if each["device_id"] == "pump-3"]
    assert pump["silent"] is True


def test_a_device_whose_readings_are_gone_is_listed_without_one(deployed: Pipeline) -> None:
    boto3.client("dynamodb").put_item(
        TableName="readings", Item={"device_id": {"S": "#devices#0"}, "reading_id": {"S": "gone-1"}}
    )
    (gone,) = [each for each in listed() if each["device_id"] == "gone-1"]
    assert (gone["last_reading"], gone["silent"]) == (None, None)


def test_without_valid_thresholds_devices_are_listed_and_nobody_is_called_silent(deployed: Pipeline) -> None:
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value="{", Type="String", Overwrite=True)
    said = sensorctl("devices")
    assert said.code == 0
    assert "who is silent cannot be told" in said.out
    assert "silent for over" not in said.out


def test_a_stage_without_devices_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_stage(monkeypatch):
        assert sensorctl("devices").out == "No device has reported yet.\n"
        assert sensorctl("devices", "--silent").out == "No device is silent.\n"
