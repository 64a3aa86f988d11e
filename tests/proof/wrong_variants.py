"""Four handlers that are known to be wrong, each made of the real one with a single part put in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas.alert.alerting import Alerting
from lambdas.alert.delivery import Decide, Delivery
from lambdas.alert.delivery import Outcome as Delivered
from lambdas.alert.ledger import Conflict
from lambdas.alert.records import Record
from lambdas.ingest.events_out import Entry, EventBus
from lambdas.ingest.ingest_object import ObjectIngest, Outcome
from lambdas.ingest.items import Item
from lambdas.ingest.store import ReadingStore
from lambdas.ingest.uploads import Upload
from lambdas.shared.contracts import ThresholdBreached
from lambdas.shared.retrying import Retrying
from proof.functions import Variant
from proof.world import BUS, READINGS

if TYPE_CHECKING:  # importing a handler makes its function, from variables that are not set yet
    from lambdas.ingest.handler import IngestFunction


class StoreThatLooksFirst(ReadingStore):
    """Knows the devices that had a reading which was not stored before."""

    new: set[str]

    def write(self, items: Sequence[Item], *, retrying: Retrying) -> None:
        keys = [{name: item[name] for name in ("device_id", "reading_id")} for item in items]
        found = [self._dynamodb.get_item(TableName=READINGS, Key=key, ConsistentRead=True) for key in keys]
        unknown = {key["device_id"]["S"] for key, answer in zip(keys, found, strict=True) if "Item" not in answer}
        super().write(items, retrying=retrying)
        self.new = unknown


class BusOfNewReadings(EventBus):
    """Tells the breaches of newly stored readings alone."""

    def __init__(self, events: Any, *, store: Any) -> None:
        super().__init__(events, bus=BUS)
        self._store = store

    def send(self, events: Sequence[Any], *, retrying: Retrying) -> None:
        told = [e for e in events if not isinstance(e, ThresholdBreached) or e.device_id in self._store.new]
        super().send(told, retrying=retrying)


class CarelessBus(EventBus):
    """Takes PutEvents' 200 for "all of them"."""

    def _send(self, entries: list[Entry], retrying: Retrying) -> None:
        self._events.put_events(Entries=entries)


class MarksFirst:
    """Notes an object as taken in before taking it in, and skips what is noted."""

    def __init__(self, ingest: ObjectIngest, dynamodb: Any) -> None:
        self._ingest = ingest
        self._dynamodb = dynamodb

    def __call__(self, upload: Upload, **others: Any) -> Outcome:
        mark = {"device_id": {"S": "#done"}, "reading_id": {"S": upload.source.version_id}}
        try:
            self._dynamodb.put_item(
                TableName=READINGS, Item=mark, ConditionExpression="attribute_not_exists(device_id)"
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return Outcome()
        return self._ingest(upload, **others)


class CheckPublishMark(Delivery):
    """Looks whether an e-mail is due, publishes it, and only then writes that it did."""

    def transition(
        self, record: Record | str, decide: Decide, *, blank: Any = None, pending: bool = False, budgeted: bool = True
    ) -> Delivered:
        current = self._ledger.get(record, blank=blank) if isinstance(record, str) else record
        now = self._clock()
        decision = decide(current.state, now)
        if decision.state != current.state:
            for notice in decision.notices:
                self._mailer.publish(self._render(notice))
            try:
                current = self._ledger.put(replace(current, state=decision.state), now=now)
            except Conflict:
                current = self._ledger.get(current.key, blank=current.state)
        return Delivered(record=current, claims=(), deferred=0, word=decision.outcome)


def _emit_only_new(function: IngestFunction) -> None:
    ingest = function._ingest
    ingest.store.__class__ = StoreThatLooksFirst
    function._ingest = replace(ingest, bus=BusOfNewReadings(ingest.bus._events, store=ingest.store))


def _mark_first(function: IngestFunction) -> None:
    function._ingest = MarksFirst(function._ingest, function._ingest.store._dynamodb)  # type: ignore[assignment]


def _ignore_failed_entries(function: IngestFunction) -> None:
    function._ingest = replace(function._ingest, bus=CarelessBus(function._ingest.bus._events, bus=BUS))


def _publish_without_lease(alerting: Alerting) -> None:
    alerting._delivery.__class__ = CheckPublishMark


EMIT_ONLY_NEW = Variant(ingest=_emit_only_new)
MARK_FIRST = Variant(ingest=_mark_first)
IGNORE_FAILED_ENTRIES = Variant(ingest=_ignore_failed_entries)
PUBLISH_WITHOUT_LEASE = Variant(alert=_publish_without_lease)
