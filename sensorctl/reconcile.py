"""Finds the objects that ingest never took in: S3 may drop a notification, and nobody would be told.

Ingest leaves a note of each version that it has taken in (lambdas/shared/processed.py); what has none was never done,
is still on its way, or waits in the failure queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lambdas.shared.contracts import ObjectRef
from lambdas.shared.processed import note_key
from sensorctl.embedded.access import Access
from sensorctl.stored_objects import StoredObject

# The most keys that BatchGetItem takes (Amazon DynamoDB API Reference).
_BATCH = 100

_Key = tuple[str, str]


def never_processed(
    access: Access, *, table: str, objects: Iterable[StoredObject], looked: Callable[[int], None]
) -> Iterator[StoredObject]:
    """Yield the objects without a note; `looked` is told how many more were asked about."""
    dynamodb = access.client("dynamodb")
    batch: list[StoredObject] = []
    for one in objects:
        batch.append(one)
        if len(batch) == _BATCH:
            yield from _without_note(dynamodb, table, batch)
            looked(len(batch))
            batch = []
    if batch:
        yield from _without_note(dynamodb, table, batch)
        looked(len(batch))


def _without_note(dynamodb: Any, table: str, batch: list[StoredObject]) -> list[StoredObject]:
    noted = _noted(dynamodb, table, {_key(one) for one in batch})
    return [one for one in batch if _key(one) not in noted]


def _noted(dynamodb: Any, table: str, keys: set[_Key]) -> set[_Key]:
    found: set[_Key] = set()
    asked: Any = {"Keys": [{"device_id": {"S": p}, "reading_id": {"S": s}} for p, s in sorted(keys)]}
    asked["ProjectionExpression"] = "device_id, reading_id"
    while asked:
        answer = dynamodb.batch_get_item(RequestItems={table: asked})
        items = answer["Responses"].get(table, [])
        found |= {(item["device_id"]["S"], item["reading_id"]["S"]) for item in items}
        # Throttled keys come back; boto3 has waited between its own tries already.
        asked = answer.get("UnprocessedKeys", {}).get(table)
    return found


def _key(one: StoredObject) -> _Key:
    return note_key(ObjectRef(bucket=one.bucket, key=one.key, version_id=one.version))
