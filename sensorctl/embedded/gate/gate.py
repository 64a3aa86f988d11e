"""The emulator behind a gate that only lets the run's own requests through; hypercorn serves `app`.

It runs on the emulator's own environment and imports nothing of this project. ministack takes three things for root
that a hostile program or web page on the same machine could send: no signature at all, the access keys `test` and any
twelve digits, and the configured key with any secret. It also answers pages of other origins, and wipes everything at
an unsigned POST to /_ministack/reset. Requests of roles and users it verifies itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.app import app as emulator
from ministack.core.sigv4 import header_signature_failure, parse_header_signature

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_ROOT_KEY, _ROOT_SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
# The emulator's own controls and compatibility routes, which no AWS client calls.
_CONTROLS = ("/_ministack", "/_localstack", "/_aws/")
# What browsers add to requests of pages, and AWS clients never do.
_OF_PAGES = ("origin", "referer", "sec-fetch-site", "access-control-request-method")
# Role sessions and users: ministack knows their secrets and verifies their signatures.
_VERIFIED_BEHIND = ("ASIA", "AKIA")


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Serve one connection: HTTP that passes the gate, the server's own start and stop, and nothing else."""
    if scope["type"] == "lifespan":
        await emulator(scope, receive, send)
    elif scope["type"] == "http":
        body = await _read(receive)
        reason = refusal(scope, body)
        if reason is None:
            await emulator(scope, _replay(body, receive), send)
        else:
            await _refuse(send, reason)


def refusal(scope: Message, body: bytes) -> str | None:
    """Return why a request is refused, or None for one that may pass."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if any(name in headers for name in _OF_PAGES):
        return "requests of web pages are refused"
    if not _is_local(headers.get("host", "")):
        # A name of the attacker's that resolves to this machine (DNS rebinding).
        return "the Host is not localhost"
    if scope["path"].startswith(_CONTROLS):
        return "the emulator's own controls are closed"
    if not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        return "the request is not signed"
    return _signature_refusal(scope, headers, body)


def _signature_refusal(scope: Message, headers: Mapping[str, str], body: bytes) -> str | None:
    signature = parse_header_signature(headers)
    if isinstance(signature, tuple):
        return str(signature[1])
    if signature.access_key_id != _ROOT_KEY:
        return None if signature.access_key_id.startswith(_VERIFIED_BEHIND) else "the access key is unknown"
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    failure = header_signature_failure(signature, _ROOT_SECRET, scope["method"], path, query, headers, body)
    return None if failure is None else str(failure[1])


def _is_local(host: str) -> bool:
    name = host.rsplit(":", 1)[0].lower()
    return name in ("localhost", "127.0.0.1") or name.endswith(".localhost")


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out the body that was read, and then what comes after it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


async def _refuse(send: Send, reason: str) -> None:
    body = json.dumps({"__type": "AccessDeniedException", "message": f"Refused by the gate: {reason}."}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
