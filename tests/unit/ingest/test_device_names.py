from lambdas.ingest.device_names import DeviceNames
from lambdas.shared.registry import PARTITIONS, partition_of

KNOWN = {"source": "gateway-9", "uploaded_at": 0, "expires_at": None}


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def ids(items: list[dict[str, dict[str, str]]]) -> list[str]:
    return [item["reading_id"]["S"] for item in items]


def test_a_device_is_named_once_an_hour() -> None:
    clock = Clock()
    names = DeviceNames(clock=clock)
    names.stored(names.due(["a", "b", "a"], **KNOWN))
    assert names.due(["a", "b"], **KNOWN) == []
    clock.seconds = 3600.0
    assert ids(names.due(["b", "a"], **KNOWN)) == ["b", "a"]


def test_a_name_that_was_not_stored_stays_due() -> None:
    names = DeviceNames(clock=Clock())
    assert ids(names.due(["a"], **KNOWN)) == ids(names.due(["a"], **KNOWN)) == ["a"]


def test_a_name_stands_where_no_device_can_own_the_partition_and_expires_with_the_readings() -> None:
    (item,) = DeviceNames(clock=Clock()).due(["a"], source="gateway-9", uploaded_at=2, expires_at=12)
    assert item == {
        "device_id": {"S": partition_of("a")},
        "reading_id": {"S": "a"},
        "source": {"S": "gateway-9"},
        "expires_at": {"N": "12"},
    }
    assert all(partition.startswith("#") for partition in PARTITIONS)


def test_memory_is_bounded_by_forgetting() -> None:
    names = DeviceNames(clock=Clock())
    names.stored(names.due((f"d{number}" for number in range(100_001)), **KNOWN))
    names.stored(names.due(["one-more"], **KNOWN))
    assert ids(names.due(["d1"], **KNOWN)) == ["d1"]


def test_an_id_that_came_once_is_forgotten_after_30_days_and_one_that_comes_again_is_not() -> None:
    clock = Clock()
    names = DeviceNames(clock=clock)
    first = names.due(["a"], source="gateway-9", uploaded_at=1_000, expires_at=90 * 86_400)
    assert first[0]["expires_at"] == {"N": str(1_000 + 30 * 86_400)}
    names.stored(first)
    clock.seconds = 3600.0
    (again,) = names.due(["a"], source="gateway-9", uploaded_at=4_600, expires_at=90 * 86_400)
    assert again["expires_at"] == {"N": str(90 * 86_400)}
    names.stored([again])
    clock.seconds = 7200.0
    (kept,) = names.due(["a"], **KNOWN)
    assert "expires_at" not in kept


def test_a_source_may_have_so_many_devices_an_hour_and_the_first_of_them_stay_known() -> None:
    clock = Clock()
    names = DeviceNames(clock=clock, most=3)
    assert names.beyond(["a", "b", "a"], source="gateway-9") == set()
    assert names.beyond(["c", "d", "e", "a"], source="gateway-9") == {"d", "e"}
    assert names.beyond(["e", "c"], source="gateway-9") == {"e"}
    assert names.beyond(["d", "e"], source="boiler-7") == set()
    clock.seconds = 3600.0
    assert names.beyond(["d", "e"], source="gateway-9") == set()
