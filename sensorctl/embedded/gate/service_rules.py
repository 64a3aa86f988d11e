"""Refuses at the gate what AWS refuses but the emulator accepts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ministack.services import dynamodb

from sensorctl.embedded.gate.refusals import Keys, wire

Message = dict[str, Any]


async def refuse(scope: Message, body: bytes, send: Callable[[Message], Awaitable[None]]) -> bool:
    """Answer a request that the service would refuse; return whether it was one."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    request = wire.HttpRequest(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )
    refusal = wire.refusal(request, keys_of=_keys_of)
    if refusal is None:
        return False
    headers = [
        (b"content-type", refusal.content_type.encode()),
        (b"content-length", str(len(refusal.body)).encode()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
    return True


def _keys_of(name: str) -> Any:
    found = (table for (_, _, table_name), table in dynamodb._tables.all_items() if table_name == name)
    table = next(found, None)
    return None if table is None else Keys.of(table)
