"""The files of tests/cases through the decoder and the handler; tests/e2e sends them through `make run FILES=`."""

from __future__ import annotations

import json

import pytest

from lambdas.ingest.decoding.reading import UnclockedReading
from lambdas.ingest.decoding.values.timestamps import texts
from tests.case_outcomes import CASES, TABLE, UPLOADED
from tests.unit.ingest.ingest_kit import decode
from tests.unit.ingest.ingest_world import World


def test_every_file_has_its_outcome_here() -> None:
    assert sorted(TABLE) == sorted(path.name for path in CASES.iterdir())


@pytest.mark.parametrize("name", TABLE)
def test_a_file_decodes_to_what_its_sender_wants(name: str) -> None:
    case = TABLE[name]
    decoded = decode((CASES / name).read_bytes(), now=UPLOADED, key=f"incoming/cases/{name}")
    assert (len(decoded.readings), list(zip(decoded.reasons, decoded.members, strict=True))) == (
        case.readings,
        case.rejects,
    )
    found = [(reading.metrics, texts([reading.timestamp])[0]) for reading in decoded.readings]
    at = case.time or texts([UPLOADED])[0]
    assert (case.metrics, at) in [
        content for content, device in zip(found, decoded.devices, strict=True) if device == case.device
    ]


@pytest.mark.parametrize("name", TABLE)
def test_a_file_is_stored_and_its_rejects_are_quarantined(world: World, name: str) -> None:
    body, case = (CASES / name).read_bytes(), TABLE[name]
    # What moto says of an upload's time is now; these files are of one day.
    if "clock" not in name:
        body = body.replace(b"2026-", b"2024-").replace(b'"timestamp": 1795', b'"timestamp": 1732')
        body = body.replace(b'"timestamp": "1795', b'"timestamp": "1732').replace(b'"bt": 1795', b'"bt": 1732')
    entry = world.upload(f"incoming/cases/{name}", body)
    counts = world.handler()({"Records": [entry]}, None)
    values = [member for _, member in case.rejects if member is not None]
    assert counts["readings_stored"] == len(world.stored()) == case.readings
    assert (counts["values_rejected"], counts["readings_rejected"]) == (len(values), len(case.rejects) - len(values))
    rejected = [event["detail"] for event in world.heard() if event["detail-type"] == "ReadingsRejected"]
    assert [(event["rejected"], event["values_rejected"]) for event in rejected] == [
        (len(case.rejects) - len(values), len(values))
    ] * bool(case.rejects)
    for event in rejected:
        lines = world.quarantined(event["quarantine_key"])
        assert [(line["reason"], line.get("member")) for line in lines] == case.rejects


def test_a_clock_that_is_not_set_stays_on_the_item(world: World) -> None:
    body = (CASES / "21-clock-1970.json").read_bytes()
    world.handler()({"Records": [world.upload("incoming/pump-1/a", body)]}, None)
    (item,) = world.stored()
    assert item["device_time"] == {"S": "1970-01-01T00:03:12.000000Z"}
    assert item["reading_id"]["S"].startswith(item["uploaded_at"]["S"])


def test_a_number_in_tags_becomes_text_and_a_null_unit_is_absent() -> None:
    tags = decode((CASES / "30-number-tag.json").read_bytes(), now=UPLOADED).readings[0].tags
    assert tags == {"site": "plant-2", "floor": "3"}
    assert not decode((CASES / "31-unit-null.json").read_bytes(), now=UPLOADED).readings[0].units


def test_senml_packs_keep_their_times_and_units_to_themselves() -> None:
    for name in ("07-senml-packs-by-line.ndjson", "08-senml-packs-concatenated.json"):
        decoded = decode((CASES / name).read_bytes(), now=UPLOADED)
        seconds = [reading.timestamp.second for reading in decoded.readings]
        assert (decoded.devices, seconds) == (["pump-0"] * 2 + ["pump-1"] * 2 + ["pump-2"] * 2, [8, 8, 9, 9, 10, 10])
    last = decode((CASES / "09-senml-second-pack-without-base.json").read_bytes(), now=UPLOADED).readings[-1]
    assert (last.units, last.timestamp) == (None, UPLOADED)


def test_each_refused_id_is_named() -> None:
    lines = (CASES / "45-device-ids.ndjson").read_bytes().splitlines()
    decoded = decode(b"\n".join(lines), now=UPLOADED)
    for reject in decoded.rejects:
        device_id = json.loads(reject.excerpt)["device_id"]
        assert repr(device_id)[:20] in reject.detail or not device_id.isascii() or len(device_id) > 128
    assert not any(isinstance(reading, UnclockedReading) for reading in decoded.readings)
