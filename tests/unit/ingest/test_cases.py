"""Files in the shape of what devices and services write, in tests/cases: each through the decoder and the handler."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ingest_kit import decode
from ingest_world import World

from lambdas.ingest.decoding.reading import UnclockedReading
from lambdas.ingest.decoding.timestamps import texts

CASES = Path(__file__).parents[2] / "cases"
UPLOADED = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
AT = "2026-11-25T15:45:08.000000Z"


@dataclass(frozen=True)
class Case:
    """What becomes of a file: `first` is some reading of it; `rejects` are (reason, member)."""

    readings: int
    device: str
    metrics: dict[str, float]
    time: str | None = AT
    rejects: list[tuple[str, str | None]] = field(default_factory=list)


TABLE = {
    "03-iot-firehose-comma-separator.json": Case(5, "pump-1", {"temperature": 21.5}),
    "05-ndjson-of-arrays.ndjson": Case(6, "pump-1", {"temperature": 21.5}),
    "06-concatenated-arrays.json": Case(6, "pump-1", {"temperature": 21.5}),
    "07-senml-packs-by-line.ndjson": Case(6, "pump-0", {"temperature": 21.5}),
    "08-senml-packs-concatenated.json": Case(6, "pump-0", {"temperature": 21.5}),
    "09-senml-second-pack-without-base.json": Case(3, "pump-9", {"temperature": 5}, None),
    "10-epoch-ms.json": Case(1, "pump-1", {"temperature": 21.5}),
    "11-epoch-s.json": Case(1, "pump-1", {"temperature": 21.5}),
    "12-epoch-s-text.json": Case(1, "pump-1", {"temperature": 21.5}),
    "14-iso-basic-offset.json": Case(1, "pump-1", {"temperature": 21.5}, "2026-11-25T13:45:08.000000Z"),
    "15-iso-hour-offset.json": Case(1, "pump-1", {"temperature": 21.5}, "2026-11-25T13:45:08.000000Z"),
    "21-clock-1970.json": Case(1, "pump-1", {"temperature": 21.5}, None),
    "24-null-metric.json": Case(
        1, "pump-1", {"humidity": 97.5, "pressure": 1013}, rejects=[("invalid_value", "temperature")]
    ),
    "25-nan-metric.json": Case(1, "pump-1", {"humidity": 97.5}, rejects=[("invalid_value", "temperature")]),
    "26-number-text.json": Case(1, "pump-1", {"temperature": 21.5, "humidity": 97.5}),
    "27-decimal-comma.json": Case(1, "pump-1", {"humidity": 97.5}, rejects=[("invalid_value", "temperature")]),
    "28-boolean-contact.json": Case(1, "pump-1", {"contact": 0, "temperature": 91.0}),
    "29-state-text.json": Case(1, "pump-1", {"humidity": 97.5}, rejects=[("invalid_value", "temperature")]),
    "30-number-tag.json": Case(1, "pump-1", {"temperature": 91.0}),
    "31-unit-null.json": Case(1, "pump-1", {"temperature": 91.0}),
    "33-one-bad-metric-name.json": Case(1, "pump-1", {"temperature": 91.0}, rejects=[("invalid_metric", "temp °C")]),
    "34-nested-metric.json": Case(1, "pump-1", {"humidity": 97.5}, rejects=[("invalid_value", "temperature")]),
    "41-bom-in-the-middle.ndjson": Case(3, "pump-1", {"temperature": 21.5}),
    "45-device-ids.ndjson": Case(14, "_gateway-1", {"temperature": 21.5}, rejects=[("invalid_device_id", None)] * 16),
    "46-device-id-number.json": Case(1, "12345678", {"temperature": 21.5}),
    "48-senml-underscore-site.json": Case(1, "site_a.boiler-7", {"temperature": 92.4}),
    "51-iot-rule-s3-flat.json": Case(1, "boiler-7", {"temperature": 92.4, "humidity": 40}),
    "63-future-by-timezone.json": Case(1, "pump-1", {"temperature": 91}, "2026-11-25T18:15:08.000000Z"),
    "64-two-arrays-of-one.ndjson": Case(2, "b", {"temperature": 99}, "2026-11-25T16:08:23.000000Z"),
    "66-senml-mac-underscore.json": Case(1, "a4:c1:38:0b:1e:ff", {"temperature": 99}, "2026-11-25T16:36:42.000000Z"),
    "68-fridge-hot-then-freezing.ndjson": Case(2, "fridge-1", {"temperature": 13}, "2026-11-25T16:08:22.000000Z"),
    "70-senml-object-not-array.json": Case(1, "boiler-7", {"temperature": 20}, "2026-11-25T16:36:42.000000Z"),
}


def test_every_file_has_its_outcome_here() -> None:
    assert sorted(TABLE) == sorted(path.name for path in CASES.iterdir())


@pytest.mark.parametrize("name", TABLE)
def test_a_file_decodes_to_what_its_sender_wants(name: str) -> None:
    case = TABLE[name]
    decoded = decode((CASES / name).read_bytes(), now=UPLOADED)
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
