from lambdas.ingest.device_names import DeviceNames
from lambdas.shared.registry import PARTITIONS, partition_of


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
    names.stored(names.due(["a", "b", "a"], expires_at=None))
    assert names.due(["a", "b"], expires_at=None) == []
    clock.seconds = 3600.0
    assert ids(names.due(["b", "a"], expires_at=None)) == ["b", "a"]


def test_a_name_that_was_not_stored_stays_due() -> None:
    names = DeviceNames(clock=Clock())
    assert ids(names.due(["a"], expires_at=None)) == ids(names.due(["a"], expires_at=None)) == ["a"]


def test_a_name_stands_where_no_device_can_own_the_partition_and_expires_with_the_readings() -> None:
    (item,) = DeviceNames(clock=Clock()).due(["a"], expires_at=12)
    assert item == {"device_id": {"S": partition_of("a")}, "reading_id": {"S": "a"}, "expires_at": {"N": "12"}}
    assert all(partition.startswith("#") for partition in PARTITIONS)


def test_memory_is_bounded_by_forgetting() -> None:
    names = DeviceNames(clock=Clock())
    names.stored(names.due((f"d{number}" for number in range(100_001)), expires_at=None))
    names.stored(names.due(["one-more"], expires_at=None))
    assert ids(names.due(["d1"], expires_at=None)) == ["d1"]
