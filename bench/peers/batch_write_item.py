"""Writes items with boto3's batch_write_item, several batches at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config


class ClientWriter:
    """Writes items in DynamoDB's JSON with the client, `threads` batches at a time."""

    def __init__(self, *, table: str, threads: int) -> None:
        self._client = boto3.client("dynamodb", config=Config(max_pool_connections=threads))
        self._table = table
        self._pool = ThreadPoolExecutor(threads)

    def write(self, items: Sequence[dict[str, Any]]) -> None:
        """Write every item."""
        batches = [items[start : start + 25] for start in range(0, len(items), 25)]
        for answer in self._pool.map(self._write, batches):
            if answer["UnprocessedItems"]:
                raise RuntimeError("the stub processes all")

    def _write(self, batch: Sequence[dict[str, Any]]) -> Any:
        return self._client.batch_write_item(RequestItems={self._table: [{"PutRequest": {"Item": i}} for i in batch]})
