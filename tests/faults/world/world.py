"""Everything that outlives a worker: the clock, the objects, the tables, the bus, the inbox, the queues with an alarm.

The checker reads this and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests import deployed
from tests.faults.world.expressions import Item
from tests.faults.world.scenario import START, Record, Scenario
from tests.faults.world.tables import Table

BUCKET = "landing"
# What a schedule does at a call without harming it.
NO_FAULTS = ("switch", "operator", "acknowledged", "closed")
READINGS, ALERTS = deployed.table("Readings"), deployed.table("Alerts")


@dataclass
class Clock:
    """Moves only in `sleep` and `until`."""

    now: datetime = START

    def shifted(self, ahead_s: float) -> Callable[[], datetime]:
        """Return this clock as seen by a machine with a clock so many seconds ahead."""
        return lambda: self.now + timedelta(seconds=ahead_s)

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
    records: tuple[Record, ...]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What SNS accepted: by which call of which invocation, and when."""

    call: int
    invocation: int
    message_id: str
    subject: str
    body: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Call:
    """One try of one API call: `entries` of a batch, `alone` unless another invocation ran beside it.

    `operated`: a person may act before it.
    """

    operation: str
    invocation: int
    entries: int
    alone: bool
    fault: str | None
    operated: bool = False


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An invocation that a service made `at` a time, and how it ended (`failed`: what the function raised)."""

    invocation: int
    function: str
    event: dict[str, Any]
    attempt: int
    failed: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class HandWrite:
    """An alert that a person has acknowledged or closed, and when."""

    deed: str
    key: str
    alert_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that waits in a failure or dead-letter queue, which has an alarm."""

    queue: str
    event: dict[str, Any]


@dataclass
class World:
    """The state of one schedule's AWS. `refused` are the requests that AWS refuses as invalid.

    `marks` are the ledger items as written, each with the number of its call, `by_hand` what a person wrote there.
    `changes_made` counts the operators' changes.
    """

    scenario: Scenario
    clock: Clock = field(default_factory=Clock)
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)
    readings: Table = field(default_factory=lambda: Table.of(READINGS))
    alerts: Table = field(default_factory=lambda: Table.of(ALERTS))
    bus: list[dict[str, Any]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    marks: list[tuple[int, Item]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    by_hand: list[HandWrite] = field(default_factory=list)
    changes_made: int = 0

    def __post_init__(self) -> None:
        for item in self.scenario.unreadable:
            self.alerts.put(item)

    def operate(self) -> None:
        """Make the next change of an operator, if one is left."""
        if self.changes_made < len(self.scenario.operator):
            item = self.scenario.operator[self.changes_made][1]
            self.changes_made += 1
            self.alerts.put(item)
            self.marks.append((self.call, item))

    def table(self, name: str) -> Table:
        """Return a table. Raises KeyError."""
        return {READINGS["TableName"]: self.readings, ALERTS["TableName"]: self.alerts}[name]

    @property
    def documents(self) -> list[str]:
        """Return the thresholds of the start and those that replace them, in their order."""
        return [self.scenario.thresholds, *(text for _, text in self.scenario.changes)]

    @property
    def thresholds_in_force(self) -> str:
        """Return the document that the parameter holds now."""
        passed = (self.clock.now - START).total_seconds()
        return self.documents[sum(after_s <= passed for after_s, _ in self.scenario.changes)]

    @property
    def call(self) -> int:
        """Return the number of the call that is under way, from 1 on."""
        return len(self.calls)

    @property
    def faults(self) -> dict[int, set[int]]:
        """Return the numbers of the calls that were made to fail, by invocation."""
        found: dict[int, set[int]] = {}
        for number, call in enumerate(self.calls, 1):
            if call.fault is not None and call.fault not in NO_FAULTS:
                found.setdefault(call.invocation, set()).add(number)
        return found
