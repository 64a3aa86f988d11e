"""Puts objects into the landing bucket, and starts the trace that follows each of them.

S3 passes the trace header of a PutObject on to the function it notifies (X-Ray Developer Guide, "Amazon S3"), so the
uploader's segment is where the trace of an object begins.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sensorctl.embedded.access import Access

Segment = dict[str, Any]

# The prefix whose objects ingest is notified of.
INCOMING = "incoming/"

_header: ContextVar[str | None] = ContextVar("trace_header", default=None)


class Uploader:
    """Uploads below a prefix; `trace` is handed the segment of each upload."""

    def __init__(self, access: Access, *, bucket: str, prefix: str, trace: Callable[[Segment], None]) -> None:
        self._s3 = access.client("s3")
        self._s3.meta.events.register("before-call.s3.PutObject", _add_header)
        self._bucket = bucket
        self._prefix = prefix
        self._trace = trace

    def upload(self, key: str, body: bytes) -> str:
        """Put `body` at `<prefix><key>` and return its version id."""
        trace_id, segment_id = new_trace_id(), secrets.token_hex(8)
        token = _header.set(f"Root={trace_id};Parent={segment_id};Sampled=1")
        started = time.time()
        try:
            answer = self._s3.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=body)
        finally:
            _header.reset(token)
        version: str = answer.get("VersionId", "null")
        self._trace(
            {
                "name": "upload",
                "id": segment_id,
                "trace_id": trace_id,
                "start_time": started,
                "end_time": time.time(),
                "annotations": {"object_key": self._prefix + key, "version_id": version},
            }
        )
        return version


def new_trace_id() -> str:
    """Return a fresh id: version, epoch seconds, 96 random bits (X-Ray Developer Guide, "Trace ID format")."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def _add_header(params: dict[str, Any], **_: object) -> None:
    header = _header.get()
    if header is not None:
        params["headers"]["X-Amzn-Trace-Id"] = header
