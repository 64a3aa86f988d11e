"""Puts objects into the landing bucket, and starts the trace that follows each of them.

S3 passes the trace header of a PutObject on to the function it notifies (X-Ray Developer Guide, "Amazon S3"), so the
uploader's segment is where the trace of an object begins.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from lambdas.shared.names import INCOMING_PREFIX
from sensorctl.aws.access import Access

Segment = dict[str, Any]

# X-Ray Developer Guide, "Sending segment documents to the X-Ray daemon".
DAEMON_HEADER = b'{"format":"json","version":1}'

_header: ContextVar[str | None] = ContextVar("trace_header", default=None)


class Uploader:
    """Uploads to where ingest looks; `trace` is handed the segment of each upload."""

    def __init__(self, access: Access, *, bucket: str, trace: Callable[[Segment], None]) -> None:
        self._s3 = access.client("s3")
        self._s3.meta.events.register("before-call.s3.PutObject", _add_header)
        self._bucket = bucket
        self._trace = trace

    def upload(self, key: str, body: bytes) -> str:
        """Put `body` at `incoming/<key>` and return its version id."""
        # Version, epoch seconds, 96 random bits (X-Ray Developer Guide, "Trace ID format").
        trace_id, segment_id = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", secrets.token_hex(8)
        token = _header.set(f"Root={trace_id};Parent={segment_id};Sampled=1")
        started = time.time()
        try:
            answer = self._s3.put_object(Bucket=self._bucket, Key=INCOMING_PREFIX + key, Body=body)
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
                "annotations": {"object_key": INCOMING_PREFIX + key, "version_id": version},
            }
        )
        return version


def send_to_daemon(segment: Segment, *, address: str) -> None:
    """Hand a segment to an X-Ray daemon at `host:port`."""
    host, port = address.rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(DAEMON_HEADER + b"\n" + json.dumps(segment).encode(), (host, int(port)))


def send_to_xray(segment: Segment, *, xray: Any) -> None:
    """Hand a segment to X-Ray; if X-Ray rejects it, the trace lacks a line; no reading is lost."""
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])


def _add_header(params: dict[str, Any], **_: object) -> None:
    header = _header.get()
    if header is not None:
        params["headers"]["X-Amzn-Trace-Id"] = header
