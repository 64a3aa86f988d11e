"""The note that an object was taken in: one small item, one write unit."""

from __future__ import annotations

from datetime import datetime, timedelta

from lambdas.ingest.domain.items import Item
from lambdas.shared.events import ObjectRef
from lambdas.shared.keys import RECEIPT_DAYS, receipt_key


def note(source: ObjectRef, *, uploaded_at: datetime) -> Item:
    """Return the item that says `source` was taken in; its TTL counts from the upload."""
    partition, sort = receipt_key(source)
    expires_at = uploaded_at + timedelta(days=RECEIPT_DAYS)
    return {
        "device_id": {"S": partition},
        "reading_id": {"S": sort},
        "expires_at": {"N": str(int(expires_at.timestamp()))},
    }
