"""The objects that both sides read: a folder of them, the same on every machine."""

from __future__ import annotations

import json
from pathlib import Path

DEVICES = 100
READINGS = 10_000
MANY = 200_000
# Fewer readings for the side that writes one by one: its time a reading is constant, and all of them take too long.
SHORT = 1_000
# Above the limit of 70 that thresholds.json sets for temperature.
_HOT = 75.5


def write(folder: Path, *, thresholds: Path) -> None:
    """Write each object to `folder`, named as its key ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [_line(number, hot=number % 100 == 0) for number in range(READINGS)]
    objects = {
        "calm.ndjson": [_line(number, hot=False) for number in range(READINGS)],
        "hot.ndjson": lines,
        "hot-short.ndjson": lines[:SHORT],
        "one-bad.ndjson": [*lines[:5_000], lines[5_000].replace("boiler", "bo iler"), *lines[5_001:]],
        "mapped.ndjson": [_uplink(number) for number in range(READINGS)],
        "one.json": [_line(1, hot=False)],
        "many.ndjson": [_line(number, hot=False) for number in range(MANY)],
    }
    for name, content in objects.items():
        (folder / name).write_text("\n".join(content) + "\n", encoding="ascii")
    (folder / "thresholds.json.text").write_text(json.dumps(thresholds.read_text(encoding="utf-8")), encoding="utf-8")


def event(name: str) -> dict[str, object]:
    """Return S3's notification of an object."""
    stored = {"key": f"incoming/{name}", "size": 1, "versionId": "v1", "eTag": "e", "sequencer": "1"}
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-22T10:00:00.000Z",
        "s3": {"bucket": {"name": "landing"}, "object": stored},
    }
    return {"Records": [record]}


def _line(number: int, *, hot: bool) -> str:
    minute, second = divmod(number // DEVICES, 60)
    reading = {
        "device_id": f"boiler-{number % DEVICES:04}",
        "timestamp": f"2026-11-22T09:{minute:02}:{second:02}.250Z",
        "metrics": {"temperature": _HOT if hot else 50 + number % 97 / 10, "humidity": 40 + number % 89 / 10},
        "units": {"temperature": "Cel"},
    }
    return json.dumps(reading, separators=(",", ":"))


def _uplink(number: int) -> str:
    """Return an uplink of The Things Stack (its documentation, "Data Formats"), which mappings.json describes."""
    minute, second = divmod(number // DEVICES, 60)
    time = f"2026-11-22T09:{minute:02}:{second:02}.250Z"
    device = number % DEVICES
    uplink = {
        "end_device_ids": {
            "device_id": f"soil-{device:04}",
            "application_ids": {"application_id": "farm"},
            "dev_eui": f"70B3D57ED00{device:05}",
            "dev_addr": f"260B{device:04}",
        },
        "correlation_ids": [f"gs:uplink:01HG{number:08}"],
        "received_at": time,
        "uplink_message": {
            "f_port": 1,
            "f_cnt": number // DEVICES,
            "frm_payload": "AQIDBA==",
            "decoded_payload": {"temperature": 20 + number % 97 / 10, "humidity": 40 + number % 89 / 10, "state": "ok"},
            "rx_metadata": [{"gateway_ids": {"gateway_id": "barn"}, "rssi": -76, "snr": 9.5}],
            "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}}, "frequency": "868100000"},
            "received_at": time,
        },
    }
    return json.dumps(uplink, separators=(",", ":"))
