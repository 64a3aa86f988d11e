from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.ingest.adapters.reading_store import ReadingStore
from lambdas.ingest.domain.items import Item
from lambdas.shared.backoff import RESERVE_MS, OutOfTimeError
from lambdas.shared.clients import client
from tests.unit.ingest.ingest_world import TABLE, Clock, World, refusal


def some(count: int) -> list[Item]:
    return [{"device_id": {"S": "d"}, "reading_id": {"S": f"r{number:04}"}} for number in range(count)]


class Watched:
    """A store on moto; `outcome` is called with each batch's sort keys and may return unprocessed ones or raise."""

    def __init__(self) -> None:
        self.dynamodb = client("dynamodb", validate=False)
        self.batches: list[list[str]] = []
        self.dynamodb.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", self._before)
        self.dynamodb.meta.events.register("after-call.dynamodb.BatchWriteItem", self._after)
        self.store = ReadingStore(self.dynamodb, table=TABLE)

    def outcome(self, keys: list[str]) -> list[str]:
        return []

    def _before(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        keys = [request["PutRequest"]["Item"]["reading_id"]["S"] for request in params["RequestItems"][TABLE]]
        self.batches.append(keys)
        context["keys"] = keys
        context["unprocessed"] = self.outcome(keys)

    def _after(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        requests = [
            {"PutRequest": {"Item": {"device_id": {"S": "d"}, "reading_id": {"S": key}}}}
            for key in context["unprocessed"]
        ]
        if requests:
            parsed["UnprocessedItems"] = {TABLE: requests}


def test_one_item_is_one_call(world: World) -> None:
    watched = Watched()
    watched.store.write(some(1), backoff=Clock().backoff())
    assert watched.batches == [["r0000"]]
    assert len(world.stored()) == 1


def test_nothing_is_no_call(world: World) -> None:
    watched = Watched()
    watched.store.write([], backoff=Clock().backoff())
    assert watched.batches == []


def test_many_items_go_in_batches_of_25_each_once(world: World) -> None:
    watched = Watched()
    watched.store.write(some(1010), backoff=Clock().backoff())
    assert Counter(map(len, watched.batches)) == {25: 40, 10: 1}
    assert len({key for batch in watched.batches for key in batch}) == 1010
    assert len(world.stored()) == 1010


def test_only_what_was_not_processed_is_written_again_with_growing_pauses(world: World) -> None:
    class Throttled(Watched):
        def outcome(self, keys: list[str]) -> list[str]:
            return keys[1:]

    watched, clock = Throttled(), Clock()
    watched.store.write(some(4), backoff=clock.backoff())
    assert [len(batch) for batch in watched.batches] == [4, 3, 2, 1]
    assert clock.waits == [0.1, 0.2, 0.4]


def test_a_pause_is_random_between_nothing_and_its_longest(world: World) -> None:
    asked: list[tuple[float, float]] = []
    clock = Clock()

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    backoff = type(clock.backoff())(remaining_ms=lambda: 60_000, pause=clock.waits.append, uniform=uniform)
    for tried in (1, 5, 12, 2000):
        backoff.sleep(tried, remaining="x")
    assert asked == [(0, 0.1), (0, 1.6), (0, 5.0), (0, 5.0)]
    assert clock.waits == [0, 0, 0, 0]


def test_throttling_of_a_whole_batch_is_waited_out(world: World) -> None:
    class Throttled(Watched):
        def outcome(self, keys: list[str]) -> list[str]:
            if len(self.batches) < 3:
                raise refusal("BatchWriteItem", "ProvisionedThroughputExceededException")
            return []

    watched, clock = Throttled(), Clock()
    watched.store.write(some(2), backoff=clock.backoff())
    assert (len(watched.batches), len(world.stored())) == (3, 2)


def test_it_stops_before_the_deadline_and_says_what_is_left(world: World) -> None:
    class Stuck(Watched):
        def outcome(self, keys: list[str]) -> list[str]:
            return keys

    clock = Clock(left_ms=20_000)
    with pytest.raises(OutOfTimeError, match=r"3 readings are not stored in readings after \d+ tries"):
        Stuck().store.write(some(3), backoff=clock.backoff())
    assert clock.left_ms >= RESERVE_MS


def test_any_other_error_is_raised_after_every_batch_was_tried(world: World) -> None:
    class Broken(Watched):
        def outcome(self, keys: list[str]) -> list[str]:
            if "r0000" in keys:
                raise refusal("BatchWriteItem", "AccessDeniedException")
            return []

    watched = Broken()
    with pytest.raises(ClientError, match="AccessDenied"):
        watched.store.write(some(75), backoff=Clock().backoff())
    assert (len(watched.batches), len(world.stored())) == (3, 50)
