"""What one object becomes when it is larger than a block, and what a trace shows of it."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.ingest import ingest_object
from lambdas.ingest.adapters.device_registry import DeviceRegistry
from lambdas.ingest.adapters.event_bus import EventBus
from lambdas.ingest.adapters.reading_store import ReadingStore
from lambdas.ingest.decoding.limits import MOST_DEVICES, Limits
from lambdas.ingest.ingest_object import ObjectIngest, Outcome
from lambdas.ingest.s3_event import Upload
from lambdas.shared.events import ObjectRef
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.check.files import check
from sensorctl.check.options import CheckOptions
from tests.unit.ingest.ingest_kit import text
from tests.unit.ingest.ingest_world import BUCKET, BUS, TABLE, THRESHOLDS, Clock, World

SMALL = Limits(block=2048, record=1024)
TRACE = "1-5759e988-bd862e3fe1be46a994272793"


def take_in(
    world: World,
    body: bytes,
    *,
    limits: Limits = SMALL,
    names: DeviceRegistry | None = None,
    thresholds: str = THRESHOLDS,
) -> Outcome:
    version = world.s3.put_object(Bucket=BUCKET, Key="incoming/a", Body=body)["VersionId"]
    ingest = ObjectIngest(
        s3=world.s3,
        store=ReadingStore(world.dynamodb, table=TABLE),
        bus=EventBus(world.events, bus=BUS),
        quarantine_prefix="quarantine/",
        retention=None,
        limits=limits,
        names=names or DeviceRegistry(),
    )
    upload = Upload(
        source=ObjectRef(bucket=BUCKET, key="incoming/a", version_id=version),
        version=version,
        size=len(body),
        at=datetime.now(UTC),
    )
    return ingest(upload, thresholds=Thresholds.parse(thresholds), backoff=Clock().backoff())


def with_valid(valid: dict[str, Any]) -> str:
    rule = {"unit": "Cel", "critical": {"above": 85}, "valid": valid}
    return json.dumps({"version": 1, "metrics": {"temperature": rule}})


def test_a_value_in_another_unit_is_stored_as_sent_and_told_in_the_unit_of_the_rule(world: World) -> None:
    hot_in_f = {"metrics": {"temperature": 194, "n": 1}, "units": {"temperature": "°F"}}
    body = b"\n".join([text("a", **hot_in_f), text("b", metrics={"temperature": 86}, units={"temperature": "degF"})])
    outcome = take_in(world, body)
    assert (outcome.stored, outcome.breaches, outcome.must_report) == (2, 1, False)
    items = {item["device_id"]["S"]: item for item in world.stored()}
    assert items["a"]["metrics"]["M"]["temperature"] == {"N": "194"}
    assert items["a"]["breaches"]["L"][0]["M"] | {"metric": None} == {
        "metric": None,
        "severity": {"S": "critical"},
        "bound": {"S": "above"},
        "limit": {"N": "85"},
        "value": {"N": "90"},
        "unit": {"S": "Cel"},
    }
    assert "breaches" not in items["b"]
    (event,) = world.heard()
    assert (event["detail"]["value"], event["detail"]["limit"], event["detail"]["unit"]) == (90, 85, "Cel")


def test_a_value_whose_unit_does_not_convert_is_stored_and_told(world: World) -> None:
    outcome = take_in(world, text("a", metrics={"temperature": 92}, units={"temperature": "C"}))
    assert (outcome.stored, outcome.breaches, outcome.rejected, outcome.values_rejected) == (1, 0, 0, 1)
    (event,) = world.heard()
    assert (event["detail"]["stored"], event["detail"]["reasons"]) == (1, {"unit_mismatch": 1})
    (line,) = world.quarantined(event["detail"]["quarantine_key"])
    assert (line["reason"], line["member"], line["position"]) == (
        "unit_mismatch",
        "temperature",
        "device a at 2026-11-22T10:00:00.000000Z",
    )


def test_what_no_sensor_measures_is_left_out_and_told(world: World) -> None:
    body = b"\n".join([text("a", metrics={"temperature": -127, "n": 1}), text("b", metrics={"temperature": -127})])
    outcome = take_in(world, body, thresholds=with_valid({"above": -55}))
    assert (outcome.stored, outcome.rejected, outcome.values_rejected) == (1, 1, 2)
    (item,) = world.stored()
    assert (item["device_id"]["S"], item["metrics"]["M"]) == ("a", {"n": {"N": "1"}})
    (event,) = world.heard()
    assert event["detail"]["reasons"] == {"implausible_value": 2, "no_metrics": 1}


def test_a_reading_keeps_its_key_when_the_rules_change_between_two_deliveries(world: World) -> None:
    body = text("a", metrics={"temperature": 86, "n": 1})
    for valid in ({"above": -55}, {"not": [86]}, {"above": 0}):
        take_in(world, body, thresholds=with_valid(valid))
        (item,) = world.stored()
        assert ("temperature" in item["metrics"]["M"]) == ("not" not in valid)


TEN = b"\n".join(text(f"d{number}") for number in range(10))
PACKED = gzip.compress(TEN, mtime=0)


@pytest.mark.parametrize(
    ("body", "limits", "stored", "reasons"),
    [
        (TEN, Limits(stored=len(TEN)), 10, {}),
        (TEN, Limits(stored=len(TEN) - 1), 0, {"object_too_large": 1}),
        (PACKED, Limits(stored=len(PACKED), unpacked=len(TEN)), 10, {}),
        (PACKED, Limits(stored=len(PACKED) - 1), 0, {"object_too_large": 1}),
        (PACKED, Limits(unpacked=len(TEN) - 1), 0, {"object_too_large": 1}),
        (TEN, Limits(records=10), 10, {}),
        (TEN, Limits(records=9), 9, {"too_many_records": 1}),
        (b"1\n" * 10, Limits(rejects=9), 0, {"not_a_reading": 9, "too_many_records": 1}),
        (text(metrics={"temperature": -127, "n": 1}), SMALL, 1, {"implausible_value": 1}),
        (text(metrics={"temperature": -127}), SMALL, 0, {"implausible_value": 1, "no_metrics": 1}),
        (text(units={"temperature": "V"}), SMALL, 1, {"unit_mismatch": 1}),
    ],
)
def test_check_says_beforehand_what_becomes_of_an_object(
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    body: bytes,
    limits: Limits,
    stored: int,
    reasons: dict[str, int],
) -> None:
    (tmp_path / "a").write_bytes(body)
    (tmp_path / "rules.json").write_text(with_valid({"above": -55}))

    outcome = take_in(world, body, limits=limits, thresholds=with_valid({"above": -55}))
    check([tmp_path / "a"], CheckOptions(thresholds=tmp_path / "rules.json"), as_json=True, limits=limits)

    said = json.loads(capsys.readouterr().out)
    assert (outcome.stored, outcome.reasons) == (stored, reasons)
    assert (said["readings"], {**said["rejected"], **said["values_rejected"]}) == (stored, reasons)


def hot(count: int, devices: int) -> bytes:
    return b"\n".join(
        text(
            f"boiler-{number % devices}", f"2026-11-22T10:00:{number % 60:02}.{number:03}Z", metrics={"temperature": 90}
        )
        for number in range(count)
    )


def test_an_object_of_many_blocks_tells_each_device_once(world: World) -> None:
    outcome = take_in(world, hot(80, 4))
    assert (outcome.form, outcome.stored, outcome.breaches, outcome.rejected) == ("ndjson", 80, 4, 0)
    events = [event["detail"] for event in world.heard()]
    assert sorted((detail["device_id"], detail["count"]) for detail in events) == [
        (f"boiler-{n}", 20) for n in range(4)
    ]


def test_a_storm_of_devices_is_told_in_parts_and_bounded_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_object, "_MOST_BREACHES", 8)
    outcome = take_in(world, hot(60, 20))
    events = [event["detail"] for event in world.heard()]
    assert {detail["device_id"] for detail in events} == {f"boiler-{number}" for number in range(20)}
    assert outcome.breaches == len(events) == len({detail["breach_id"] for detail in events}) == 20


def test_what_was_told_early_is_told_again_where_it_gets_worse_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a megabyte of gzip was 800,000 events of 80,000 breaches: every round through the devices sent all again."""
    monkeypatch.setattr(ingest_object, "_MOST_BREACHES", 8)
    rounds = [
        text(f"boiler-{device}", f"2026-11-22T10:{turn:02}:00Z", metrics={"temperature": 71 + 5 * turn})
        for turn in range(5)
        for device in range(10)
    ]
    take_in(world, b"\n".join(rounds))
    events = [(event["detail"]["device_id"], event["detail"]["severity"]) for event in world.heard()]
    assert len(events) == len(set(events)) == 20


