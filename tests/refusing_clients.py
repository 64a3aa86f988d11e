"""Every client of a test is refused what AWS refuses, whatever answers it otherwise."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from sensorctl.embedded.gate.refusals import Keys
from sensorctl.embedded.gate.refusals.wire import HttpRequest, Refusal, read, refusal

_tables: dict[str, Keys] = {}


def forget_tables() -> None:
    """Forget the keys of tables that earlier tests made: another one may have one of the same name."""
    _tables.clear()


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def unless_refused(
    answer: Callable[..., Any], event_name: str, request: AWSPreparedRequest, **others: Any
) -> AWSResponse | None:
    """Handle botocore's `before-send`: refuse what the service would, else return what `answer` does."""
    refused = _refusal(request)
    return answer(event_name, request, **others) if refused is None else refused


def _refusal(request: AWSPreparedRequest) -> AWSResponse | None:
    """Return the answer to a request that the service would refuse; learn the keys of new tables."""
    sent = _request(request)
    call = read(sent)
    if call is not None and call[:2] == ("dynamodb", "CreateTable"):
        _tables[call[2]["TableName"]] = Keys.of(call[2])
    found = refusal(sent, keys_of=_tables.get)
    return None if found is None else _response(found, url=request.url)


def _request(request: AWSPreparedRequest) -> HttpRequest:
    address = urlsplit(request.url)
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    body = request.body if isinstance(request.body, bytes | str) else b""
    return HttpRequest(
        method=request.method,
        path=address.path,
        query=address.query,
        headers={"host": address.netloc, **headers},
        body=body.encode() if isinstance(body, str) else body,
    )


def _response(found: Refusal, *, url: str) -> AWSResponse:
    headers: Any = {"content-type": found.content_type, "content-length": str(len(found.body))}
    return AWSResponse(url, found.status, headers, _Raw(found.body))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
