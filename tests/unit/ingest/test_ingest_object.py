"""What one object becomes when it is larger than a block, and what a trace shows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ingest_kit import text
from ingest_world import BUCKET, BUS, TABLE, THRESHOLDS, Clock, World

from lambdas.ingest import ingest_object
from lambdas.ingest.decoding.limits import MOST_DEVICES, Limits
from lambdas.ingest.device_names import DeviceNames
from lambdas.ingest.events_out import EventBus
from lambdas.ingest.ingest_object import ObjectIngest, Outcome
from lambdas.ingest.store import ReadingStore
from lambdas.ingest.uploads import Upload
from lambdas.shared.contracts import ObjectRef
from lambdas.shared.thresholds import Thresholds

SMALL = Limits(block=2048, record=1024)
TRACE = "1-5759e988-bd862e3fe1be46a994272793"


def take_in(world: World, body: bytes, *, limits: Limits = SMALL, names: DeviceNames | None = None) -> Outcome:
    version = world.s3.put_object(Bucket=BUCKET, Key="incoming/a", Body=body)["VersionId"]
    ingest = ObjectIngest(
        s3=world.s3,
        store=ReadingStore(world.dynamodb, table=TABLE),
        bus=EventBus(world.events, bus=BUS),
        quarantine_prefix="quarantine/",
        retention=None,
        limits=limits,
        names=names or DeviceNames(),
    )
    upload = Upload(
        source=ObjectRef(bucket=BUCKET, key="incoming/a", version_id=version),
        version=version,
        size=len(body),
        at=datetime.now(UTC),
    )
    return ingest(upload, thresholds=Thresholds.parse(THRESHOLDS), retrying=Clock().retrying())


def hot(count: int, devices: int) -> bytes:
    return b"\n".join(
        text(
            f"boiler-{number % devices}", f"2026-11-22T10:00:{number % 60:02}.{number:03}Z", metrics={"temperature": 90}
        )
        for number in range(count)
    )


def test_an_object_of_many_blocks_tells_each_device_once(world: World) -> None:
    outcome = take_in(world, hot(300, 4))
    assert (outcome.form, outcome.stored, outcome.breaches, outcome.rejected) == ("ndjson", 300, 4, 0)
    told = [event["detail"] for event in world.heard()]
    assert sorted((detail["device_id"], detail["count"]) for detail in told) == [(f"boiler-{n}", 75) for n in range(4)]


def test_a_storm_of_devices_is_told_in_parts_and_bounded_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_object, "_MOST_BREACHES", 8)
    outcome = take_in(world, hot(60, 20))
    told = [event["detail"] for event in world.heard()]
    assert outcome.breaches == len(told) > 20
    assert {detail["device_id"] for detail in told} == {f"boiler-{number}" for number in range(20)}
    assert len({detail["breach_id"] for detail in told}) == 20
    assert sum(detail["count"] for detail in told) == 60


def test_of_invented_devices_a_bounded_number_is_registered_and_alerted_and_one_event_says_so(world: World) -> None:
    """A million ids in one object are 20,000 there; here the bound is 20, of a thousand."""
    outcome = take_in(world, hot(1_000, 1_000), names=DeviceNames(most=20))
    assert (outcome.stored, outcome.unwatched, outcome.rejected, outcome.breaches) == (1_000, 980, 0, 20)
    *breaches, rejected = [event["detail"] for event in world.heard()]
    assert {detail["device_id"] for detail in breaches} == {f"boiler-{number}" for number in range(20)}
    assert (rejected["stored"], rejected["rejected"], rejected["reasons"]) == (20, 980, {"too_many_devices": 980})
    assert [example["reason"] for example in rejected["examples"]] == ["too_many_devices"]
    assert rejected["quarantine_key"] == ""
    assert "Contents" not in world.s3.list_objects_v2(Bucket=BUCKET, Prefix="quarantine/")
    pages = world.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
    stored = [item["device_id"]["S"] for page in pages for item in page["Items"]]
    assert sum(device.startswith("#devices") for device in stored) == 20


def test_an_honest_gateway_of_many_devices_meets_no_bound(world: World) -> None:
    outcome = take_in(world, hot(300, 300), names=DeviceNames(most=300))
    assert (outcome.unwatched, outcome.breaches) == (0, 300)
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


@pytest.mark.parametrize("count", [1, 400])
def test_a_trace_shows_the_phases_of_any_object_in_five_datagrams(
    world: World, datagrams: list[dict[str, Any]], count: int
) -> None:
    take_in(world, hot(count, 3))
    assert [document["name"] for document in datagrams] == ["fetch", "decode", "store", "emit", "ingest"]
    ingest = datagrams[-1]
    assert {document["trace_id"] for document in datagrams} == {TRACE}
    assert {document["parent_id"] for document in datagrams[:-1]} == {ingest["id"]}
    assert ingest["parent_id"] == "53995c3f42cd8ad8"
    assert ingest["annotations"]["object_key"] == "incoming/a"
    assert {"version_id", "device_id", "metric", "severity", "breach_id"} <= set(ingest["annotations"])
    assert {event["detail"]["trace_id"] for event in world.heard()} == {TRACE}
    assert {item["trace_id"]["S"] for item in world.stored()} == {TRACE}


def test_a_phase_that_fails_is_marked(world: World, datagrams: list[dict[str, Any]]) -> None:
    world.dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(world.dynamodb.exceptions.ResourceNotFoundException):
        take_in(world, hot(1, 1))
    assert [document["name"] for document in datagrams if document.get("fault")] == ["store", "ingest"]
