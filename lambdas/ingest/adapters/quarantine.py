"""Rejects in, one NDJSON object in S3 out, with a line for each: where, why, and how the record begins.

Bounded: what does not fit in a little memory goes to a temporary file, and beyond 64 MiB records are only counted, in
a last line; the object itself is still in the bucket.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from typing import Any

from lambdas.ingest.decoding.limits import MIB
from lambdas.ingest.decoding.reading import Reject
from lambdas.shared.events import ObjectRef

# Amazon S3 User Guide, "Naming Amazon S3 objects".
_LONGEST_KEY = 1024
_IN_MEMORY = 1 * MIB
_MOST_BYTES = 64 * MIB


def quarantine_key(source: ObjectRef, *, prefix: str) -> str:
    """Return where the rejects of an object go: the same place on every delivery, another for every version.

    A key that would be too long for S3 is cut and given a hash of the whole.
    """
    ending = f"/{source.version_id}.ndjson"
    key = f"{prefix}{source.key}{ending}"
    if len(key.encode()) <= _LONGEST_KEY:
        return key
    ending = f"~{hashlib.sha256(source.key.encode()).hexdigest()[:16]}{ending}"
    room = _LONGEST_KEY - len(ending.encode())
    return f"{prefix}{source.key}".encode()[:room].decode(errors="ignore") + ending


class Quarantine:
    """Collects the rejects of one object, then writes them. Use as a context manager: it may hold a file."""

    def __init__(self, s3: Any, *, source: ObjectRef, prefix: str, most_bytes: int = _MOST_BYTES) -> None:
        self._s3 = s3
        self._bucket = source.bucket
        self._most_bytes = most_bytes
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by __exit__
        self._unlisted = 0
        self.key = quarantine_key(source, prefix=prefix)

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, rejects: Sequence[Reject]) -> None:
        """Take note of rejects, in order."""
        for reject in rejects:
            if self._file.tell() < self._most_bytes:
                self._file.write(_line(reject))
            else:
                self._unlisted += 1

    def write(self) -> None:
        """Write the object. A redelivery writes the same bytes to the same key."""
        if self._unlisted:
            self._file.write(json.dumps({"unlisted": self._unlisted}).encode() + b"\n")
        self._file.seek(0)
        self._s3.put_object(
            Bucket=self._bucket, Key=self.key, Body=self._file, ContentType="application/x-ndjson; charset=utf-8"
        )


def _line(reject: Reject) -> bytes:
    """Return one line; bytes of the record that are not UTF-8 show as \\xNN."""
    line: dict[str, str | int] = {
        "position": reject.position,
        "offset": reject.offset,
        "reason": reject.reason,
        "detail": reject.detail,
        "record": reject.excerpt.decode(errors="backslashreplace"),
    }
    if reject.member is not None:
        line["member"] = reject.member
    return json.dumps(line).encode() + b"\n"
