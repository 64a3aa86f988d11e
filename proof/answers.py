"""HTTP between botocore and the world: a prepared request in, its parameters out; results in, an AWS response out."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3.exceptions import ProtocolError

from sensorctl.embedded.gate.refusals.wire import of_form

# What each service calls a failure of its own (the API references, "Common errors").
_INTERNAL = {"s3": "InternalError", "sns": "InternalFailure", "dynamodb": "InternalServerError"}
_DENIED = {"s3": "AccessDenied", "sns": "AuthorizationError"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service says."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def parameters(service: str, operation: str, request: AWSPreparedRequest) -> dict[str, Any]:
    """Return the parameters of a call, read back from what would go over the wire."""
    if service == "s3":
        return _of_s3(operation, request)
    body = _read(request.body)
    if service == "sns":
        return of_form(dict(parse_qsl(body.decode(), keep_blank_values=True)))
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def response(answer: Answer, *, url: str, cut: bool = False) -> AWSResponse:
    """Return what botocore gets from its HTTP library; with `cut` the body breaks off half-way."""
    headers: Any = {"content-length": str(len(answer.body)), **dict(answer.headers)}
    return AWSResponse(url, answer.status, headers, _Raw(answer.body, cut=cut))


def result(value: dict[str, Any]) -> Answer:
    """Return the answer of a service that speaks JSON."""
    return Answer(body=json.dumps(value).encode(), headers=(("content-type", "application/x-amz-json-1.0"),))


def published(message_id: str) -> Answer:
    """Return the answer to Publish."""
    return Answer(
        body=f'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>{message_id}'
        "</MessageId></PublishResult></PublishResponse>".encode()
    )


def failure(service: str, code: str, message: str, *, status: int) -> Answer:
    """Return an error as the service would write it."""
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    elif service == "sns":
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
    else:
        body = json.dumps({"__type": f"com.amazon#{code}", "message": message})
    return Answer(body=body.encode(), status=status)


def internal_error(service: str) -> Answer:
    """Return a 500."""
    return failure(service, _INTERNAL.get(service, "InternalException"), "the schedule wants it", status=500)


def denied(service: str) -> Answer:
    """Return a refusal that nobody tries again."""
    code = _DENIED.get(service, "AccessDeniedException")
    return failure(service, code, "the schedule wants it", status=403 if service in _DENIED else 400)


class _Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def __init__(self, body: bytes, *, cut: bool) -> None:
        super().__init__(body[: len(body) // 2] if cut else body)
        self._cut = cut

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        if self._cut and (not chunk or size in (None, -1)):
            raise ProtocolError("the schedule cuts the connection")
        return chunk

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        while chunk := self.read(65536):
            yield chunk


def _of_s3(operation: str, request: AWSPreparedRequest) -> dict[str, Any]:
    address = urlsplit(request.url)
    found: dict[str, Any] = {
        "Bucket": address.netloc.split(".", 1)[0],
        "Key": unquote(address.path[1:]),
        **{name: value for name, value in parse_qsl(address.query) if name == "versionId"},
    }
    if operation == "PutObject":
        body = _read(request.body)
        encoding = request.headers.get("content-encoding", "")
        encoding = encoding.decode() if isinstance(encoding, bytes) else encoding
        found["Body"] = _unchunked(body) if "aws-chunked" in encoding else body
    return found


def _read(body: Any) -> bytes:
    if body is None:
        return b""
    whole = body.read() if hasattr(body, "read") else body
    return whole.encode() if isinstance(whole, str) else bytes(whole)


def _unchunked(body: bytes) -> bytes:
    """Return what an aws-chunked body carries (Amazon S3 API Reference, "Transferring payload in multiple chunks")."""
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            break
        whole, body = whole + body[:length], body[length + 2 :]
    return whole
