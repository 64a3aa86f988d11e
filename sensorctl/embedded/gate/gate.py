"""The emulator behind a gate that only lets signed requests through; hypercorn serves `app`.

It runs on the emulator's own environment. ministack takes three things for root that a hostile program or web page on
the same machine could send: no signature at all, the access keys `test` and any twelve digits, and the configured key
with any secret. It also answers pages of other origins, and wipes everything at an unsigned POST to
/_ministack/reset. So `admission` verifies every signature here, of roles and users too, and the emulator gets the
headers and the body that were verified, each once.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ministack.app import app as emulator
from ministack.core import lambda_runtime
from ministack.core.iam_evaluator import (
    AmbiguousAccessKeyError,
    CredentialResolutionError,
    find_iam_access_key_account,
    resolve_credential,
)
from ministack.core.responses import _account_from_sts_session
from ministack.services import s3

from sensorctl.embedded.gate import functions, host_modules, service_rules
from sensorctl.embedded.gate.admission import Claim, Key, RefusedError, Request, examine
from sensorctl.embedded.gate.refusals import wire
from sensorctl.embedded.gate.refusals.refused import InvalidRequestError

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_ROOT_KEY, _ROOT_SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
# The emulator's own controls and compatibility routes, which no AWS client calls.
_CONTROLS = ("/_ministack", "/_localstack", "/_aws/")

functions.put_right()
# The emulator's folder is where it runs.
host_modules.install(lambda_runtime, modules=Path("modules").absolute(), folder=Path("tmp/code").absolute())


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Serve one connection: HTTP that passes the gate, the server's own start and stop, and nothing else."""
    if scope["type"] == "lifespan":
        await emulator(scope, receive, send)
    elif scope["type"] == "http":
        try:
            claim = _examine(scope)
            body = await _read(receive)
            verified = {**scope, "headers": claim.verify(body)}
        except RefusedError as refused:
            await _refuse(send, str(refused), scope)
        else:
            if not await service_rules.refuse(verified, body, send):
                await emulator(verified, _replay(body, receive), send)


def _examine(scope: Message) -> Claim:
    """Return what the request claims to be. Raises RefusedError."""
    if scope["path"].startswith(_CONTROLS):
        raise RefusedError("the emulator's own controls are closed")
    request = Request(
        method=scope["method"],
        path=scope["raw_path"],
        query=scope["query_string"],
        headers=scope["headers"],
        body=b"",
    )
    return examine(request, key_of=_key, now=datetime.now(UTC))


def _key(access_key: str) -> Key | None:
    """Return the secret of the run's root, or of a user or role session that the emulator knows."""
    if access_key == _ROOT_KEY:
        return Key(secret=_ROOT_SECRET)
    # The well-known keys, which the emulator takes for root, are shorter or have no such beginning.
    if not access_key.startswith(("ASIA", "AKIA")):
        return None
    try:
        account = _account_from_sts_session(access_key) or find_iam_access_key_account(access_key)
    except AmbiguousAccessKeyError:
        return None
    known = resolve_credential(access_key, account)
    if isinstance(known, CredentialResolutionError):
        return None
    buckets = frozenset(name for _, name in s3._buckets.to_dict())
    return Key(secret=known.secret_access_key, token=known.session_token, buckets=buckets)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError("the client hung up before its body's end")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out the body that was read, and then what comes after it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


async def _refuse(send: Send, reason: str, scope: Message) -> None:
    """Say so in the form in which the service asked writes errors, or its client would hide the reason."""
    given = dict(scope["headers"])
    of_s3, of_form = b"/s3/aws4_request" in given.get(b"authorization", b""), b"form" in given.get(b"content-type", b"")
    error = InvalidRequestError("AccessDeniedException", f"Refused by the gate: {reason}.")
    answer = wire.answer("s3" if of_s3 else "sns" if of_form else "", error)
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
