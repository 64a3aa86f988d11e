"""The objects in the landing bucket, version by version, and the event that sends one of them to ingest again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from lambdas.shared.names import INCOMING_PREFIX
from sensorctl.aws.access import Access
from sensorctl.errors import UserError


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One version of an object: each was an upload of its own."""

    bucket: str
    key: str
    version: str
    size: int
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {"key": self.key, "version": self.version, "at": self.at.isoformat(), "size": self.size}

    def event(self) -> dict[str, Any]:
        """Return the S3 event that its upload was (Amazon S3 User Guide, "Event message structure")."""
        return {
            "Records": [
                {
                    "eventName": "ObjectCreated:Put",
                    "eventTime": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "s3": {
                        "bucket": {"name": self.bucket},
                        "object": {"key": quote_plus(self.key), "size": self.size, "versionId": self.version},
                    },
                }
            ]
        }


def stored_objects(
    access: Access, *, bucket: str, prefix: str, since: datetime | None, until: datetime | None
) -> Iterator[StoredObject]:
    """Yield every version that was uploaded below `prefix` from `since` up to `until`, ordered by key, newest first.

    What was deleted is not among them, nor are the folder markers that the S3 console makes. Raises UserError for a
    prefix that ingest does not look at.
    """
    if not prefix.startswith(INCOMING_PREFIX):
        raise UserError(f"the prefix {prefix!r} is not under {INCOMING_PREFIX}; ingest takes nothing else")
    pages = access.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for version in page.get("Versions", []):
            at, key, size = version["LastModified"], version["Key"], version["Size"]
            marker = size == 0 and key.endswith("/")
            if not marker and (since is None or at >= since) and (until is None or at < until):
                yield StoredObject(bucket=bucket, key=key, version=version["VersionId"], size=size, at=at)
