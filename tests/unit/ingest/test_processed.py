"""The note that an object was taken in, which `sensorctl reconcile` asks for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.ingest.domain.receipt import note
from lambdas.shared.events import ObjectRef
from lambdas.shared.keys import receipt_key
from tests.unit.ingest.ingest_kit import text
from tests.unit.ingest.ingest_world import BUCKET, TABLE, World
from tests.unit.ingest.test_handler import HOT, fail


def noted(world: World, entry: dict[str, Any]) -> bool:
    obj = entry["s3"]["object"]
    partition, sort = receipt_key(
        ObjectRef(bucket=BUCKET, key=obj["key"].replace("%2F", "/"), version_id=obj["versionId"])
    )
    key = {"device_id": {"S": partition}, "reading_id": {"S": sort}}
    return "Item" in world.dynamodb.get_item(TableName=TABLE, Key=key)


@pytest.mark.parametrize(
    "body",
    [text(), HOT, b"nonsense", b"", b"\n".join(text(f"d-{n}") for n in range(60)), text() + b"\n" + HOT + b"\n{}"],
    ids=["cool", "hot", "rejected", "empty", "several batches", "mixed"],
)
def test_every_object_is_noted_once_it_is_done(world: World, body: bytes) -> None:
    entry = world.upload("incoming/a", body)
    assert not noted(world, entry)
    world.handler()({"Records": [entry]}, None)
    assert noted(world, entry)


@pytest.mark.parametrize(("body", "call"), [(HOT, "PutEvents"), (b"nonsense", "PutObject"), (b"{}\n{}", "PutEvents")])
def test_an_object_that_was_not_told_is_not_noted(
    world: World, monkeypatch: pytest.MonkeyPatch, body: bytes, call: str
) -> None:
    entry = world.upload("incoming/a", body)
    handler = world.handler()
    with monkeypatch.context() as broken:
        fail(broken, call, "AccessDenied")
        with pytest.raises(Exception, match="1 of 1 objects failed"):
            handler({"Records": [entry]}, None)
    assert not noted(world, entry)
    handler({"Records": [entry]}, None)
    assert noted(world, entry)


def test_the_longest_key_still_costs_one_write_unit_and_expires() -> None:
    uploaded_at = datetime(2026, 11, 22, tzinfo=UTC)
    source = ObjectRef(bucket="b" * 63, key="ü" * 512, version_id="v" * 32)
    item = note(source, uploaded_at=uploaded_at)
    assert sum(len(name) + len(next(iter(value.values()))) for name, value in item.items()) < 1024
    assert int(item["expires_at"]["N"]) == datetime(2027, 2, 20, tzinfo=UTC).timestamp()
