"""The alerts table as moto plays it, and the ledger on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import item_of
from lambdas.alert.domain.lifecycle import on_breach
from lambdas.alert.domain.models import MetricState, Record
from lambdas.alert.domain.notices import Message
from lambdas.shared.events import ThresholdBreached
from tests import deployed
from tests.unit.alert.alert_kit import ALERTS, NOON, Aws, breach

CLOSED = MetricState(device_id="d", metric="t")
WAITS = Message(message_id="m1", kind="opened", status="PENDING", created_at=NOON)


def a_breach(state: MetricState, *, at: datetime) -> ThresholdBreached:
    return breach(device=state.device_id, metric=state.metric, at=at)


class Table:
    """The ledger's table, and the requests that were made of it."""

    def __init__(self, aws: Aws) -> None:
        self.dynamodb = aws.clients["dynamodb"]
        self.dynamodb.create_table(**deployed.table("Alerts"))
        self.ledger = Ledger(self.dynamodb, table=ALERTS)

    def item(self, key: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.dynamodb.get_item(TableName=ALERTS, Key={"alert_key": {"S": key}})
        return found.get("Item")

    def put(self, **members: Any) -> None:
        """Write an item that the ledger would not; texts stand for themselves."""
        item = {name: {"S": value} if isinstance(value, str) else value for name, value in members.items()}
        self.dynamodb.put_item(TableName=ALERTS, Item=item)

    def delete(self, key: str) -> None:
        self.dynamodb.delete_item(TableName=ALERTS, Key={"alert_key": {"S": key}})

    def open(self, *devices: str, at: datetime = NOON) -> None:
        """Write an open alert for each device."""
        states = [MetricState(device_id=device, metric="t") for device in devices]
        opened = [on_breach(state, a_breach(state, at=at), rule=None, now=at).state for state in states]
        self.fill(*(Record(key=f"{state.device_id}#t", version=1, state=state) for state in opened))

    def fill(self, *records: Record) -> None:
        """Write records as they are, 25 in a request."""
        requests = [{"PutRequest": {"Item": item_of(record, now=NOON)}} for record in records]
        for begin in range(0, len(requests), 25):
            self.dynamodb.batch_write_item(RequestItems={ALERTS: requests[begin : begin + 25]})

    @contextmanager
    def before(self, call: str, act: Callable[[dict[str, Any]], object]) -> Iterator[None]:
        """Let something happen before each request of that name, which it is given."""

        def hook(params: dict[str, Any], **_: Any) -> None:
            act(params)

        events = self.dynamodb.meta.events
        events.register(f"provide-client-params.dynamodb.{call}", hook)
        try:
            yield
        finally:
            events.unregister(f"provide-client-params.dynamodb.{call}", hook)

    def expires(self, key: str) -> float:
        item = self.item(key)
        assert item is not None
        return float(item["expires_at"]["N"])
