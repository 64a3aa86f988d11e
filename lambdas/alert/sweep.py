"""What happens every minute: send what is left, one digest, look after open alerts, look for silent devices.

Each part stops when its share of the time is spent and goes on there at the next tick. One record that fails does not
hold up the others: the sweep goes on, and raises the first error at its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from lambdas.alert import lifecycle, outbox, silence
from lambdas.alert.delivery import Delivery
from lambdas.alert.digest import Digests
from lambdas.alert.ledger import Ledger, silence_key
from lambdas.alert.message import urgency
from lambdas.alert.readings import Readings
from lambdas.alert.records import Decision, Digest, Message, MetricState, Record, Silence
from lambdas.shared.logs import log
from lambdas.shared.threshold_source import ThresholdSource

# Shares of the time there is at the start, at whose end each part stops.
_SEND, _WATCH, _SILENCE = 0.40, 0.75, 0.90
# Errors in one part after which its rest waits for the next tick: something is out of order that all of them need.
_MOST_FAILURES = 3
# Waiting messages held in memory to choose the worst from.
_MOST_WAITING = 5_000


class Sweep:
    """One tick. `time_left` tells the seconds until the function is stopped."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        readings: Readings,
        delivery: Delivery,
        digests: Digests,
        thresholds: ThresholdSource,
        clock: Callable[[], datetime],
        time_left: Callable[[], float],
        counts: Counter[str],
    ) -> None:
        self._ledger = ledger
        self._readings = readings
        self._delivery = delivery
        self._digests = digests
        self._thresholds = thresholds
        self._clock = clock
        self._time_left = time_left
        self._time = time_left()
        self._counts = counts
        self._failures: list[Exception] = []
        self._silent: set[str] = set()
        self._pending: dict[str, dict[str, MetricState]] = {}

    def run(self) -> None:
        """Do all parts; count e-mails under `emails_sent` and decisions by their word. Raises the first failure."""
        self._thresholds.current()  # so that a bad document is noticed within a minute, alerts or none
        self._send()
        self._watch()
        self._look_for_silence()
        if self._failures:
            raise self._failures[0]

    def _send(self) -> None:
        """Send messages whose lease has run out, finish digests, and make one of what waits, the worst first."""
        waiting: list[tuple[Record, Message]] = []
        failed = len(self._failures)
        for record, _ in self._ledger.walk("send", now=self._clock(), unreadable=self._failed):
            if self._spent(_SEND) or len(self._failures) - failed >= _MOST_FAILURES:
                break
            if len(waiting) < _MOST_WAITING:
                waiting += [(record, message) for message in outbox.waiting(record)]
            if isinstance(record.state, Digest):
                self._try(record.key, partial(self._resume, record))
            elif outbox.to_send(record, now=self._clock()):
                self._try(record.key, partial(self._transition, record, _as_it_is))
        if len(waiting) == 1:
            ((record, _),) = waiting
            self._try(record.key, partial(self._transition, record, _as_it_is, pending=True))
        elif waiting:
            waiting.sort(key=lambda pair: urgency(pair[1].notice), reverse=True)
            self._try("digest", partial(self._digest, waiting))

    def _resume(self, record: Record) -> None:
        self._counts["emails_sent"] += self._digests.resume(record)

    def _digest(self, waiting: list[tuple[Record, Message]]) -> None:
        self._counts["emails_sent"] += self._digests.make(waiting)

    def _watch(self) -> None:
        """Look at the newest reading behind every running alert, and behind every silent device."""
        start = done = self._ledger.cursor("watch")
        failed = len(self._failures)
        walk = self._ledger.walk("watch", now=self._clock(), unreadable=self._failed, after=start)
        for record, position in walk:
            if self._spent(_WATCH) or len(self._failures) - failed >= _MOST_FAILURES:
                self._ledger.save_cursor("watch", done)
                log("INFO", "sweep goes on with the open alerts at the next tick", shard=position.shard)
                return
            done = position
            self._counts["watched"] += 1
            if isinstance(record.state, MetricState):
                self._try(record.key, partial(self._look_after, record, record.state))
            elif isinstance(record.state, Silence):
                self._silent.add(record.state.device_id)
                self._try(record.key, partial(self._look_at, record, record.state.device_id))
        if start is not None:
            self._ledger.save_cursor("watch", None)

    def _look_after(self, record: Record, state: MetricState) -> None:
        rule = self._thresholds.current().rule_for(state.device_id, state.metric)
        if state.alert is None or (rule is None and self._thresholds.problem is not None):
            return
        now = self._clock()
        latest = self._readings.newest(state.device_id, state.metric, after=state.alert.last_at, now=now)

        def decide(state: MetricState, now: datetime) -> Decision[MetricState]:
            decision = lifecycle.on_tick(state, latest=latest, rule=rule, now=now)
            self._note_pending(decision.state)
            return decision

        self._transition(record, decide)

    def _note_pending(self, state: MetricState) -> None:
        """Keep what waits out a `for`, so that the e-mail says so if its device turns out to be silent."""
        pending = self._pending.setdefault(state.device_id, {})
        if state.status == "pending":
            pending[state.metric] = state
        else:
            pending.pop(state.metric, None)

    def _look_for_silence(self) -> None:
        """Look at the last reading of every device that ingest has registered and that must not be silent."""
        start = done = self._ledger.cursor("devices")
        failed = len(self._failures)
        for device_id, position in self._readings.devices(after=start):
            if self._spent(_SILENCE) or len(self._failures) - failed >= _MOST_FAILURES:
                self._ledger.save_cursor("devices", done)
                log("INFO", "sweep goes on with the devices at the next tick", shard=position.shard)
                return
            done = position
            if device_id not in self._silent and self._thresholds.current().silent_after(device_id) is not None:
                self._try(device_id, partial(self._look_at, silence_key(device_id), device_id))
        if start is not None:
            self._ledger.save_cursor("devices", None)

    def _look_at(self, record: Record | str, device_id: str) -> None:
        """Compare a device's last reading with how long it may be silent; one that reports costs one read."""
        now = self._clock()
        limit = self._thresholds.current().silent_after(device_id)
        last_seen = self._readings.last_seen(device_id, now=now)
        if last_seen is None:
            return
        if isinstance(record, str) and (limit is None or not silence.is_silent(last_seen, limit=limit, now=now)):
            return
        pending = tuple(self._pending.get(device_id, {}).values())
        self._transition(
            record,
            lambda state, now: silence.on_look(state, last_seen=last_seen, limit=limit, now=now, pending=pending),
            blank=Silence(device_id=device_id),
        )

    def _transition(self, record: Record | str, decide: Any, *, blank: Any = None, pending: bool = False) -> None:
        outcome = self._delivery.transition(record, decide, blank=blank, pending=pending)
        self._counts[outcome.word] += 1
        self._counts["emails_deferred"] += outcome.deferred
        if outcome.word != "unchanged":
            log("INFO", "decided", outcome=outcome.word, key=outcome.record.key, deferred=outcome.deferred)
        self._counts["emails_sent"] += self._delivery.send(outcome)

    def _try(self, key: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            self._failed(key, error)

    def _failed(self, key: str, error: Exception) -> None:
        log("ERROR", "sweep could not handle one record", key=key, error=repr(error))
        self._failures.append(error)

    def _spent(self, share: float) -> bool:
        return self._time_left() < self._time * (1 - share)


def _as_it_is(state: Any, _now: datetime) -> Decision[Any]:
    return Decision(state=state, outcome="unchanged")
