"""HTTP between botocore and the world: parses prepared requests into parameters, and results into AWS responses."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3.exceptions import ProtocolError

from sensorctl.embedded.gate.refusals import InvalidRequestError, wire

# What each service calls a failure of its own and a refusal (the API references, "Common errors").
_INTERNAL = {"s3": "InternalError", "sns": "InternalFailure", "dynamodb": "InternalServerError"}
_DENIED = {"s3": "AccessDenied", "sns": "AuthorizationError"}
_INJECTED = "injected by the schedule"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service says."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def parameters(service: str, request: AWSPreparedRequest) -> dict[str, Any]:
    """Return the parameters of a call, read back from what would go over the wire."""
    sent: Any = request.body or b""
    body = _bytes(sent.read() if hasattr(sent, "read") else sent)
    if service == "sns":
        return wire.of_form(dict(parse_qsl(body.decode(), keep_blank_values=True)))
    if service == "s3":
        address = urlsplit(request.url)
        return {**dict(parse_qsl(address.query)), "Key": unquote(address.path[1:]), "Body": body}
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def is_first_try(request: AWSPreparedRequest) -> bool:
    """Read botocore's own count of tries (standard retry mode sends it with each)."""
    return b"attempt=1" in _bytes(request.headers["amz-sdk-request"])


def response(answer: Answer, *, url: str, cut: bool = False) -> AWSResponse:
    """Return what botocore gets from its HTTP library; with `cut` the body breaks off half-way."""
    headers: Any = {"content-length": str(len(answer.body)), **dict(answer.headers)}
    return AWSResponse(url, answer.status, headers, _Raw(answer.body, cut=cut))


def result(value: dict[str, Any]) -> Answer:
    """Return the answer of a service that speaks JSON."""
    return Answer(body=json.dumps(value).encode())


def published(message_id: str) -> Answer:
    """Return the answer to Publish."""
    return Answer(
        body=f'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>{message_id}'
        "</MessageId></PublishResult></PublishResponse>".encode()
    )


def failure(service: str, code: str, message: str, *, status: int = 400) -> Answer:
    """Return an error as the service would write it."""
    return Answer(body=wire.answer(service, InvalidRequestError(code, message)).body, status=status)


def internal_error(service: str) -> Answer:
    """Return a 500."""
    return failure(service, _INTERNAL.get(service, "InternalException"), _INJECTED, status=500)


def denied(service: str) -> Answer:
    """Return a refusal that nobody tries again."""
    return failure(
        service, _DENIED.get(service, "AccessDeniedException"), _INJECTED, status=403 if service in _DENIED else 400
    )


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


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)
