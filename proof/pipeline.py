"""What AWS does around the functions: notifications, the rule, retries, failure queues, and the sweep of each minute.

A calendar of things that fall due, played on the world's clock. Where AWS waits a time nobody knows, a plain one is
taken: an event reaches its function after half a second; a failed one comes again after one minute and two (Lambda
Developer Guide, "Error handling for asynchronous invocation"), then goes to the failure queue. The rule never fails to
start alert: what it cannot deliver in a day goes to its own dead-letter queue, and no code of ours has a part in that.
"""

from __future__ import annotations

import heapq
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from proof.faults import Order, Plan
from proof.functions import Functions
from proof.world import BUCKET, START, Delivery, Object, Parked, World

QUEUES = {"ingest": "ingest failures", "alert": "alert failures", "sweep": "alert failures"}
_SWEEP = {"version": "0", "sweep": True}
ATTEMPTS = 3
_RETRY_AFTER = (60.0, 120.0)
# When the second and third copy of one event come: at once, and after a sweep has looked.
COPIES_AFTER = (0.0, 0.3, 75.0)
_MINUTE = timedelta(minutes=1)
# Sweeps after the last event within which everything must be settled.
_MOST_SWEEPS = 12
# After so many sweeps that nothing preceded, those until the next event are left out: they find what the last ones did.
_IDLE_SWEEPS = 2
# How many events, and how many sweeps, get a sweep beside them: a sweep is many calls.
_BESIDE = 2


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An object that somebody puts into the bucket, so many seconds after the start."""

    key: str
    body: bytes
    after_s: float = 0.0


@dataclass(order=True)
class _Due:
    """An invocation to come; `number` breaks ties."""

    at: datetime
    number: int
    function: str = field(compare=False)
    event: dict[str, Any] = field(compare=False)
    attempt: int = field(compare=False, default=1)


class Pipeline:
    """Plays uploads through the functions until nothing is due and nothing waits."""

    def __init__(
        self, world: World, functions: Functions, plan: Plan, *, copies_after: Sequence[float] = COPIES_AFTER
    ) -> None:
        self._world = world
        self._functions = functions
        self._plan = plan
        self._copies_after = copies_after
        self._due: list[_Due] = []
        self._numbers = 0
        self._told = 0
        self._beside: Counter[str] = Counter()
        self._next_sweep = START.replace(second=0) + _MINUTE

    def run(self, uploads: Sequence[Upload]) -> None:
        """Upload, deliver, sweep. What does not settle is left as it is, for the checker to find."""
        self._upload(uploads)
        sweeps = idle = 0
        while self._events_due() or sweeps == 0 or ((self._due or self._waits()) and sweeps < _MOST_SWEEPS):
            if self._due and self._due[0].at < self._next_sweep:
                idle = 0
                sweeps *= self._step() == "sweep"
            else:
                sweeps += not self._events_due()
                idle += 1
                self._sweep()
                if self._due and idle >= _IDLE_SWEEPS and not self._waits():
                    self._next_sweep = max(self._next_sweep, self._due[0].at.replace(second=0, microsecond=0))
            self._tell()

    def _upload(self, uploads: Sequence[Upload]) -> None:
        for number, upload in enumerate(uploads, 1):
            at = START + timedelta(seconds=upload.after_s)
            stored = Object(key=upload.key, version=f"v{number}", body=upload.body, at=at)
            self._world.objects[stored.key, stored.version] = stored
        told = [(stored.at, _notification(stored)) for stored in self._world.objects.values()]
        self._deliver("ingest", told, copies=self._plan.uploads)

    def _tell(self) -> None:
        """Hand what is new on the bus to the rule, whose target is alert."""
        now = self._world.clock.now
        told = [
            (now + timedelta(seconds=0.5 + place / 100), _event(entry, number=self._told + place + 1, at=now))
            for place, entry in enumerate(self._world.bus[self._told :])
        ]
        self._deliver("alert", told, copies=self._plan.events)
        self._told = len(self._world.bus)

    def _deliver(self, function: str, told: list[tuple[datetime, dict[str, Any]]], *, copies: int) -> None:
        """Plan in each event as often as the plan wants; its order decides which of them gets which time."""
        every = [(at + timedelta(seconds=after), event) for after in self._copies_after[:copies] for at, event in told]
        every.sort(key=lambda each: each[0])
        for (at, _), (_, event) in zip(every, _ordered(every, self._plan.order), strict=True):
            self._plan_in(_Due(at, 0, function, event))

    def _plan_in(self, due: _Due) -> None:
        self._numbers += 1
        due.number = self._numbers
        heapq.heappush(self._due, due)

    def _step(self) -> str:
        """Invoke what falls due next, and return which function that was."""
        works = [heapq.heappop(self._due)]
        if works[0].function == "alert" and self._plan.beside != "alone":
            works += self._second()
        self._world.clock.until(works[0].at)
        self._invoke(works)
        return works[0].function

    def _second(self) -> list[_Due]:
        """Return what runs beside an alert invocation: the next one, however much later it would come, or a sweep."""
        if self._plan.beside == "swept":
            return self._sweep_beside("alert")
        later = [due for due in self._due if due.function == "alert"]
        if not later:
            return []
        second = min(later)
        self._due.remove(second)
        heapq.heapify(self._due)
        return [second]

    def _sweep_beside(self, what: str) -> list[_Due]:
        self._beside[what] += 1
        return [_Due(self._world.clock.now, 0, "sweep", _SWEEP)] if self._beside[what] <= _BESIDE else []

    def _sweep(self) -> None:
        """Sweep. The scheduler starts each at least once, so the first ones of a `swept` plan come twice."""
        self._world.clock.until(self._next_sweep)
        self._next_sweep = max(self._next_sweep, self._world.clock.now) + _MINUTE
        works = [_Due(self._world.clock.now, 0, "sweep", _SWEEP)]
        if self._plan.beside == "swept":
            works += self._sweep_beside("sweep")
        self._invoke(works)

    def _invoke(self, works: list[_Due]) -> None:
        named = [("ingest" if work.function == "ingest" else "alert", work.event) for work in works]
        for work, (invocation, failed) in zip(works, self._functions.run(named), strict=True):
            self._world.deliveries.append(
                Delivery(
                    invocation=invocation.number,
                    function=work.function,
                    event=work.event,
                    attempt=work.attempt,
                    failed=failed,
                )
            )
            # Sweeps too: the scheduler invokes asynchronously, so Lambda tries them again beside the next ones.
            if failed is not None:
                self._again(work)

    def _again(self, work: _Due) -> None:
        if work.attempt == ATTEMPTS:
            self._world.parked.append(Parked(queue=QUEUES[work.function], event=work.event))
            return
        at = self._world.clock.now + timedelta(seconds=_RETRY_AFTER[work.attempt - 1])
        self._plan_in(_Due(at, 0, work.function, work.event, work.attempt + 1))

    def _events_due(self) -> bool:
        return any(due.function != "sweep" for due in self._due)

    def _waits(self) -> bool:
        """Tell whether the ledger holds messages that a sweep has still to send."""
        return any(
            item.get("work", {"S": ""})["S"].startswith("send#") and key not in self._world.unreadable
            for (key,), item in self._world.alerts.rows.items()
        )


def _ordered(every: list[tuple[datetime, dict[str, Any]]], order: Order) -> list[tuple[datetime, dict[str, Any]]]:
    if order == "reversed":
        return every[::-1]
    chance = random.Random(order)  # noqa: S311 - the same order every time
    return every if order == "inorder" else chance.sample(every, len(every))


def _notification(stored: Object) -> dict[str, Any]:
    """Return what S3 tells (Amazon S3 User Guide, "Event message structure")."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventTime": stored.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": BUCKET},
                    "object": {"key": quote_plus(stored.key), "size": len(stored.body), "versionId": stored.version},
                },
            }
        ]
    }


def _event(entry: dict[str, Any], *, number: int, at: datetime) -> dict[str, Any]:
    """Return what the rule hands to its target (EventBridge User Guide, "AWS service event metadata")."""
    return {
        "version": "0",
        "id": f"event-{number}",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": entry["Resources"],
        "detail": json.loads(entry["Detail"]),
    }