def test_of_invented_devices_a_bounded_number_is_registered_and_alerted_and_one_event_says_so(world: World) -> None:
    """A million ids in one object are 20,000 there; here the bound is 20, of a hundred."""
    outcome = take_in(world, hot(100, 100), names=DeviceRegistry(most=20))
    assert (outcome.stored, outcome.unwatched, outcome.rejected, outcome.breaches) == (100, 80, 0, 20)
    *breaches, rejected = [event["detail"] for event in world.heard()]
    assert {detail["device_id"] for detail in breaches} == {f"boiler-{number}" for number in range(20)}
    assert (rejected["stored"], rejected["rejected"], rejected["reasons"]) == (20, 80, {"too_many_devices": 80})
    assert [example["reason"] for example in rejected["examples"]] == ["too_many_devices"]
    assert rejected["quarantine_key"] == ""
    assert "Contents" not in world.s3.list_objects_v2(Bucket=BUCKET, Prefix="quarantine/")
    pages = world.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
    stored = [item["device_id"]["S"] for page in pages for item in page["Items"]]
    assert sum(device.startswith("#devices") for device in stored) == 20


def test_an_honest_gateway_of_many_devices_meets_no_bound(world: World) -> None:
    outcome = take_in(world, hot(60, 60), names=DeviceRegistry(most=60))
    assert (outcome.unwatched, outcome.breaches) == (0, 60)
    assert MOST_DEVICES >= 2 * 10_000


