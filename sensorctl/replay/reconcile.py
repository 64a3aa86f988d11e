"""Finds the objects that ingest never took in: S3 may drop a notification without a sign.

Ingest leaves a receipt of each version that it has taken in (lambdas/shared/keys.py); what has none was never done,
is still on its way, or waits in the failure queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from lambdas.shared.events import ObjectRef
from lambdas.shared.keys import receipt_key
from sensorctl.aws.access import Access
from sensorctl.replay.stored_objects import StoredObject

# The most keys that BatchGetItem takes (Amazon DynamoDB API Reference).
_BATCH = 100

_Key = tuple[str, str]


def never_processed(access: Access, *, table: str, objects: Iterable[StoredObject]) -> Iterator[StoredObject]:
    """Yield the objects without a receipt."""
    dynamodb, remaining = access.client("dynamodb"), iter(objects)
    while batch := list(islice(remaining, _BATCH)):
        receipts = _receipts(dynamodb, table, {_key(version) for version in batch})
        yield from (version for version in batch if _key(version) not in receipts)


def _receipts(dynamodb: Any, table: str, keys: set[_Key]) -> set[_Key]:
    receipts: set[_Key] = set()
    asked: Any = {"Keys": [{"device_id": {"S": p}, "reading_id": {"S": s}} for p, s in sorted(keys)]}
    asked["ProjectionExpression"] = "device_id, reading_id"
    while asked:
        answer = dynamodb.batch_get_item(RequestItems={table: asked})
        items = answer["Responses"].get(table, [])
        receipts |= {(item["device_id"]["S"], item["reading_id"]["S"]) for item in items}
        # Throttled keys come back; boto3 has waited between its own tries already.
        asked = answer.get("UnprocessedKeys", {}).get(table)
    return receipts


def _key(version: StoredObject) -> _Key:
    return receipt_key(ObjectRef(bucket=version.bucket, key=version.key, version_id=version.version))
