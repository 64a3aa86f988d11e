"""S3 event notification in, the uploads it names out.

Amazon S3 User Guide, "Event message structure": keys are form-encoded; delivery is at least once and unordered; a test
event has no Records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from lambdas.ingest.decoding.values import timestamps
from lambdas.shared.events import ObjectRef


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One object that was created: `size` in bytes, `at` when, and its `version` if the bucket keeps any."""

    source: ObjectRef
    version: str | None
    size: int
    at: datetime


def uploads(event: Mapping[str, Any]) -> list[Upload]:
    """Return every object that the event says was created. Raises KeyError if it is not an S3 event."""
    if event.get("Event") == "s3:TestEvent":
        return []
    return [_upload(record) for record in event["Records"] if record["eventName"].startswith("ObjectCreated")]


def _upload(record: Mapping[str, Any]) -> Upload:
    bucket, entry = record["s3"]["bucket"]["name"], record["s3"]["object"]
    version = entry.get("versionId")
    return Upload(
        # Without versions, the etag tells one content of a key from the next.
        source=ObjectRef(
            bucket=bucket, key=unquote_plus(entry["key"]), version_id=version or entry.get("eTag", "null")
        ),
        version=version,
        size=entry.get("size", 0),
        at=timestamps.parse(record["eventTime"]),
    )
