"""The registry of devices: every name once, in order, from all the partitions there ever were."""

from itertools import islice
from typing import Any

import boto3
import pytest

from lambdas.alert.adapters import registry as registry_module
from lambdas.alert.adapters.registry import Device, Registry
from lambdas.shared.keys import partition_count_key, registry_partition
from lambdas.shared.times import timestamp
from tests.unit.alert.alert_kit import MINUTE, NOON, READINGS, World


def fill(world: World, count: int, *, partitions: int) -> None:
    for number in range(count):
        shard = int(registry_partition(f"d-{number:03}", partitions=partitions).rpartition("#")[2])
        world.register(f"d-{number:03}", shard=shard, source="g", uploaded_at=NOON)


@pytest.fixture
def registry(world: World, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Pages of five names, of each of four partitions."""
    monkeypatch.setattr(registry_module, "_NAMES", 20)
    return Registry(world.dynamodb, table=READINGS)


def test_every_device_is_yielded_once_in_the_order_of_names_and_a_walk_goes_on_behind_any(
    world: World, registry: Registry
) -> None:
    fill(world, 50, partitions=4)
    walked = list(registry.walk())
    names = [device.key for devices in walked for device in devices]
    assert names == [f"d-{number:03}" for number in range(50)]
    assert len(walked) > 2
    assert walked[0][0] == Device("d-000", "g", timestamp(NOON))
    behind = walked[1][-1].key
    rest = [device.key for devices in registry.walk(after=behind) for device in devices]
    assert rest == names[names.index(behind) + 1 :]


def test_a_beginning_of_names_is_read_alone(world: World, registry: Registry) -> None:
    fill(world, 30, partitions=4)
    world.register("d")
    world.register("e-1")
    walk = registry.walk(prefix="d-02")
    assert [device.key for devices in walk for device in devices] == [f"d-02{digit}" for digit in range(10)]


def test_after_more_partitions_were_set_old_names_are_still_read_and_no_device_twice(
    world: World, registry: Registry
) -> None:
    fill(world, 40, partitions=4)
    device_id, reading_id = partition_count_key(16)
    world.put(READINGS, device_id=device_id, reading_id=reading_id)
    later = NOON + MINUTE
    moved = [f"d-{number:03}" for number in range(0, 40, 3)]
    for name in moved:
        shard = int(registry_partition(name, partitions=16).rpartition("#")[2])
        world.register(name, shard=shard, source="g", uploaded_at=later)
    # The setting was lowered again: the note of the highest one stays.
    world.put(READINGS, device_id=device_id, reading_id=partition_count_key(8)[1])
    found = [device for devices in registry.walk() for device in devices]
    assert [device.key for device in found] == [f"d-{number:03}" for number in range(40)]
    assert [device.key for device in found if device.uploaded_at == timestamp(later)] == moved


def test_no_more_is_read_than_is_asked_for(world: World, registry: Registry) -> None:
    fill(world, 120, partitions=4)
    reader = world.function()
    first = reader.within(lambda: list(islice(registry.walk(), 2)))
    assert sum(map(len, first)) < 50
    assert len(reader.calls) <= 1 + 2 * 4


def test_an_empty_registry_has_no_devices(registry: Registry) -> None:
    assert list(registry.walk()) == []


def test_an_answer_that_botocore_does_not_parse_is_the_one_that_it_would_make(world: World) -> None:
    for minute in (1, 2, 3):
        world.store("d-1", 20.5, at=NOON + minute * MINUTE, unit="Cel")
    plain, quick = (boto3.client("dynamodb", region_name="us-east-1") for _ in range(2))
    Registry(quick, table=READINGS)
    query: dict[str, Any] = {
        "TableName": READINGS,
        "KeyConditionExpression": "device_id = :device",
        "ExpressionAttributeValues": {":device": {"S": "d-1"}},
    }
    for limit in (2, 9):
        answers: list[dict[str, Any]] = [dict(client.query(**query, Limit=limit)) for client in (plain, quick)]
        for answer in answers:
            del answer["ResponseMetadata"]
        assert answers[0] == answers[1]
        assert ("LastEvaluatedKey" in answers[1]) == (limit == 2)
    for client in (plain, quick):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.query(**{**query, "TableName": "none"})