def test_only_the_first_five_rejects_are_examples(world: World) -> None:
    take_in(world, b"\n".join([text()] + [b"nonsense %d" % number for number in range(400)]))
    (event,) = world.heard()
    assert [example["position"] for example in event["detail"]["examples"]] == [f"line {n}" for n in range(2, 7)]
    assert event["detail"]["rejected"] == 399 + 1
    (key,) = world.keys() - {"incoming/a"}
    assert len(world.quarantined(key)) == 400


@pytest.fixture
def datagrams(documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1")
    return documents


@pytest.mark.parametrize("count", [1, 60])
def test_a_trace_shows_the_phases_of_any_object_in_one_datagram(
    world: World, datagrams: list[dict[str, Any]], count: int
) -> None:
    take_in(world, hot(count, 3))
    (ingest,) = datagrams
    assert (ingest["name"], ingest["trace_id"]) == ("ingest", TRACE)
    assert [phase["name"] for phase in ingest["subsegments"]] == ["fetch", "decode", "store", "emit"]
    assert ingest["parent_id"] == "53995c3f42cd8ad8"
    assert ingest["annotations"]["object_key"] == "incoming/a"
    assert {"version_id", "device_id", "metric", "severity", "breach_id"} <= set(ingest["annotations"])
    assert {event["detail"]["trace_id"] for event in world.heard()} == {TRACE}
    assert {item["trace_id"]["S"] for item in world.stored()} == {TRACE}


def test_a_phase_that_fails_is_marked(world: World, datagrams: list[dict[str, Any]]) -> None:
    world.dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(world.dynamodb.exceptions.ResourceNotFoundException):
        take_in(world, hot(1, 1))
    (ingest,) = datagrams
    assert [phase["name"] for phase in (ingest, *ingest["subsegments"]) if phase.get("fault")] == ["ingest", "store"]
