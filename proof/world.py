"""Everything that outlives a worker: the clock, the objects, the tables, the bus, the inbox, the queues with an alarm.

The checker reads this and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from proof.expressions import Item
from proof.tables import Table

BUCKET, READINGS, ALERTS, BUS = "proof-landing", "readings", "alerts", "proof"
TOPIC = "arn:aws:sns:us-east-1:111122223333:proof"
PARAMETER = "/proof/thresholds"
START = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)


@dataclass
class Clock:
    """Moves only when somebody moves it; sleeping is moving it."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def seconds(self) -> float:
        """Return the time in seconds, as a monotonic clock would."""
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def until(self, at: datetime) -> None:
        """Let time pass up to `at`, if that is still to come."""
        self.now = max(self.now, at)


@dataclass(frozen=True, kw_only=True)
class Object:
    """One version of an uploaded object."""

    key: str
    version: str
    body: bytes
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What SNS accepted: by which call of which invocation, and when."""

    call: int
    invocation: int
    message_id: str
    subject: str
    body: str
    attributes: dict[str, str]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Call:
    """One try of one API call: `entries` of a batch, `alone` unless another invocation ran beside it."""

    operation: str
    invocation: int
    entries: int
    alone: bool
    fault: str | None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An invocation that a service made, and how it ended (`failed`: what the function raised)."""

    invocation: int
    function: str
    event: dict[str, Any]
    attempt: int
    failed: str | None


@dataclass(frozen=True, kw_only=True)
class Parked:
    """An event that waits in a failure or dead-letter queue, on which an alarm stands."""

    queue: str
    event: dict[str, Any]


@dataclass(kw_only=True)
class World:
    """The state of one schedule's AWS. `marks` are the ledger items as written, each with the number of its call.

    `thresholds` are those at the start, `changes` what replaces them (seconds from the start, document). `takes` is how
    many items of a batch the readings table takes at a time, `budget` the e-mails a minute. `unreadable` are the keys
    of ledger items that nobody can read, `refused` the requests that AWS refuses as invalid.
    """

    thresholds: str
    changes: tuple[tuple[float, str], ...] = ()
    unreadable: frozenset[str] = frozenset()
    refused: list[str] = field(default_factory=list)
    takes: int = 25
    budget: int = 30
    clock: Clock = field(default_factory=Clock)
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)
    readings: Table = field(default_factory=lambda: Table(key=("device_id", "reading_id")))
    alerts: Table = field(default_factory=lambda: Table(key=("alert_key",), indexes={"work": ("work", "due_at")}))
    bus: list[dict[str, Any]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    marks: list[tuple[int, Item]] = field(default_factory=list)

    def table(self, name: str) -> Table:
        """Return a table. Raises KeyError."""
        return {READINGS: self.readings, ALERTS: self.alerts}[name]

    @property
    def thresholds_in_force(self) -> str:
        """Return the document that the parameter holds now."""
        passed = (self.clock.now - START).total_seconds()
        return [self.thresholds, *(text for after_s, text in self.changes if after_s <= passed)][-1]

    @property
    def call(self) -> int:
        """Return the number of the call that is under way, from 1 on."""
        return len(self.calls)

    @property
    def faults(self) -> dict[int, set[int]]:
        """Return the numbers of the calls that were made to fail, by invocation."""
        found: dict[int, set[int]] = {}
        for number, call in enumerate(self.calls, 1):
            if call.fault is not None and call.fault != "switch":
                found.setdefault(call.invocation, set()).add(number)
        return found
