"""What an operator writes into the ledger: one conditional write of one item, as the function itself does it.

The function may write the same item at any moment; whoever comes second reads it anew and decides again. An e-mail is
left waiting in the item, so that the next sweep sends it within the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.alert.adapters.codec import from_map
from lambdas.alert.adapters.ledger import ATTEMPTS, Conflict, Ledger
from lambdas.alert.adapters.ledger_items import SHARDS, readable_record
from lambdas.alert.domain import by_hand, outbox, withheld
from lambdas.alert.domain.models import Decision
from lambdas.alert.domain.notices import Acknowledgement
from lambdas.shared.names import WORK_INDEX
from lambdas.shared.times import timestamp
from sensorctl.errors import UserError

# Leases run out a minute ahead of now; a day is beyond all that the index holds.
_AHEAD = timedelta(days=1)

Decide = Callable[[Any], Decision[Any]]


@dataclass(frozen=True, kw_only=True)
class RunningAlert:
    """The names of a running alert: open or pending."""

    alert_id: str


@dataclass(frozen=True, kw_only=True)
class Running:
    """What needs attention in the ledger: a metric's alert, or (`alert` is None) a silence or a message on its way."""

    alert_key: str
    record: str
    device_id: str | None = None
    metric: str | None = None
    alert: RunningAlert | None = None


def running(dynamodb: Any, *, table: str, now: datetime) -> list[Running]:
    """Return what the index of the ledger holds: all that is open, pending, silent or unsent.

    It costs what the sweep reads each minute, and not the whole table: alerts that have ended are not in the index.
    """
    pages = dynamodb.get_paginator("query")
    found = []
    for work in (f"{part}#{shard}" for part in ("send", "watch") for shard in range(SHARDS)):
        for page in pages.paginate(
            TableName=table,
            IndexName=WORK_INDEX,
            KeyConditionExpression="#work = :work AND due_at <= :ahead",
            ProjectionExpression="alert_key, #record, device_id, metric, alert.alert_id",
            ExpressionAttributeNames={"#work": "work", "#record": "record"},
            ExpressionAttributeValues={
                ":work": {"S": work},
                ":ahead": {"S": timestamp(now + _AHEAD)},
            },
        ):
            found += [from_map(Running, item) for item in page["Items"]]
    return found


def named(dynamodb: Any, *, table: str, alert_ids: Sequence[str], now: datetime) -> dict[str, Running]:
    """Return the running alerts of these ids, in their order. Raises UserError for those that there are not."""
    known = {
        entry.alert.alert_id: entry for entry in running(dynamodb, table=table, now=now) if entry.alert is not None
    }
    unknown = [alert_id for alert_id in alert_ids if alert_id not in known]
    if unknown:
        raise UserError(
            f"no alert with the id {', '.join(unknown)} is running: it has ended, or is on another stage or in another "
            "region; `sensorctl alerts --open` lists them"
        )
    return {alert_id: known[alert_id] for alert_id in alert_ids}


def acknowledge(dynamodb: Any, *, table: str, entry: Running, given: Acknowledgement) -> bool:
    """Acknowledge an alert; return whether it was open."""
    alert_id = entry.alert.alert_id if entry.alert is not None else ""
    decision = write(
        dynamodb,
        table=table,
        key=entry.alert_key,
        decide=lambda state: by_hand.acknowledge(state, given, alert_id=alert_id),
        now=given.at,
    )
    state = decision.state
    return state.alert is not None and state.alert.acknowledged == given


def close(dynamodb: Any, *, table: str, entry: Running, by: str, why: str, now: datetime) -> bool:
    """End a running alert and leave the e-mail about it to the sweep; return whether it was still running."""
    alert_id = entry.alert.alert_id if entry.alert is not None else ""
    decision = write(
        dynamodb,
        table=table,
        key=entry.alert_key,
        decide=lambda state: by_hand.close(state, alert_id=alert_id, by=by, why=why, now=now),
        now=now,
    )
    return decision.outcome != "unchanged"


def write(dynamodb: Any, *, table: str, key: str, decide: Decide, now: datetime) -> Decision[Any]:
    """Decide on the item as it is now, and write what comes of it; return the decision. Raises UserError."""
    ledger = Ledger(dynamodb, table=table)
    for _ in range(ATTEMPTS):
        found = dynamodb.get_item(TableName=table, Key={"alert_key": {"S": key}}, ConsistentRead=True)
        record = readable_record(found["Item"]) if "Item" in found else None
        if record is None:
            raise UserError(f"the ledger's item {key} cannot be read; is another version deployed?")
        decision = withheld.announced(record.state, decide(record.state))
        changed = outbox.advance(
            record, decision.state, notices=decision.notices, again=(), budget=0, now=now, lease=""
        )
        if changed == record:
            return decision
        try:
            ledger.put(changed, now=now)
        except Conflict:
            continue
        return decision
    raise UserError(f"{key} was written by others {ATTEMPTS} times in a row; try again")
