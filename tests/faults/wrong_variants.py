"""Handlers that are known to be wrong: each is the real handler with one part replaced by a broken one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lambdas.alert.adapters.ledger import Conflict, Cursor, Ledger, Work
from lambdas.alert.adapters.reading_query import Found, Readings
from lambdas.alert.delivery.delivery import Decide, Delivery, Transition
from lambdas.alert.delivery.email_budget import EmailBudget
from lambdas.alert.domain.models import MetricState, Record
from lambdas.ingest.adapters.event_bus import Entry, EventBus
from lambdas.ingest.adapters.reading_store import ReadingStore
from lambdas.ingest.domain.items import Item
from lambdas.ingest.ingest_object import Outcome
from lambdas.shared.backoff import Backoff
from lambdas.shared.events import ThresholdBreached
from lambdas.shared.thresholds.parameter import ThresholdSource
from lambdas.shared.thresholds.thresholds import Thresholds
from tests.faults.world.functions import Variant
from tests.faults.world.world import READINGS


class StoreThatLooksFirst(ReadingStore):
    """Knows the devices that had a reading which was not stored before."""

    new: set[str]

    def write(self, items: Sequence[Item], *, backoff: Backoff) -> None:
        keys = [{name: item[name] for name in ("device_id", "reading_id")} for item in items]
        found = [self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True) for key in keys]
        unknown = {key["device_id"]["S"] for key, answer in zip(keys, found, strict=True) if "Item" not in answer}
        super().write(items, backoff=backoff)
        self.new = unknown


class BusOfNewReadings(EventBus):
    """Emits the breaches of newly stored readings alone."""

    store: StoreThatLooksFirst

    def send(self, events: Sequence[Any], *, backoff: Backoff) -> None:
        new = [e for e in events if not isinstance(e, ThresholdBreached) or e.device_id in self.store.new]
        super().send(new, backoff=backoff)


class CarelessBus(EventBus):
    """Takes PutEvents' 200 for "all of them"."""

    def _send(self, entries: list[Entry], backoff: Backoff) -> None:
        self._events.put_events(Entries=entries)


class CheckPublishMark(Delivery):
    """Looks whether an e-mail is due, publishes it, and only then writes that it did."""

    def transition(self, record: Record | str, decide: Decide, *, blank: Any = None, **_: Any) -> Transition:
        current = self._ledger.get(record, blank=blank) if isinstance(record, str) else record
        now = self._clock()
        decision = decide(current.state, now)
        if decision.state != current.state:
            for notice in decision.notices:
                self._mailer.publish(self._render(notice), message_id=notice.alert_id)
            try:
                current = self._ledger.put(replace(current, state=decision.state), now=now)
            except Conflict:
                current = self._ledger.get(current.key, blank=current.state)
        return Transition(record=current, claims=(), deferred=0, decision=decision.outcome)


class AsksBackwards(Readings):
    """Asks for what is newer than the last reading, also where that was stamped ahead of the clock."""

    def newest(self, device_id: str, metric: str, *, after: datetime, now: datetime, **_: Any) -> Found:
        self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="device_id = :device AND reading_id BETWEEN :from AND :to",
            ExpressionAttributeValues={
                ":device": {"S": device_id},
                ":from": {"S": (after + timedelta(hours=3)).isoformat()},
                ":to": {"S": now.isoformat()},
            },
        )
        return Found()


class FallsBack(ThresholdSource):
    """Judges by the bundled thresholds, which know other metrics, while the parameter cannot be read."""

    def current(self, **others: Any) -> Thresholds:
        try:
            document = self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"]
        except Exception:
            document = '{"version": 1, "metrics": {}}'
        return Thresholds.parse(document, name="the first that can be had")


class ForgetsEnds(Delivery):
    """Does not store `settled_through` when an alert ends."""

    def transition(self, record: Record | str, decide: Decide, **others: Any) -> Transition:
        def forgetful(state: Any, now: datetime) -> Any:
            return decide(replace(state, settled_through=None) if isinstance(state, MetricState) else state, now)

        return super().transition(record, forgetful, **others)


class FirstCome(EmailBudget):
    """Gives e-mails to whoever comes first, and no source a share."""

    asked = 0

    def take(self, now: datetime, *, source: str = "") -> bool:
        self.asked += 1
        return super().take(now, source=f"{source} {self.asked}")


class WaitsForMore(Ledger):
    """Has sweeps leave what is over the budget for two minutes, to say more of it together."""

    def walk(self, work: Work, *, now: datetime, **others: Any) -> Iterator[tuple[Record, Cursor]]:
        return super().walk(work, now=now - timedelta(minutes=2), **others)


def _become(**classes: type) -> Callable[[Any], None]:
    """Return what makes the parts at these paths, such as `_ingest__store`, instances of other classes."""

    def rework(function: Any) -> None:
        for path, kind in classes.items():
            part = function
            for name in path.split("__"):
                part = getattr(part, name)
            part.__class__ = kind

    return rework


def _emit_only_new(function: Any) -> None:
    _become(_ingest__store=StoreThatLooksFirst, _ingest__bus=BusOfNewReadings)(function)
    function._ingest.bus.store = function._ingest.store


def _mark_first(function: Any) -> None:
    """Note an object as taken in before taking it in, and skip what is noted."""
    ingest, dynamodb = function._ingest, function._ingest.store._dynamodb

    def marking(upload: Any, **others: Any) -> Outcome:
        mark = {"device_id": {"S": "#done"}, "reading_id": {"S": upload.source.version_id}}
        condition = "attribute_not_exists(device_id)"
        try:
            dynamodb.put_item(TableName=READINGS["TableName"], Item=mark, ConditionExpression=condition)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return Outcome()
        taken: Outcome = ingest(upload, **others)
        return taken

    function._ingest = marking


EMIT_ONLY_NEW = Variant(ingest=_emit_only_new)
MARK_FIRST = Variant(ingest=_mark_first)
IGNORE_FAILED_ENTRIES = Variant(ingest=_become(_ingest__bus=CarelessBus))
PUBLISH_WITHOUT_LEASE = Variant(alert=_become(_delivery=CheckPublishMark))
ASK_BACKWARDS = Variant(alert=_become(_readings=AsksBackwards))
FALL_BACK = Variant(ingest=_become(_thresholds=FallsBack), alert=_become(_thresholds=FallsBack))
FORGET_ENDS = Variant(alert=_become(_delivery=ForgetsEnds))
TAKE_NO_TURNS = Variant(alert=_become(_delivery___budget=FirstCome, _ledger=WaitsForMore))
