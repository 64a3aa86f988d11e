"""Files in tests/cases as devices and services write them, and the readings and rejects expected of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

CASES = Path(__file__).parent / "cases"
# When the files are taken to be uploaded.
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
    "36-fahrenheit.json": Case(1, "pump-1", {"temperature": 86}),
    "41-bom-in-the-middle.ndjson": Case(3, "pump-1", {"temperature": 21.5}),
    "45-device-ids.ndjson": Case(14, "_gateway-1", {"temperature": 21.5}, rejects=[("invalid_device_id", None)] * 16),
    "46-device-id-number.json": Case(1, "12345678", {"temperature": 21.5}),
    "48-senml-underscore-site.json": Case(1, "site_a.boiler-7", {"temperature": 92.4}),
    "51-iot-rule-s3-flat.json": Case(1, "boiler-7", {"temperature": 92.4, "humidity": 40}),
    "52-envelope.json": Case(2, "pump-1", {"temperature": 21.5}),
    "53-ttn-uplink.json": Case(1, "soil-1", {"temperature": 21.3, "battery": 3.1}, "2026-11-25T15:45:08.123457Z"),
    "55-zigbee2mqtt.json": Case(
        1, "cases", {"battery": 90, "humidity": 51.2, "linkquality": 120, "temperature": 23.1, "contact": 1}
    ),
    "60-csv.csv": Case(1, "boiler-7", {"temperature": 92.4}),
    "63-future-by-timezone.json": Case(1, "pump-1", {"temperature": 91}, "2026-11-25T18:15:08.000000Z"),
    "64-two-arrays-of-one.ndjson": Case(2, "b", {"temperature": 99}, "2026-11-25T16:08:23.000000Z"),
    "66-senml-mac-underscore.json": Case(1, "a4:c1:38:0b:1e:ff", {"temperature": 99}, "2026-11-25T16:36:42.000000Z"),
    "68-fridge-hot-then-freezing.ndjson": Case(2, "fridge-1", {"temperature": 13}, "2026-11-25T16:08:22.000000Z"),
    "70-senml-object-not-array.json": Case(1, "boiler-7", {"temperature": 20}, "2026-11-25T16:36:42.000000Z"),
}
