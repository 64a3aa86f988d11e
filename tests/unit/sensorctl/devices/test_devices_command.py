"""`sensorctl devices` over what ingest stored and alert keeps."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import timestamp
from sensorctl.aws.outputs import Pipeline
from sensorctl.devices import listing, registry
from sensorctl.devices.registry import LastReading
from sensorctl.status.judge import _by_gateway
from tests.unit.sensorctl.command_kit import PARAMETER, sensorctl
from tests.unit.sensorctl.pipeline_kit import keep, note, open_alert, whole_stage

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
    result = sensorctl("devices", "--json", *arguments)
    assert result.code == 0
    return [json.loads(line) for line in result.out.splitlines()]


def test_every_device_is_listed_the_silent_ones_first(deployed: Pipeline) -> None:
    assert [(device["device_id"], device["silent"]) for device in listed()] == [
        ("freezer-1", True),
        ("pump-3", True),
        ("boiler-7", False),
    ]


def test_a_device_is_shown_by_its_newest_reading(deployed: Pipeline) -> None:
    (boiler,) = [device for device in listed() if device["device_id"] == "boiler-7"]
    assert 60 <= float(str(boiler["seconds_ago"])) < 120


def test_silent_lists_only_those(deployed: Pipeline) -> None:
    assert [device["device_id"] for device in listed("--silent")] == ["freezer-1", "pump-3"]


def test_open_alerts_are_beside_their_device(deployed: Pipeline) -> None:
    note(open_alert("boiler-7"))
    (boiler,) = [device for device in listed() if device["device_id"] == "boiler-7"]
    assert boiler["open_alerts"] == [{"metric": "temperature", "severity": "critical"}]
    (row,) = [line for line in sensorctl("devices").out.splitlines() if line.startswith("boiler-7")]
    assert row.rstrip().endswith("temperature")


def test_a_clock_that_is_ahead_is_named_and_its_device_is_silent_by_its_uploads(deployed: Pipeline) -> None:
    now = datetime.now(UTC)
    keep("fridge-1", now + timedelta(hours=1), uploaded_at=timestamp(now - 60 * MINUTE))
    (fridge,) = [device for device in listed() if device["device_id"] == "fridge-1"]
    assert (fridge["clock"], fridge["silent"]) == ("clock 2 hours ahead", True)
    assert 3600 <= float(str(fridge["seconds_ago"])) < 3660


def test_a_clock_that_was_put_right_is_not_named_for_what_it_once_sent(deployed: Pipeline) -> None:
    now = datetime.now(UTC)
    keep("pump-3", now + timedelta(hours=20), uploaded_at=timestamp(now - 90 * MINUTE))
    (pump,) = [device for device in listed() if device["device_id"] == "pump-3"]
    assert pump["clock"] is None
    assert 3600 <= float(str(pump["seconds_ago"])) < 3660


def test_a_clock_that_is_not_set_is_named(deployed: Pipeline) -> None:
    keep("meter-9", datetime.now(UTC), device_time="1970-01-01T00:00:12.000000Z")
    assert [device["clock"] for device in listed() if device["device_id"] == "meter-9"] == ["clock not set"]
    (row,) = [line for line in sensorctl("devices").out.splitlines() if line.startswith("meter-9")]
    assert "clock not set" in row


def test_devices_behind_a_gateway_that_is_cut_off_are_shown_with_it_and_others_are_judged_by_its_life() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    document = {"version": 1, "silent_after": {"*": "15m"}, "behind": {"press-*": "gateway-3", "oven-*": "gateway-4"}}
    minutes = {"press-1": 20, "press-2": 30, "oven-1": 10, "oven-2": 24, "oven-3": 26, "lamp": 20}
    last = {
        name: LastReading(stamped_at=now - ago * MINUTE, uploaded_at=now - ago * MINUTE)
        for name, ago in minutes.items()
    }
    thresholds = Thresholds.parse(json.dumps(document))
    found = listing.listed(last, thresholds=thresholds, alerts=(), now=now)
    assert {device.device_id: (device.silent, device.cut_off) for device in found} == {
        "press-1": (True, "gateway-3"),
        "press-2": (True, "gateway-3"),
        "oven-1": (False, None),
        "oven-2": (False, None),
        "oven-3": (True, None),
        "lamp": (True, None),
    }
    assert _by_gateway([device for device in found if device.silent]) == ["gateway-3 (2 behind it)", "lamp", "oven-3"]


def test_of_a_large_fleet_those_that_seem_silent_are_asked_and_the_others_are_as_the_registry_says(
    deployed: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_ASKED", 1)
    now = datetime.now(UTC)
    for number, ago in enumerate((1, 2, 30)):
        boto3.client("dynamodb").put_item(
            TableName="readings",
            Item={
                "device_id": {"S": "#devices#1"},
                "reading_id": {"S": f"lamp-{number}"},
                "uploaded_at": {"S": timestamp(now - ago * MINUTE)},
            },
        )
    found = {str(device["device_id"]): device for device in listed()}
    assert [found[f"lamp-{number}"]["is_exact"] for number in range(3)] == [False, False, True]
    assert [found[f"lamp-{number}"]["silent"] for number in range(3)] == [False, False, None]
    assert (found["pump-3"]["is_exact"], found["pump-3"]["silent"]) == (True, True)
    assert "ago or later" in sensorctl("devices").out


def test_a_device_whose_readings_are_gone_is_listed_without_one(deployed: Pipeline) -> None:
    boto3.client("dynamodb").put_item(
        TableName="readings", Item={"device_id": {"S": "#devices#0"}, "reading_id": {"S": "gone-1"}}
    )
    (gone,) = [device for device in listed() if device["device_id"] == "gone-1"]
    assert (gone["last_reading"], gone["silent"]) == (None, None)


def test_without_valid_thresholds_devices_are_listed_and_nobody_is_called_silent(deployed: Pipeline) -> None:
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value="{", Type="String", Overwrite=True)
    result = sensorctl("devices")
    assert result.code == 0
    assert "cannot say which devices are silent" in result.out
    assert "silent for over" not in result.out


def test_a_stage_without_devices_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_stage(monkeypatch):
        assert sensorctl("devices").out == "No device has reported yet.\n"
        assert sensorctl("devices", "--silent").out == "No device is silent.\n"
