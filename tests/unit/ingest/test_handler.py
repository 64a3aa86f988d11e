from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sensorctl.cost.model import INGEST_METRICS
from tests import ROOT
from tests.unit.ingest.ingest_kit import record, text
from tests.unit.ingest.ingest_world import BUCKET, PARAMETER, World, refusal

SCHEMAS = ROOT / "docs" / "events"
HOT = text(metrics={"temperature": 92.4})


def lines(output: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The log lines and the metric lines of an invocation."""
    parsed = [json.loads(line) for line in output.splitlines()]
    return [line for line in parsed if "_aws" not in line], [line for line in parsed if "_aws" in line]


def fail(monkeypatch: pytest.MonkeyPatch, operation: str, code: str, *, when: str = "") -> None:
    """Let one operation of every client answer with an error; `when` must stand in its parameters."""
    from botocore.client import BaseClient  # noqa: PLC0415

    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, name: str, params: dict[str, Any]) -> Any:
        if name == operation and when in str(params):
            raise refusal(operation, code)
        return original(self, name, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def test_readings_are_stored_breaches_told_and_rejects_quarantined(world: World) -> None:
    body = b"\n".join([text("cool"), HOT, text("hot", metrics={"temperature": 75}), b"nonsense", b"{}"])
    entry = world.upload("incoming/a.ndjson.gz", gzip.compress(body, mtime=0))
    assert world.handler()({"Records": [entry]}, None) == {
        "objects": 1,
        "objects_unreadable": 0,
        "readings_stored": 3,
        "readings_rejected": 2,
        "values_rejected": 0,
        "breaches": 2,
    }
    version = entry["s3"]["object"]["versionId"]
    assert {item["device_id"]["S"] for item in world.stored()} == {"cool", "boiler-7", "hot"}
    (hot,) = [item for item in world.stored() if item["device_id"]["S"] == "boiler-7"]
    assert hot["source"]["M"]["version_id"]["S"] == version
    assert hot["metrics"]["M"]["temperature"]["N"] == "92.4"
    key = f"quarantine/incoming/a.ndjson.gz/{version}.ndjson"
    assert [(line["position"], line["reason"]) for line in world.quarantined(key)] == [
        ("line 4", "not_json"),
        ("line 5", "invalid_device_id"),
    ]
    events = {(event["detail-type"], event["detail"].get("device_id")): event["detail"] for event in world.heard()}
    assert set(events) == {("ThresholdBreached", "boiler-7"), ("ThresholdBreached", "hot"), ("ReadingsRejected", None)}
    assert events["ThresholdBreached", "boiler-7"]["severity"] == "critical"
    assert events["ReadingsRejected", None] == {
        "schema": "1",
        "object": {"bucket": BUCKET, "key": "incoming/a.ndjson.gz", "version_id": version},
        "stored": 3,
        "rejected": 2,
        "values_rejected": 0,
        "reasons": {"invalid_device_id": 1, "not_json": 1},
        "examples": [
            {"position": "line 4", "reason": "not_json", "detail": "Expecting value (byte 0)"},
            {
                "position": "line 5",
                "reason": "invalid_device_id",
                "detail": "device_id is missing",
            },
        ],
        "quarantine_key": key,
        "trace_id": None,
    }


@pytest.mark.parametrize("size", [1, 30, 230])
def test_every_reading_of_an_object_is_stored_once(world: World, size: int) -> None:
    body = b"\n".join(text(f"d{number % 7}", f"2026-11-22T10:00:00.{number:06}Z") for number in range(size))
    assert world.handler()({"Records": [world.upload("incoming/x", body)]}, None)["readings_stored"] == size
    assert len(world.stored()) == size
    assert world.heard() == []
    assert world.keys() == {"incoming/x"}


@pytest.mark.parametrize(
    "key",
    [
        "incoming/with spaces and+plus.json",
        "incoming/100%25 percent%.json",
        "incoming/ünïcödé/温度/🚰.json",
        "incoming/" + "x" * 1015,
        "incoming/" + "ü" * 507 + "x",
        "incoming/../up.json",
        "incoming/folder/",
        "incoming/a&b=c?d#e.json",
        'incoming/"quotes" \\ and\nnew lines.json',
    ],
)
def test_any_key_works(world: World, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    entry = world.upload(key, HOT + b"\nnonsense")
    world.handler()({"Records": [entry]}, None)
    assert [item["source"]["M"]["key"]["S"] for item in world.stored()] == [key]
    (rejected,) = [event["detail"] for event in world.heard() if event["detail-type"] == "ReadingsRejected"]
    assert rejected["object"]["key"] == key
    quarantine_key = rejected["quarantine_key"]
    assert quarantine_key.startswith("quarantine/")
    assert len(quarantine_key.encode()) <= 1024
    assert len(world.quarantined(quarantine_key)) == 1
    logged, _ = lines(capsys.readouterr().out)
    assert [line["key"] for line in logged] == [key]


def test_every_record_of_the_event_is_taken_in(world: World) -> None:
    entries = [world.upload(f"incoming/{number}.json", text(f"d{number}")) for number in range(5)]
    assert world.handler()({"Records": entries}, None)["objects"] == 5
    assert {item["device_id"]["S"] for item in world.stored()} == {f"d{number}" for number in range(5)}


def test_a_test_event_and_a_deletion_are_no_objects(world: World) -> None:
    handler = world.handler()
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}
    removed = {**world.upload("incoming/x", HOT), "eventName": "ObjectRemoved:Delete"}
    assert handler(test_event, None)["objects"] == 0
    assert handler({"Records": [removed]}, None)["objects"] == 0
    with pytest.raises(KeyError):
        handler({"detail": "no S3 event"}, None)


@pytest.mark.parametrize("key", ["quarantine/incoming/a.json/v1.ndjson", "other/a.json", "incoming"])
def test_what_is_not_under_the_prefix_is_left_alone(world: World, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    entry = world.upload(key, HOT)
    assert world.handler()({"Records": [entry]}, None)["objects"] == 0
    assert (world.stored(), world.heard()) == ([], [])
    logged, _ = lines(capsys.readouterr().out)
    assert "not under the incoming prefix" in logged[0]["message"]


def test_an_empty_folder_marker_is_no_bad_object_and_an_empty_file_is(world: World) -> None:
    handler = world.handler()
    assert handler({"Records": [world.upload("incoming/folder/", b"")]}, None)["readings_rejected"] == 0
    assert handler({"Records": [world.upload("incoming/empty.json", b"")]}, None)["readings_rejected"] == 1


def test_a_redelivery_adds_no_reading_and_repeats_every_breach_under_its_id(world: World) -> None:
    body = b"\n".join([HOT, b"nonsense", text("a")])
    event = {"Records": [world.upload("incoming/a", body)]}
    world.handler()(event, None)
    first, events, quarantined = world.stored(), world.heard(), world.keys()
    world.handler()(event, None)
    assert world.stored() == first
    again = world.heard()
    assert sorted(json.dumps(event["detail"], sort_keys=True) for event in again) == sorted(
        json.dumps(event["detail"], sort_keys=True) for event in events
    )
    assert world.keys() == quarantined


def test_a_replay_with_another_event_time_resolves_relative_times_alike(world: World) -> None:
    entry = world.upload("incoming/pack", b'[{"n": "d:t", "v": 1, "t": -5}]')
    world.handler()({"Records": [entry]}, None)
    world.handler()({"Records": [{**entry, "eventTime": "2020-01-01T00:00:00.000Z"}]}, None)
    assert len(world.stored()) == 1


def test_the_version_named_is_read_also_when_there_is_a_later_one(world: World) -> None:
    entry = world.upload("incoming/a", text("first"))
    world.upload("incoming/a", text("second"))
    world.handler()({"Records": [entry]}, None)
    assert [item["device_id"]["S"] for item in world.stored()] == ["first"]


def test_without_versions_the_etag_names_the_content(world: World) -> None:
    entry = world.upload("incoming/a", HOT)
    del entry["s3"]["object"]["versionId"]
    world.handler()({"Records": [entry]}, None)
    etag = entry["s3"]["object"]["eTag"]
    assert [item["source"]["M"]["version_id"]["S"] for item in world.stored()] == [etag]
    assert world.heard()[0]["detail"]["object"]["version_id"] == etag


def test_an_object_that_is_gone_is_a_reject_and_no_error(world: World) -> None:
    entry = world.upload("incoming/a", HOT)
    identity = {"Bucket": BUCKET, "Key": "incoming/a", "VersionId": entry["s3"]["object"]["versionId"]}
    world.s3.delete_object(**identity)
    missing = {**entry, "s3": {**entry["s3"], "object": {"key": "incoming/never", "size": 1, "eTag": "e"}}}
    handler = world.handler()
    for notification in (entry, missing):
        counts = handler({"Records": [notification]}, None)
        assert (counts["objects_unreadable"], counts["readings_stored"]) == (1, 0)


def test_an_infrastructure_error_is_raised_naming_the_object_after_the_others_were_taken_in(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [world.upload(f"incoming/{name}", text(name)) for name in ("a", "b", "c")]
    handler = world.handler()
    fail(monkeypatch, "GetObject", "AccessDenied", when="incoming/b")
    with pytest.raises(
        RuntimeError, match=r"1 of 3 objects failed; first s3://landing-zone/incoming/b: .*AccessDenied"
    ):
        handler({"Records": entries}, None)
    assert {item["device_id"]["S"] for item in world.stored()} == {"a", "c"}
    logged, emitted = lines(capsys.readouterr().out)
    assert [(line["key"], line["level"]) for line in logged] == [
        ("incoming/a", "INFO"),
        ("incoming/b", "ERROR"),
        ("incoming/c", "INFO"),
    ]
    assert emitted[0]["readings_stored"] == 2


@pytest.mark.parametrize("operation", ["BatchWriteItem", "PutEvents", "PutObject"])
def test_nothing_is_told_before_it_is_stored_and_no_failure_is_swallowed(
    world: World, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    event = {"Records": [world.upload("incoming/a", HOT + b"\nnonsense")]}
    handler = world.handler()
    with monkeypatch.context() as broken:
        fail(broken, operation, "AccessDenied")
        with pytest.raises(RuntimeError, match="AccessDenied"):
            handler(event, None)
    types = [event["detail-type"] for event in world.heard()]
    assert len(world.stored()) == (0 if operation == "BatchWriteItem" else 1)
    assert types == (["ThresholdBreached"] if operation == "PutObject" else [])
    handler(event, None)
    assert len(world.stored()) == 1
    assert sorted(event["detail-type"] for event in world.heard()) == ["ReadingsRejected", "ThresholdBreached"]


def test_an_object_over_the_limit_is_rejected_without_being_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = world.upload("incoming/big", HOT)
    entry["s3"]["object"]["size"] = 64 * 1024 * 1024 + 1
    handler = world.handler()
    fail(monkeypatch, "GetObject", "AccessDenied")
    assert handler({"Records": [entry]}, None)["readings_rejected"] == 1
    assert world.heard()[0]["detail"]["reasons"] == {"object_too_large": 1}


def test_one_metrics_line_tells_what_the_invocation_did(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [world.upload("incoming/a", HOT), world.upload("incoming/b", text() + b"\nnonsense")]
    world.handler()({"Records": entries}, None)
    _, (emitted,) = lines(capsys.readouterr().out)
    metrics = {metric["Name"] for metric in emitted["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert len(metrics) == INGEST_METRICS
    assert {name: emitted[name] for name in metrics} == {
        "objects": 2,
        "readings_stored": 2,
        "readings_rejected": 1,
        "values_rejected": 0,
        "breaches": 1,
        "thresholds_invalid": 0,
    }
    assert (emitted["stage"], emitted["function"]) == ("test", "ingest")


def test_bad_thresholds_are_told_and_the_bundled_ones_used(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.ssm.put_parameter(Name=PARAMETER, Value='{"version": 2}', Overwrite=True)
    assert world.handler()({"Records": [world.upload("incoming/a", HOT)]}, None)["breaches"] == 1
    logged, (emitted,) = lines(capsys.readouterr().out)
    assert emitted["thresholds_invalid"] == 1
    assert logged[0]["problem"] == f"{PARAMETER}: version must be 1, not 2"


def test_an_object_is_never_judged_by_the_bundled_rules_while_the_parameter_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"Records": [world.upload("incoming/a", text(metrics={"temperature": 40}))]}
    document = json.dumps({"version": 1, "metrics": {"temperature": {"critical": {"above": 30}}}})
    world.ssm.put_parameter(Name=PARAMETER, Value=document, Overwrite=True)
    handler = world.handler()
    with monkeypatch.context() as throttled:
        fail(throttled, "GetParameter", "ThrottlingException")
        with pytest.raises(RuntimeError, match=f"{PARAMETER} could not be read"):
            handler(event, None)
    _, (emitted,) = lines(capsys.readouterr().out)
    assert emitted["thresholds_invalid"] == 1
    assert world.stored() == []
    assert handler(event, None)["breaches"] == 1  # Lambda delivers the event again


def test_readings_are_kept_for_as_long_as_the_setting_says(world: World) -> None:
    world.environment["RETENTION_DAYS"] = "30"
    world.handler()({"Records": [world.upload("incoming/a", HOT)]}, None)
    (item,) = world.stored()
    uploaded = datetime.fromisoformat(item["uploaded_at"]["S"])
    assert int(item["expires_at"]["N"]) - uploaded.timestamp() == 30 * 86_400
    assert abs(uploaded - datetime.now(UTC)).total_seconds() < 3600


def test_a_reading_makes_two_calls_and_a_breach_two_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.client import BaseClient  # noqa: PLC0415

    cool, hot = world.upload("incoming/a", text()), world.upload("incoming/b", HOT)
    handler = world.handler()
    handler({"Records": [cool]}, None)
    called: list[str] = []
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(self: BaseClient, name: str, params: Any) -> Any:
        called.append(name)
        return original(self, name, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    handler({"Records": [cool]}, None)
    assert called == ["GetObject", "BatchWriteItem"]
    called.clear()
    handler({"Records": [hot]}, None)
    assert called == ["GetObject", "BatchWriteItem", "PutEvents", "BatchWriteItem"]


def events_of_every_kind(world: World) -> Iterator[dict[str, Any]]:
    bodies = [
        HOT,
        json.dumps([record(metrics={"temperature": 75, "battery": 3}), "nonsense"]).encode(),
        b"",
        gzip.compress(HOT, mtime=0)[:-3],
        b'[{"n": "d:temperature", "v": 99, "u": "Cel"}, {"n": "d:x", "vs": "a"}]',
    ]
    handler = world.handler()
    for number, body in enumerate(bodies):
        handler({"Records": [world.upload(f"incoming/{number}", body)]}, None)
    yield from world.heard()


def test_what_is_put_on_the_bus_is_what_its_schema_promises(world: World) -> None:
    schemas = {
        name: json.loads((SCHEMAS / f"{file}.schema.json").read_text())
        for name, file in (("ThresholdBreached", "threshold-breached"), ("ReadingsRejected", "readings-rejected"))
    }
    events = list(events_of_every_kind(world))
    assert {event["detail-type"] for event in events} == set(schemas)
    for event in events:
        schema = schemas[event["detail-type"]]
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(event["detail"])
        assert set(schema["required"]) <= set(event["detail"]) == set(schema["properties"])


def test_the_schema_knows_every_reason() -> None:
    from typing import get_args  # noqa: PLC0415

    from lambdas.ingest.decoding.reading import Reason  # noqa: PLC0415

    schema = json.loads((SCHEMAS / "readings-rejected.schema.json").read_text())
    assert schema["properties"]["reasons"]["propertyNames"]["enum"] == list(get_args(Reason))
