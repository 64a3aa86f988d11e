"""Items in, written to the readings table: batches of 25, several at once, only what was not processed again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from lambdas.ingest.domain.items import Item
from lambdas.shared.backoff import Backoff

# The most items BatchWriteItem takes (Amazon DynamoDB API Reference).
BATCH = 25
PARALLEL = 8
# DynamoDB Developer Guide, "Error handling": these say "not now". BatchWriteItem raises them once no item got through.
_NOT_NOW = frozenset(
    (
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
    )
)


_BODY = "ingest_body"
_encode = msgspec.json.Encoder().encode


class ReadingStore:
    """Writes items with a low-level boto3 client, which must allow PARALLEL connections."""

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        dynamodb.meta.events.register("before-parameter-build.dynamodb.BatchWriteItem", _take_items)
        dynamodb.meta.events.register("before-call.dynamodb.BatchWriteItem", _put_body)
        self._table = table
        self._pool: ThreadPoolExecutor | None = None

    def write(self, items: Sequence[Item], *, backoff: Backoff) -> None:
        """Write every item; no two may share a key.

        Raises OutOfTimeError near the deadline, and what boto3 raises for anything but throttling; every batch is tried
        before that, and writing one again does no harm.
        """
        batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
        if len(batches) == 1:
            self._write(batches[0], backoff)
        elif batches:
            self._pool = self._pool or ThreadPoolExecutor(PARALLEL, thread_name_prefix="store")
            writes = [self._pool.submit(self._write, batch, backoff) for batch in batches]
            wait(writes)
            for written in writes:
                written.result()

    def _write(self, batch: Sequence[Item], backoff: Backoff) -> None:
        requests: list[dict[str, Any]] = [{"PutRequest": {"Item": item}} for item in batch]
        tried = 0
        while requests := self._unprocessed(requests):
            tried += 1
            backoff.sleep(tried, remaining=f"{len(requests)} readings are not stored in {self._table}")

    def _unprocessed(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            answer = self._dynamodb.batch_write_item(RequestItems={self._table: requests})
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_NOW:
                return requests
            raise
        unprocessed: list[dict[str, Any]] = answer.get("UnprocessedItems", {}).get(self._table, [])
        return unprocessed


def _take_items(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Make the body from the items; leave botocore the tables' names, which tell it the endpoint, and an empty request.

    Items already are what the wire carries (DynamoDB API Reference, "Low-level API"), and botocore would walk each
    attribute of each through its model to write the same: two thirds of the CPU of a batch.
    """
    if _BODY not in context:  # a second store on the same client asks a second time
        context[_BODY] = _encode({"RequestItems": params["RequestItems"]})
        params["RequestItems"] = dict.fromkeys(params["RequestItems"], ({},))


def _put_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    params["body"] = context[_BODY]
