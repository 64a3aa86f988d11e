from __future__ import annotations

import hashlib
import json

import pytest

from lambdas.ingest.decoding.values.timestamps import texts
from lambdas.ingest.domain.breaches import Breaches
from lambdas.ingest.domain.items import Item, Origin, items, reading_id
from lambdas.shared.events import ObjectRef
from lambdas.shared.thresholds.thresholds import Thresholds
from tests.unit.ingest.ingest_kit import decode, record, text

SOURCE = ObjectRef(bucket="landing", key="incoming/a b.json", version_id="v1")
ORIGIN = Origin(source=SOURCE, uploaded_at="2026-11-22T10:00:01.000000Z", trace_id=None, expires_at=None)
THRESHOLDS = Thresholds.parse('{"version": 1, "metrics": {"temperature": {"critical": {"above": 85.5}}}}')


def made(data: bytes, *, origin: Origin = ORIGIN) -> list[Item]:
    readings = decode(data).readings
    times = texts([reading.timestamp for reading in readings])
    breaches = Breaches(THRESHOLDS, source=SOURCE, trace_id=None).evaluate(readings, times)
    return items(readings, times, breaches, origin=origin)


def test_an_item_holds_what_the_table_promises() -> None:
    origin = Origin(
        source=SOURCE, uploaded_at="2026-11-22T10:00:01.000000Z", trace_id="1-a-b", expires_at=1_800_000_000
    )
    (item,) = made(text(metrics={"temperature": 92.4, "n": 7}, units={"n": "V"}, tags={"site": "s"}), origin=origin)
    assert item == {
        "device_id": {"S": "boiler-7"},
        "reading_id": {"S": "2026-11-22T10:00:00.000000Z#579eaaae843edac2"},
        "metrics": {"M": {"temperature": {"N": "92.4"}, "n": {"N": "7"}}},
        "units": {"M": {"n": {"S": "V"}}},
        "tags": {"M": {"site": {"S": "s"}}},
        "breaches": {
            "L": [
                {
                    "M": {
                        "metric": {"S": "temperature"},
                        "severity": {"S": "critical"},
                        "bound": {"S": "above"},
                        "limit": {"N": "85.5"},
                    }
                }
            ]
        },
        "source": {"M": {"bucket": {"S": "landing"}, "key": {"S": "incoming/a b.json"}, "version_id": {"S": "v1"}}},
        "uploaded_at": {"S": "2026-11-22T10:00:01.000000Z"},
        "trace_id": {"S": "1-a-b"},
        "expires_at": {"N": "1800000000"},
    }


def test_what_a_reading_lacks_its_item_lacks() -> None:
    (item,) = made(text(units={}, tags=None))
    assert set(item) == {"device_id", "reading_id", "metrics", "source", "uploaded_at"}


@pytest.mark.parametrize(
    "same",
    [
        text(metrics={"temperature": 20.0, "n": 1}),
        text(metrics={"n": 1.0, "temperature": 20}),
        text(metrics={"temperature": 2e1, "n": 1}, timestamp="2026-11-22T11:00:00.0+01:00"),
        json.dumps(record(metrics={"temperature": 20, "n": 1}, tags={}, x=1), indent=2).encode(),
    ],
)
def test_the_same_reading_has_the_same_key_however_it_is_written(same: bytes) -> None:
    assert made(same)[0]["reading_id"] == made(text(metrics={"temperature": 20, "n": 1}))[0]["reading_id"]


def test_different_readings_of_one_time_have_different_keys() -> None:
    different = [
        text(),
        text(metrics={"temperature": 20.6}),
        text(metrics={"humidity": 20.5}),
        text(tags={"a": "b"}),
        text(tags={"b": "a"}),
        text(units={"a": "b"}),
        text(timestamp="2026-11-22T10:00:00.000001Z"),
    ]
    assert len({item["reading_id"]["S"] for item in made(b"\n".join(different))}) == len(different)


def test_a_reading_that_stands_twice_makes_one_item() -> None:
    assert len(made(b"\n".join([text(), text("other"), text()]))) == 2


def test_the_key_is_the_sha_256_of_the_canonical_json() -> None:
    tags = {"ü": '"\\\n\t\u0001\u007f/é🚰', "a": "\b\f\r"}
    reading = decode(text(metrics={"t": 5.0, "a": -0.0}, tags=tags)).readings[0]
    time = "2026-11-22T10:00:00.000000Z"
    canonical = {"device_id": "boiler-7", "metrics": {"a": "0", "t": "5"}, "tags": tags, "timestamp": time}
    encoded = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert reading_id(reading, time) == f"{time}#{hashlib.sha256(encoded).hexdigest()[:16]}"
