"""The adapters on dictionaries, for storms too big for a simulated DynamoDB; the logic above them is the real one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from lambdas.alert import outbox
from lambdas.alert.budget import EmailBudget
from lambdas.alert.delivery import Mailer
from lambdas.alert.fairness import source_of_state
from lambdas.alert.ledger import Bookmark, Conflict, Cursor, Ledger, Watched, Work
from lambdas.alert.message import Mail
from lambdas.alert.readings import Device, Found, Readings
from lambdas.alert.records import Record, State


class MemoryLedger(Ledger):
    """The ledger without DynamoDB: the same conditional writes and walks, on a dictionary."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.set_aside = []

    def get(self, key: str, *, blank: State) -> Record:
        return self.records.get(key) or Record(key=key, state=blank)

    def put(self, record: Record, *, now: datetime) -> Record:
        if self.get(record.key, blank=record.state).version != record.version:
            raise Conflict(record.key)
        self.records[record.key] = stored = replace(record, version=record.version + 1)
        return stored

    def walk(self, work: Work, *, now: datetime, **_: Any) -> Iterator[tuple[Record, Cursor]]:
        for record in list(self.records.values()):
            unsent = outbox.due_at(record)
            due = unsent or record.state.watched_since
            if due is not None and due <= now and (work == "send") == (unsent is not None):
                yield record, Cursor(shard=0)

    def watched(self, *, now: datetime, **_: Any) -> Iterator[tuple[Watched, Cursor]]:
        for record, cursor in self.walk("watch", now=now):
            yield Watched(key=record.key, source=source_of_state(record.state), record=record), cursor

    def bookmark(self, name: str) -> Bookmark:
        return Bookmark(name=name)


class MemoryBudget(EmailBudget):
    """The budget without DynamoDB."""

    def __init__(self) -> None:
        self.taken: Counter[datetime] = Counter()

    def take(self, now: datetime, **_: Any) -> bool:
        minute = now.replace(second=0, microsecond=0)
        self.taken[minute] += 1
        return self.taken[minute] <= 30


class Outbox(Mailer):
    """The topic without SNS."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def publish(self, mail: Mail) -> str:
        self.mails.append(mail)
        return str(len(self.mails))


class Nothing(Readings):
    """A readings table in which nothing comes after the breach."""

    def __init__(self) -> None: ...

    def newest(self, *_: Any, **__: Any) -> Found:
        return Found()

    def devices(self, **_: Any) -> Iterator[tuple[Device, Cursor]]:
        return iter(())
