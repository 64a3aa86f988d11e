"""Writes items with PynamoDB's batch_write, several batches at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pynamodb.attributes import ListAttribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model


class Reading(Model):
    """A reading as ingest stores it."""

    class Meta:
        """Where it is stored; the stub stands in AWS's place."""

        table_name = "readings"
        region = "us-east-1"
        host = os.environ["AWS_ENDPOINT_URL"]
        max_pool_connections = 8

    device_id = UnicodeAttribute(hash_key=True)
    reading_id = UnicodeAttribute(range_key=True)
    metrics: MapAttribute[str, float] = MapAttribute(null=True)
    units: MapAttribute[str, str] = MapAttribute(null=True)
    tags: MapAttribute[str, str] = MapAttribute(null=True)
    breaches: ListAttribute[Any] = ListAttribute(null=True)
    source: MapAttribute[str, str] = MapAttribute(null=True)
    uploaded_at = UnicodeAttribute(null=True)
    trace_id = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class PynamoWriter:
    """Writes items, made into models beforehand, `threads` batches at a time."""

    def __init__(self, items: Sequence[dict[str, Any]], *, threads: int) -> None:
        readings = [Reading.from_raw_data(item) for item in items]
        self._batches = [readings[start : start + 25] for start in range(0, len(readings), 25)]
        self._pool = ThreadPoolExecutor(threads)

    def write(self) -> None:
        """Write every item."""
        for _ in self._pool.map(self._write, self._batches):
            pass

    def _write(self, readings: Sequence[Reading]) -> None:
        with Reading.batch_write() as batch:
            for reading in readings:
                batch.save(reading)
