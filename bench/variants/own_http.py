"""http.client below botocore instead of urllib3: no pool, no proxies, no retries of its own."""

import http.client
import io
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.httpsession import URLLib3Session

from lambdas.ingest.handler import handler

__all__ = ["handler"]

_local = threading.local()


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _send(_self: Any, request: Any) -> AWSResponse:
    address = urlsplit(request.url)
    connections = _local.__dict__.setdefault("connections", {})
    connection = connections.get(address.netloc)
    if connection is None:
        connection = connections[address.netloc] = http.client.HTTPConnection(address.netloc)
    path = f"{address.path}?{address.query}" if address.query else address.path
    connection.request(request.method, path, request.body, dict(request.headers.items()))
    answer = connection.getresponse()
    headers: Any = HeadersDict(answer.getheaders())
    raw: Any = _Raw(answer.read())
    return AWSResponse(request.url, answer.status, headers, raw)


setattr(URLLib3Session, "send", _send)  # noqa: B010 mypy's method-assign
