from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.ingest.adapters import device_registry
from lambdas.ingest.adapters.device_registry import DeviceRegistry
from lambdas.shared.keys import registry_partition, registry_partitions
from lambdas.shared.thresholds.thresholds import Thresholds

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KNOWN: dict[str, Any] = {"source": "gateway-9", "uploaded_at": NOON, "expires_at": None}
NOBODY_ASKS = Thresholds.parse('{"version": 1}')
WATCHED = Thresholds.parse('{"version": 1, "silent_after": {"pump-*": "15m", "yearly": "9h"}}')


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


Items = list[dict[str, dict[str, str]]]


def ids(items: Items) -> list[str]:
    return [item["reading_id"]["S"] for item in items]


def put(names: DeviceRegistry, *devices: str, thresholds: Thresholds = NOBODY_ASKS, **known: Any) -> Items:
    items = names.due(devices, **{**KNOWN, **known})
    names.stored(items, thresholds=thresholds)
    return items


def test_a_device_is_named_once_an_hour() -> None:
    clock = Clock()
    names = DeviceRegistry(clock=clock)
    assert ids(put(names, "a", "b", "a")) == ["a", "b"]
    assert put(names, "a", "b") == []
    clock.seconds = 3600.0
    assert ids(put(names, "b", "a")) == ["b", "a"]


def test_its_last_upload_is_renewed_after_a_third_of_what_it_may_be_silent_and_after_an_hour_at_the_latest() -> None:
    clock = Clock()
    names = DeviceRegistry(clock=clock)
    put(names, "pump-1", "yearly", "lamp", thresholds=WATCHED)
    renewed: list[tuple[float, str, str]] = []
    for second in (299, 300, 301, 600, 3599, 3600):
        clock.seconds = float(second)
        items = put(names, "pump-1", "yearly", "lamp", thresholds=WATCHED, uploaded_at=NOON + timedelta(seconds=second))
        renewed += [(second, item["reading_id"]["S"], item["uploaded_at"]["S"]) for item in items]
    assert renewed == [
        (300, "pump-1", "2026-11-22T12:05:00.000000Z"),
        (600, "pump-1", "2026-11-22T12:10:00.000000Z"),
        (3599, "pump-1", "2026-11-22T12:59:59.000000Z"),
        (3600, "yearly", "2026-11-22T13:00:00.000000Z"),
        (3600, "lamp", "2026-11-22T13:00:00.000000Z"),
    ]


def test_a_name_that_was_not_stored_stays_due() -> None:
    names = DeviceRegistry(clock=Clock())
    assert ids(names.due(["a"], **KNOWN)) == ids(names.due(["a"], **KNOWN)) == ["a"]


def test_a_name_stands_where_no_device_can_own_the_partition_and_expires_with_the_readings() -> None:
    (item,) = DeviceRegistry(clock=Clock()).due(
        ["a"], source="gateway-9", uploaded_at=NOON, expires_at=int(NOON.timestamp()) + 12
    )
    assert item == {
        "device_id": {"S": registry_partition("a")},
        "reading_id": {"S": "a"},
        "source": {"S": "gateway-9"},
        "uploaded_at": {"S": "2026-11-22T12:00:00.000000Z"},
        "expires_at": {"N": str(int(NOON.timestamp()) + 12)},
    }
    assert all(partition.startswith("#") for partition in registry_partitions(64))


def test_more_partitions_are_written_to_once_it_is_noted_how_many_there_are() -> None:
    clock = Clock()
    names = DeviceRegistry(clock=clock, partitions=16)
    items = put(names, "a", "b", "c")
    assert [item["device_id"]["S"] for item in items] == [
        *(registry_partition(device, partitions=16) for device in "abc"),
        "#registry",
    ]
    assert items[-1]["reading_id"]["S"] == "016"
    assert ids(put(names, "d")) == ["d"]


def test_memory_is_bounded_by_forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_registry, "_MOST", 100)
    names = DeviceRegistry(clock=Clock(), most=10)
    put(names, *(f"d{number}" for number in range(101)))
    put(names, "one-more")
    assert ids(names.due(["d1"], **KNOWN)) == ["d1"]


def test_a_fleet_behind_one_folder_is_remembered_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_registry, "_MOST", 100)
    names = DeviceRegistry(clock=Clock(), most=150)
    fleet = [f"d{number}" for number in range(150)]
    put(names, *fleet)
    put(names, "one-more")
    assert names.due(fleet, **KNOWN) == []
    assert names.beyond([*fleet, "one-more"], source="firehose") == {"one-more"}


def test_an_id_that_came_once_is_forgotten_after_30_days_and_one_that_comes_again_is_not() -> None:
    clock = Clock()
    names = DeviceRegistry(clock=clock)
    later = int(NOON.timestamp()) + 90 * 86_400
    expiries = []
    for second in (0, 300, 3599, 3900):
        clock.seconds = float(second)
        (item,) = put(names, "pump-1", thresholds=WATCHED, expires_at=later)
        expiries.append(item["expires_at"]["N"])
    assert expiries == [*[str(int(NOON.timestamp()) + 30 * 86_400)] * 3, str(later)]
    clock.seconds = 7200.0
    (kept,) = names.due(["pump-1"], **KNOWN)
    assert "expires_at" not in kept


def test_a_source_may_have_so_many_devices_an_hour_and_the_first_of_them_stay_known() -> None:
    clock = Clock()
    names = DeviceRegistry(clock=clock, most=3)
    assert names.beyond(["a", "b", "a"], source="gateway-9") == set()
    assert names.beyond(["c", "d", "e", "a"], source="gateway-9") == {"d", "e"}
    assert names.beyond(["e", "c"], source="gateway-9") == {"e"}
    assert names.beyond(["d", "e"], source="boiler-7") == set()
    clock.seconds = 3600.0
    assert names.beyond(["d", "e"], source="gateway-9") == set()
