"""Each shape of the mappings that ship, as docs/inputs.md names its document; the values are invented."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.ingest.decoding.mapping.mappings import SHIPPED, parse
from lambdas.ingest.decoding.values.timestamps import texts
from tests.unit.ingest.ingest_kit import decode

UPLOADED = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
AT = "2026-11-25T15:45:08.000000Z"
UPLOAD = "2026-11-25T17:00:00.000000Z"
SECONDS = 1795621508
KEY = "incoming/gw-1/kitchen/1.json"

TTN = {
    "end_device_ids": {
        "device_id": "soil-1",
        "application_ids": {"application_id": "farm"},
        "dev_eui": "70B3D57ED0012345",
    },
    "received_at": "2026-11-25T15:45:08Z",
    "uplink_message": {
        "f_port": 1,
        "decoded_payload": {"temperature": 21.5, "state": "ok", "soil": {"moisture": 40}, "fault": None},
        "rx_metadata": [{"gateway_ids": {"gateway_id": "a"}, "rssi": -76}, {"gateway_ids": {"gateway_id": "b"}}],
    },
}
SHELLY = {
    "src": "shellyplusht-0123",
    "dst": "shellyplusht-0123/events",
    "method": "NotifyFullStatus",
    "params": {
        "ts": SECONDS + 0.0,
        "temperature:0": {"id": 0, "tC": 21.5, "tF": 70.7},
        "humidity:0": {"id": 0, "rh": 51},
        "devicepower:0": {"id": 0, "battery": {"V": 5.9, "percent": 90}, "external": {"present": False}},
    },
}
METER = {
    "src": "shellyplus1pm-0123",
    "method": "NotifyStatus",
    "params": {
        "ts": SECONDS,
        "switch:0": {"id": 0, "apower": 12.5, "aenergy": {"total": 6.5, "by_minute": [1, 2], "minute_ts": SECONDS}},
    },
}
TASMOTA = {
    "Time": "2026-11-25T16:45:08",
    "DS18B20-1": {"Id": "01131B123456", "Temperature": 71.5},
    "DS18B20-2": {"Id": "01131B123457", "Temperature": 40.0},
    "TempUnit": "F",
}
TELEGRAF = {
    "fields": {"used_percent": 71.5, "state": "ok"},
    "name": "mem",
    "tags": {"host": "edge-1", "rack": "a"},
    "timestamp": SECONDS,
}
GATEWAY = {
    "pump-1": [{"ts": SECONDS * 1000, "values": {"t": 1}}, {"ts": SECONDS * 1000 + 1000, "values": {"t": 2}}],
    "pump-2": [{"values": {"t": 3}}],
}

Expected = tuple[str, str, dict[str, float]]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (TTN, [("soil-1", AT, {"temperature": 21.5, "soil.moisture": 40})]),
        (
            SHELLY,
            [
                (
                    "shellyplusht-0123",
                    AT,
                    {
                        "temperature:0.tC": 21.5,
                        "temperature:0.tF": 70.7,
                        "humidity:0.rh": 51,
                        "devicepower:0.battery.V": 5.9,
                        "devicepower:0.battery.percent": 90,
                        "devicepower:0.external.present": 0,
                        "temperature": 21.5,
                        "humidity": 51,
                        "battery": 90,
                    },
                )
            ],
        ),
        (METER, [("shellyplus1pm-0123", AT, {"switch:0.apower": 12.5, "switch:0.aenergy.total": 6.5})]),
        (
            TASMOTA,
            [
                (
                    "kitchen",
                    UPLOAD,
                    {"DS18B20-1.Temperature": 71.5, "DS18B20-2.Temperature": 40.0, "temperature": 71.5},
                )
            ],
        ),
        ({**TASMOTA, "Time": "2026-11-25T16:45:08+01:00"}, [("kitchen", AT, None)]),
        (
            {"temperature": 21.5, "contact": True, "linkquality": 0, "last_seen": SECONDS * 1000, "state": None},
            [("kitchen", AT, {"temperature": 21.5, "contact": 1, "linkquality": 0})],
        ),
        (
            {"occupancy": False, "linkquality": 7, "device": {"friendlyName": "hall", "networkAddress": 5}},
            [("hall", UPLOAD, {"occupancy": 0, "linkquality": 7})],
        ),
        (TELEGRAF, [("edge-1", AT, {"mem.used_percent": 71.5})]),
        (
            {"metrics": [TELEGRAF, {**TELEGRAF, "tags": {}}]},
            [("edge-1", AT, {"mem.used_percent": 71.5}), ("kitchen", AT, {"mem.used_percent": 71.5})],
        ),
        ({"ts": SECONDS * 1000, "values": {"t": 1.5, "s": "x"}}, [("kitchen", AT, {"t": 1.5})]),
        (
            {"device_id": "pump-1", "timestamp": SECONDS, "data": [{"t": 1}, {"t": 2, "timestamp": SECONDS}]},
            [("pump-1", AT, {"t": 1}), ("pump-1", AT, {"t": 2})],
        ),
        ({"device_id": "pump-1", "timestamp": SECONDS, "payload": {"t": 1}}, [("pump-1", AT, {"t": 1})]),
        ({"payload": {"device_id": "pump-1", "t": 1}}, [("pump-1", UPLOAD, {"t": 1})]),
        (
            {"source": "plant", "detail-type": "x", "time": AT, "detail": {"device_id": "pump-1", "t": 1}},
            [("pump-1", AT, {"t": 1})],
        ),
    ],
)
def test_a_shape_becomes_readings(record: dict[str, Any], expected: list[Expected]) -> None:
    decoded = decode(json.dumps(record).encode(), now=UPLOADED, key=KEY)
    assert decoded.rejects == []
    found = [
        (reading.device_id, texts([reading.timestamp])[0], dict(reading.metrics) if metrics else None)
        for reading, (*_, metrics) in zip(decoded.readings, expected, strict=True)
    ]
    assert found == expected


def test_a_gateway_of_thingsboard_is_known_by_its_topic_in_the_key() -> None:
    decoded = decode(json.dumps(GATEWAY).encode(), now=UPLOADED, key="incoming/tb/v1/gateway/telemetry/1.json")
    assert [
        (reading.device_id, texts([reading.timestamp])[0][17:19], reading.metrics) for reading in decoded.readings
    ] == [
        ("pump-1", "08", {"t": 1}),
        ("pump-1", "09", {"t": 2}),
        ("pump-2", "00", {"t": 3}),
    ]
    assert decode(json.dumps(GATEWAY).encode(), key=KEY).reasons == ["not_a_reading"]


@pytest.mark.parametrize(
    ("record", "units"),
    [
        (TASMOTA, {"temperature": "degF"}),
        ({**TASMOTA, "TempUnit": "C"}, {"temperature": "Cel"}),
        (SHELLY, {"temperature": "Cel", "humidity": "%RH", "battery": "%EL"}),
        (METER, {}),
    ],
)
def test_units_are_those_of_the_metrics_there_are(record: dict[str, Any], units: dict[str, str]) -> None:
    (reading,) = decode(json.dumps(record).encode(), now=UPLOADED, key=KEY).readings
    assert reading.units == units


def test_tags_say_where_an_uplink_and_a_metric_come_from() -> None:
    (reading,) = decode(json.dumps(TTN).encode(), now=UPLOADED).readings
    assert reading.tags == {"application": "farm", "dev_eui": "70B3D57ED0012345"}
    (reading,) = decode(json.dumps(TELEGRAF).encode(), now=UPLOADED).readings
    assert reading.tags == {"host": "edge-1", "rack": "a"}


@pytest.mark.parametrize(
    ("record", "device", "metrics"),
    [
        ({"device_id": "d", "timestamp": AT, "temperature": 92, "payload": {"fw": 1}}, "d", {"temperature": 92}),
        ({"device_id": "d", "timestamp": AT, "temperature": 92, "data": [1, 2, 3]}, "d", {"temperature": 92}),
        ({"device_id": "d", "timestamp": AT, "payload": 12}, "d", {"payload": 12}),
        ({"device_id": "d", "timestamp": AT, "linkquality": 12}, "d", {"linkquality": 12}),
        ({"device_id": "d", "timestamp": AT, "metrics": {"t": 1}, "data": [{"t": 2}]}, "d", {"t": 1}),
        ({"device_id": "d", "timestamp": AT, "ts": 5, "values": {"t": 2}}, "d", {"ts": 5}),
    ],
)
def test_native_and_flat_readings_stay_what_they_are(
    record: dict[str, Any], device: str, metrics: dict[str, float]
) -> None:
    decoded = decode(json.dumps(record).encode(), now=UPLOADED, key=KEY)
    assert [(reading.device_id, dict(reading.metrics)) for reading in decoded.readings] == [(device, metrics)]


@pytest.mark.parametrize("record", [TTN, SHELLY, METER, TELEGRAF, TASMOTA])
@pytest.mark.parametrize("between", [b"\n", b",", b"\x1e"])
def test_many_records_are_read_as_one_is(record: dict[str, Any], between: bytes) -> None:
    line = json.dumps(record).encode()
    alone = decode(line, now=UPLOADED, key=KEY).readings
    decoded = decode(between.join([line] * 700), now=UPLOADED, key=KEY)
    assert (decoded.readings, decoded.rejects) == (alone * 700, [])


@pytest.mark.parametrize(
    ("bad", "reasons"),
    [
        ({**TTN, "end_device_ids": {"device_id": "a b"}}, ["invalid_device_id"]),
        ({**TTN, "end_device_ids": {"device_id": "d"}, "received_at": 10**11 - 1}, ["timestamp_in_future"]),
        ({**TTN, "end_device_ids": {"device_id": "d"}, "received_at": 1e300}, ["invalid_timestamp"]),
        ({**TTN, "uplink_message": {"decoded_payload": {"t": [1]}}}, ["no_metrics"]),
        ({**TTN, "uplink_message": {"decoded_payload": 5}}, ["mapping_failed"]),
        ({**TTN, "deep": json.loads("[" * 17 + "]" * 17)}, ["not_json"]),
        ({"neither": 1}, ["not_a_reading"]),
    ],
)
def test_a_bad_record_among_many_costs_itself(bad: dict[str, Any], reasons: list[str]) -> None:
    lines = [json.dumps(TTN).encode()] * 700
    lines[500] = json.dumps(bad).encode()
    decoded = decode(b"\n".join(lines), now=UPLOADED, key=KEY)
    assert (len(decoded.readings), decoded.reasons, decoded.positions) == (699, reasons, ["line 501"])


def test_what_is_wrong_names_the_mapping_and_the_reading() -> None:
    batch = {"metrics": [TELEGRAF, {**TELEGRAF, "tags": {"host": "a b"}}, {**TELEGRAF, "tags": {"host": "c", "x": []}}]}
    decoded = decode(json.dumps(batch).encode(), now=UPLOADED, key=KEY)
    assert decoded.devices == ["edge-1", "c"]
    first, second = decoded.rejects
    assert (first.reason, first.member, second.reason, second.member) == (
        "invalid_device_id",
        None,
        "invalid_tags",
        "tags.x",
    )
    assert first.detail.endswith("(reading 1 of mapping telegraf)")
    assert second.detail.endswith("(reading 2 of mapping telegraf)")


@pytest.mark.parametrize("chunk", [1_000, 64 * 1024, 1024 * 1024])
def test_a_batch_of_telegraf_over_the_limit_costs_itself_however_it_arrives(chunk: int) -> None:
    small, large = (json.dumps({"metrics": [TELEGRAF] * count}).encode() for count in (10, 1_000))
    decoded = decode(b"\n".join([large, small, large, small]), chunk=chunk, now=UPLOADED, key=KEY)
    assert (len(decoded.readings), decoded.reasons) == (20, ["record_too_large"] * 2)
    assert decoded.positions == ["line 1", "line 3"]


def test_a_record_without_a_folder_has_no_device_from_its_key() -> None:
    decoded = decode(b'{"linkquality": 1}', key="incoming/1.json")
    assert [(reject.reason, reject.detail) for reject in decoded.rejects] == [
        ("invalid_device_id", "device_id is missing (mapping zigbee2mqtt)")
    ]


def test_the_document_is_good() -> None:
    assert len(parse(SHIPPED.read_bytes())) == 10
