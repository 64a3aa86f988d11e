"""What happens every minute: send what is left, one digest, look after open alerts, look for silent devices.

Each part stops when its share of the time is spent; sources take turns, and what comes first changes with the minute.
One record that fails does not hold up the others: the sweep goes on, and raises the first error at its end, that of one
record once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from lambdas.alert import lifecycle, outbox, silence
from lambdas.alert.delivery import Delivery
from lambdas.alert.digest import Digests, in_order
from lambdas.alert.fairness import round_robin, turn
from lambdas.alert.ledger import Cursor, Ledger, Watched, silence_key
from lambdas.alert.readings import Device, Readings
from lambdas.alert.records import Decision, Digest, Message, MetricState, Observation, Record, Silence
from lambdas.shared.logs import log
from lambdas.shared.retrying import OutOfTimeError
from lambdas.shared.threshold_source import ThresholdSource, ThresholdsUnavailableError
from lambdas.shared.times import timestamp

# Shares of the time there is at the start, at whose end each part stops.
_SEND, _WATCH, _SILENCE = 0.40, 0.75, 0.90
# Errors of AWS in one part after which its rest waits for the next tick: something is out of order that all need. A
# record's own fault does not count: three that one device has poisoned must not stop those of the others.
_MOST_OUTAGES = 3
# Error codes that blame the request, so the record it was made of (DynamoDB API Reference, "Common errors"; SNS API
# Reference, "Publish").
_BLAMES_REQUEST = ("ValidationException", "ValidationError", "InvalidParameter", "ParameterValueInvalid")
# Waiting messages held in memory: those that come first in a digest.
_MOST_WAITING = 5_000
# Keys of running alerts, and of devices, that a tick reads to take turns among; with more of them, the next tick reads
# on from there.
_MOST_READ = 25_000


# What is looked at in turn.
W = TypeVar("W", Watched, Device)


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
        self._source = thresholds
        self._clock = clock
        self._time_left = time_left
        self._time = time_left()
        self._counts = counts
        self._failures: list[Exception] = []
        self._outages = 0
        self._silent: set[str] = set()
        self._pending: dict[str, dict[str, MetricState]] = {}

    def run(self) -> None:
        """Do all parts; count e-mails under `emails_sent` and decisions by their word. Raises the first failure."""
        self._try("send", self._send)
        self._try("thresholds", self._judge)
        self._failures += self._ledger.set_aside
        if self._failures:
            raise self._failures[0]

    def _judge(self) -> None:
        """End alerts and find silent devices, by no other rules than those that are in force."""
        self._thresholds = self._source.current(time_left=self._time_left)
        if self._source.makeshift:
            log("WARNING", "sweep ends no alert until the thresholds are mended", problem=self._source.problem)
            return
        self._try("watch", self._watch)
        self._try("silence", self._look_for_silence)

    def _send(self) -> None:
        """Send messages whose lease has run out, finish digests, and make one of what waits."""
        waiting: list[tuple[Record, Message]] = []
        outages = self._outages
        for record, _ in self._ledger.walk("send", now=self._clock()):
            if self._spent(_SEND) or self._outages - outages >= _MOST_OUTAGES:
                break
            waiting += [(record, message) for message in outbox.waiting(record)]
            if len(waiting) >= 2 * _MOST_WAITING:
                waiting = in_order(waiting)[:_MOST_WAITING]
            if isinstance(record.state, Digest):
                self._try(record.key, partial(self._resume, record))
            elif outbox.to_send(record, now=self._clock()):
                self._try(record.key, partial(self._transition, record, _as_it_is))
        if len(waiting) == 1:
            ((record, _),) = waiting
            self._try(record.key, partial(self._transition, record, _as_it_is, pending=True))
        elif waiting:
            self._try("digest", partial(self._digest, in_order(waiting)))

    def _resume(self, record: Record) -> None:
        self._counts["emails_sent"] += self._digests.resume(record)

    def _digest(self, waiting: list[tuple[Record, Message]]) -> None:
        self._counts["emails_sent"] += self._digests.make(waiting)

    def _watch(self) -> None:
        """Look at the newest reading behind every running alert, and behind every silent device."""
        outages = self._outages
        now = self._clock()
        for watched in self._in_turn("watch", lambda after: self._ledger.watched(now=now, after=after)):
            if self._spent(_WATCH) or self._outages - outages >= _MOST_OUTAGES:
                log("INFO", "sweep leaves open alerts to the next ticks")
                return
            self._counts["watched"] += 1
            self._try(watched.key, partial(self._look_after_or_at, watched))

    def _in_turn(self, name: str, walk: Callable[[Cursor | None], Iterator[tuple[W, Cursor]]]) -> list[W]:
        """Read what there is to look at, and return it with the first of each source before the second of any.

        Within a source the order begins elsewhere at every tick, so that each gets its turn though time runs out.
        """
        bookmark = self._ledger.bookmark(name)
        read = list(islice(walk(bookmark.at), _MOST_READ))
        position = read[-1][1] if len(read) == _MOST_READ else None
        if position is not None or bookmark.at is not None:
            self._ledger.move(bookmark, position, now=self._clock())
        now = self._clock()
        ordered = sorted((due for due, _ in read), key=lambda due: turn(due.key, now=now))
        return round_robin(ordered, source=lambda due: due.source)

    def _look_after_or_at(self, watched: Watched) -> None:
        record = self._ledger.read(watched)
        if isinstance(record.state, MetricState):
            self._look_after(record, record.state)
        elif isinstance(record.state, Silence):
            self._silent.add(record.state.device_id)
            self._look_at(record, Device(key=record.state.device_id, source=record.state.source or ""))

    def _look_after(self, record: Record, state: MetricState) -> None:
        rule = self._thresholds.rule_for(state.device_id, state.metric)
        if state.alert is None or (rule is None and self._source.problem is not None):
            return
        now = self._clock()
        latest = self._newest(record.key, state, after=state.alert.last_at, now=now)
        first_clear = None
        if latest is not None and rule is not None and state.alert.phase == "open" and rule.is_clear(latest.value):
            first_clear = self._readings.first_clear(
                state.device_id,
                state.metric,
                after=state.alert.last_at,
                through=latest.at,
                is_clear=rule.is_clear,
            )

        def decide(state: MetricState, now: datetime) -> Decision[MetricState]:
            decision = lifecycle.on_tick(state, latest=latest, first_clear=first_clear, rule=rule, now=now)
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

    def _newest(self, key: str, state: MetricState, *, after: datetime, now: datetime) -> Observation | None:
        """Return the metric's newest reading behind the last breach; a rare one may take several ticks to be found.

        Where the readings at the top lack it, a walk looks through those behind them, tick by tick to the last one and
        then from the top again, since readings may be uploaded out of order.
        """
        found = self._readings.newest(state.device_id, state.metric, after=after, now=now)
        if found.observation is not None or found.rest is None:
            return found.observation
        bookmark = self._ledger.bookmark(f"metric#{key}")
        resumed = bookmark.at.after if bookmark.at is not None else None
        behind = resumed if resumed is not None and timestamp(after) < resumed < found.rest else found.rest
        found = self._readings.newest_behind(state.device_id, state.metric, after=after, behind=behind)
        position = Cursor(shard=0, after=found.rest) if found.rest is not None else None
        self._ledger.move(bookmark, position, now=now)
        return found.observation

    def _look_for_silence(self) -> None:
        """Look at the last reading of every device that ingest has registered and that must not be silent."""
        outages = self._outages
        for device in self._in_turn("devices", lambda after: self._readings.devices(after=after)):
            if self._spent(_SILENCE) or self._outages - outages >= _MOST_OUTAGES:
                log("INFO", "sweep leaves devices to the next ticks")
                return
            if device.key not in self._silent and self._thresholds.silent_after(device.key) is not None:
                self._try(device.key, partial(self._look_at, silence_key(device.key), device))

    def _look_at(self, record: Record | str, device: Device) -> None:
        """Compare a device's last reading with how long it may be silent; one that reports costs one read."""
        now = self._clock()
        limit = self._thresholds.silent_after(device.key)
        last_seen = self._readings.last_upload(device.key, now=now)
        silent = last_seen is not None and limit is not None and silence.is_silent(last_seen, limit=limit, now=now)
        if isinstance(record, str) and not silent:
            return
        pending = tuple(self._pending.get(device.key, {}).values())
        self._transition(
            record,
            lambda state, now: silence.on_look(state, last_seen=last_seen, limit=limit, now=now, pending=pending),
            blank=Silence(device_id=device.key, source=device.source or None),
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
        """Keep an error to raise: an outage always, a record's own fault once an hour."""
        outage, again = _is_outage(error), False
        if not outage:
            self._counts["records_failed"] += 1
            try:
                again = not self._ledger.first_report(key, now=self._clock())
            except Exception as other:
                error, outage = other, True
        self._outages += outage
        log("WARNING" if again else "ERROR", "sweep could not handle one record", key=key, error=repr(error))
        if not again:
            self._failures.append(error)

    def _spent(self, share: float) -> bool:
        return self._time_left() < self._time * (1 - share)


def _as_it_is(state: Any, _now: datetime) -> Decision[Any]:
    return Decision(state=state, outcome="unchanged")


def _is_outage(error: Exception) -> bool:
    """Return whether an error is AWS's or the network's, so that other records would meet it too."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] not in _BLAMES_REQUEST
    if isinstance(error, (ThresholdsUnavailableError, OutOfTimeError)):
        return True
    return isinstance(error, (BotoCoreError, OSError)) and not isinstance(error, ParamValidationError)
