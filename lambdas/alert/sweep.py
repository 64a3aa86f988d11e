"""What happens every minute: send what is left, one digest, look after open alerts, look for silent devices.

Each part stops when its share of the time is spent and goes on there at the next tick. One record that fails does not
hold up the others: the sweep goes on, and raises the first error at its end, that of one record once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from lambdas.alert import lifecycle, outbox, silence
from lambdas.alert.delivery import Delivery
from lambdas.alert.digest import Digests
from lambdas.alert.ledger import Cursor, Ledger, silence_key
from lambdas.alert.message import urgency
from lambdas.alert.readings import Readings
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
        """Send messages whose lease has run out, finish digests, and make one of what waits, the worst first."""
        waiting: list[tuple[Record, Message]] = []
        outages = self._outages
        for record, _ in self._ledger.walk("send", now=self._clock()):
            if self._spent(_SEND) or self._outages - outages >= _MOST_OUTAGES:
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
        bookmark = self._ledger.bookmark("watch")
        done = bookmark.at
        outages = self._outages
        walk = self._ledger.walk("watch", now=self._clock(), after=bookmark.at)
        for record, position in walk:
            if self._spent(_WATCH) or self._outages - outages >= _MOST_OUTAGES:
                self._ledger.move(bookmark, done, now=self._clock())
                log("INFO", "sweep goes on with the open alerts at the next tick", shard=position.shard)
                return
            done = position
            self._counts["watched"] += 1
            if isinstance(record.state, MetricState):
                self._try(record.key, partial(self._look_after, record, record.state))
            elif isinstance(record.state, Silence):
                self._silent.add(record.state.device_id)
                self._try(record.key, partial(self._look_at, record, record.state.device_id))
        if bookmark.at is not None:
            self._ledger.move(bookmark, None, now=self._clock())

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
        bookmark = self._ledger.bookmark("devices")
        done = bookmark.at
        outages = self._outages
        for device_id, position in self._readings.devices(after=bookmark.at):
            if self._spent(_SILENCE) or self._outages - outages >= _MOST_OUTAGES:
                self._ledger.move(bookmark, done, now=self._clock())
                log("INFO", "sweep goes on with the devices at the next tick", shard=position.shard)
                return
            done = position
            if device_id not in self._silent and self._thresholds.silent_after(device_id) is not None:
                self._try(device_id, partial(self._look_at, silence_key(device_id), device_id))
        if bookmark.at is not None:
            self._ledger.move(bookmark, None, now=self._clock())

    def _look_at(self, record: Record | str, device_id: str) -> None:
        """Compare a device's last reading with how long it may be silent; one that reports costs one read."""
        now = self._clock()
        limit = self._thresholds.silent_after(device_id)
        last_seen = self._readings.last_upload(device_id, now=now)
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
