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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from tests import deployed
from tests.faults.schedule import Order, Plan
from tests.faults.world.functions import Functions
from tests.faults.world.scenario import START
from tests.faults.world.world import BUCKET, DeadLetter, Delivery, Object, World

_FUNCTIONS = {"ingest": "ingest", "alert": "alert", "sweep": "alert"}
ATTEMPTS = {name: deployed.attempts(function.title()) for name, function in _FUNCTIONS.items()}
_SWEEP = {"version": "0", "sweep": True}
_RETRY_AFTER = (60.0, 120.0)
_MINUTE = timedelta(minutes=1)
# Sweeps after the last event within which everything must be sent.
_MOST_SWEEPS = 12
# After so many sweeps that nothing preceded, those until the next event are left out: they find what the last ones did.
_IDLE_SWEEPS = 2
# How many events, and how many sweeps, get a sweep beside them: a sweep is many calls.
_BESIDE = 2

Event = dict[str, Any]


@dataclass(order=True)
class _Due:
    """An invocation to come; `number` breaks ties."""

    at: datetime
    number: int
    function: str = field(compare=False)
    event: Event = field(compare=False)
    attempt: int = field(compare=False, default=1)


class Pipeline:
    """Plays a scenario's uploads through the functions until nothing is due and nothing waits."""

    def __init__(self, world: World, functions: Functions, plan: Plan) -> None:
        self._world = world
        self._functions = functions
        self._plan = plan
        self._due: list[_Due] = []
        self._numbers = 0
        self._delivered = 0
        self._beside: Counter[str] = Counter()
        self._next_sweep = START.replace(second=0) + _MINUTE

    def run(self) -> None:
        """Upload, deliver, sweep. What is not finished then is left as it is, for the checker to find."""
        self._upload()
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
            self._deliver_events()

    def _upload(self) -> None:
        notifications = []
        for number, upload in enumerate(self._world.scenario.uploads, 1):
            at = START + timedelta(seconds=upload.after_s)
            stored = Object(key=upload.key, version=f"v{number}", body=upload.body, records=upload.records, at=at)
            self._world.objects[stored.key, stored.version] = stored
            notifications.append((at, _notification(stored)))
        self._deliver("ingest", notifications, copies=self._plan.uploads)
        for number, (after_s, _) in enumerate(self._world.scenario.operator):
            self._plan_in(_Due(START + timedelta(seconds=after_s), 0, "operator", {"number": number}))

    def _deliver_events(self) -> None:
        """Hand what is new on the bus to the rule, whose target is alert."""
        now, first = self._world.clock.now, self._delivered
        self._delivered = len(self._world.bus)
        events = [
            (now + timedelta(seconds=0.5 + place / 100), _event(entry, number=first + place + 1, at=now))
            for place, entry in enumerate(self._world.bus[first:])
        ]
        self._deliver("alert", events, copies=self._plan.events)

    def _deliver(self, function: str, events: list[tuple[datetime, Event]], *, copies: int) -> None:
        """Plan in each event as often as the plan wants; its order decides which of them gets which time."""
        after = self._world.scenario.copies_after[:copies]
        every = [(at + timedelta(seconds=seconds), event) for seconds in after for at, event in events]
        every.sort(key=lambda timed: timed[0])
        for (at, _), (_, event) in zip(every, _ordered(every, self._plan.order), strict=True):
            self._plan_in(_Due(at, 0, function, event))

    def _plan_in(self, due: _Due) -> None:
        self._numbers += 1
        due.number = self._numbers
        heapq.heappush(self._due, due)

    def _step(self) -> str:
        """Invoke what falls due next, and return which function that was; an operator's change is none."""
        works = [heapq.heappop(self._due)]
        if works[0].function == "operator":
            self._world.clock.until(works[0].at)
            if self._world.changes_made == works[0].event["number"]:
                self._world.operate()
            return "operator"
        if works[0].function == "alert" and self._plan.beside != "alone":
            works += self._second()
        self._world.clock.until(works[0].at)
        self._invoke(works)
        return works[0].function

    def _second(self) -> list[_Due]:
        """Return what runs beside an alert invocation: the next one, however much later it would come, or a sweep."""
        if self._plan.beside == "swept":
            return self._sweep_beside("alert")
        second = min((due for due in self._due if due.function == "alert"), default=None)
        if second is None:
            return []
        self._due.remove(second)
        heapq.heapify(self._due)
        return [second]

    def _sweep_beside(self, what: str) -> list[_Due]:
        self._beside[what] += 1
        return [self._sweep_now()] if self._beside[what] <= _BESIDE else []

    def _sweep_now(self) -> _Due:
        return _Due(self._world.clock.now, 0, "sweep", _SWEEP)

    def _sweep(self) -> None:
        """Sweep. The scheduler starts each at least once, so the first ones of a `swept` plan come twice."""
        self._world.clock.until(self._next_sweep)
        self._next_sweep = max(self._next_sweep, self._world.clock.now) + _MINUTE
        self._invoke([self._sweep_now(), *(self._sweep_beside("sweep") if self._plan.beside == "swept" else ())])

    def _invoke(self, works: list[_Due]) -> None:
        at = self._world.clock.now
        runs = self._functions.run([(_FUNCTIONS[work.function], work.event) for work in works])
        for work, (invocation, failed) in zip(works, runs, strict=True):
            self._world.deliveries.append(
                Delivery(
                    invocation=invocation.number,
                    function=work.function,
                    event=work.event,
                    attempt=work.attempt,
                    failed=failed,
                    at=at,
                )
            )
            # Sweeps too: the scheduler invokes asynchronously, so Lambda tries them again beside the next ones.
            if failed is not None:
                self._again(work)

    def _again(self, work: _Due) -> None:
        if work.attempt == ATTEMPTS[work.function]:
            self._world.dead_letters.append(DeadLetter(queue=f"{_FUNCTIONS[work.function]} failures", event=work.event))
            return
        at = self._world.clock.now + timedelta(seconds=_RETRY_AFTER[work.attempt - 1])
        self._plan_in(_Due(at, 0, work.function, work.event, work.attempt + 1))

    def _events_due(self) -> bool:
        return any(due.function != "sweep" for due in self._due)

    def _waits(self) -> bool:
        """Return whether the ledger holds what a sweep has still to send: messages, and what a mute has held back."""
        unreadable = self._world.scenario.unreadable
        return any(
            (item.get("work", {"S": ""})["S"].startswith("send#") or _is_held_back(item)) and item not in unreadable
            for item in self._world.alerts.rows.values()
        )


def _is_held_back(item: dict[str, Any]) -> bool:
    messages = item.get("outbox", {"L": []})["L"]
    return "known" in item.get("alert", {"M": {}})["M"] or any(m["M"]["status"]["S"] == "MUTED" for m in messages)


def _ordered(events: list[tuple[datetime, Event]], order: Order) -> list[tuple[datetime, Event]]:
    if order == "inorder":
        return events
    # A generator of its own: the same order every time.
    return events[::-1] if order == "reversed" else random.Random(order).sample(events, len(events))  # noqa: S311


def _notification(stored: Object) -> Event:
    """Return S3's event (Amazon S3 User Guide, "Event message structure")."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": stored.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": BUCKET},
            "object": {"key": quote_plus(stored.key), "size": len(stored.body), "versionId": stored.version},
        },
    }
    return {"Records": [record]}


def _event(entry: dict[str, Any], *, number: int, at: datetime) -> Event:
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
