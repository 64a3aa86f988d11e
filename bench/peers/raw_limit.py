"""As fast as Python can write to DynamoDB: bodies made beforehand, a signature and an HTTP request, nothing else.

No retry, no endpoint rules, no events, no error handling: a limit to compare with, not a way to do it.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

_TARGET = "DynamoDB_20120810.BatchWriteItem"
_SIGNED = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"


class RawWriter:
    """Sends bodies to `host:port`, `threads` at a time, each signed with Signature Version 4."""

    def __init__(self, *, host: str, port: int, threads: int) -> None:
        self._host, self._port = host, port
        self._pool = ThreadPoolExecutor(threads)
        self._local = threading.local()
        self._key = self._day = b""
        # A function has temporary credentials, whose token every request carries, signed.
        self._token = os.environ["AWS_SESSION_TOKEN"]

    def write(self, bodies: Sequence[bytes]) -> None:
        """Send every body."""
        for status in self._pool.map(self._send, bodies):
            if status != 200:
                raise RuntimeError(f"the stub answered {status}")

    def _send(self, body: bytes) -> int:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._host, self._port)
        connection.request("POST", "/", body, self._headers(body))
        answer = connection.getresponse()
        answer.read()
        return int(answer.status)

    def _headers(self, body: bytes) -> dict[str, str]:
        at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{at[:8]}/us-east-1/dynamodb/aws4_request"
        host = f"{self._host}:{self._port}"
        head = (
            f"content-type:application/x-amz-json-1.0\nhost:{host}\nx-amz-date:{at}\n"
            f"x-amz-security-token:{self._token}\nx-amz-target:{_TARGET}\n"
        )
        request = f"POST\n/\n\n{head}\n{_SIGNED}\n{hashlib.sha256(body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.new(self._signing_key(at[:8]), text.encode(), "sha256").hexdigest()
        return {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Date": at,
            "X-Amz-Security-Token": self._token,
            "X-Amz-Target": _TARGET,
            "Authorization": f"AWS4-HMAC-SHA256 Credential=key/{scope}, SignedHeaders={_SIGNED}, Signature={signature}",
        }

    def _signing_key(self, day: str) -> bytes:
        if self._day != day.encode():
            key = b"AWS4secret"
            for part in (day, "us-east-1", "dynamodb", "aws4_request"):
                key = hmac.new(key, part.encode(), "sha256").digest()
            self._key, self._day = key, day.encode()
        return self._key
