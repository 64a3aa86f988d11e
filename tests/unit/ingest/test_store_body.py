"""Ingest makes BatchWriteItem's body itself; it must be what botocore would have made."""

from __future__ import annotations

import json
from typing import Any

from lambdas.ingest.adapters.reading_store import ReadingStore
from lambdas.ingest.domain.items import Item
from lambdas.shared.clients import client
from tests.unit.ingest.ingest_world import TABLE, Clock, World

ITEM: Item = {
    "device_id": {"S": "boiler-7"},
    "reading_id": {"S": "2026-11-22T10:00:00.250000Z#00"},
    "metrics": {"M": {"temperature": {"N": "92.4"}, "tiny": {"N": "1e-130"}}},
    "tags": {"M": {"site": {"S": 'Werk "2" — Süd\n\u2028'}}},
    "breaches": {"L": [{"M": {"metric": {"S": "temperature"}, "limit": {"N": "70"}}}]},
}


def bodies_of(dynamodb: Any) -> list[bytes]:
    """Keep each request's body as it is sent."""
    sent: list[bytes] = []
    dynamodb.meta.events.register_first("before-send.dynamodb", lambda request, **_: sent.append(bytes(request.body)))
    return sent


def test_the_body_says_what_botocores_own_would(world: World) -> None:
    ours, plain = client("dynamodb", validate=False), client("dynamodb")
    sent, expected = bodies_of(ours), bodies_of(plain)

    ReadingStore(ours, table=TABLE).write([ITEM], backoff=Clock().backoff())
    plain.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": ITEM}}]})

    assert [json.loads(body) for body in sent] == [json.loads(body) for body in expected]


def test_what_is_sent_is_what_is_stored(world: World) -> None:
    ReadingStore(client("dynamodb", validate=False), table=TABLE).write([ITEM], backoff=Clock().backoff())

    (stored,) = world.stored()
    assert {name: stored[name] for name in ("metrics", "tags", "breaches")} == {
        name: ITEM[name] for name in ("metrics", "tags", "breaches")
    }


def test_two_stores_on_one_client_send_whole_bodies(world: World) -> None:
    dynamodb = client("dynamodb", validate=False)
    sent = bodies_of(dynamodb)

    for _ in range(2):
        ReadingStore(dynamodb, table=TABLE).write([ITEM], backoff=Clock().backoff())

    assert [json.loads(body)["RequestItems"][TABLE][0]["PutRequest"]["Item"] for body in sent] == [ITEM, ITEM]
