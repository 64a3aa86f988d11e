"""What happens every minute: send what is left, one digest, look after open alerts, look for silent devices.

Each part stops when its share of the time is spent; sources take turns, and each minute begins with another record.
One record that fails does not hold up the others: the sweep goes on, and raises the first error at its end, that of one
record once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from lambdas.alert.adapters.ledger import Cursor, Ledger, UnreadableError, Watched
from lambdas.alert.adapters.ledger_items import silence_key
from lambdas.alert.adapters.metric_look import MetricLooks
from lambdas.alert.adapters.reading_query import Readings
from lambdas.alert.delivery.delivery import Delivery
from lambdas.alert.delivery.digest import Digests, in_order
from lambdas.alert.domain import lifecycle, outbox
from lambdas.alert.domain.fairness import in_turn
from lambdas.alert.domain.models import Decision, Digest, Flood, MetricState, Record, Silence
from lambdas.alert.domain.mutes import Mutes
from lambdas.alert.domain.notices import Message
from lambdas.alert.silences import Silences
from lambdas.shared.backoff import OutOfTimeError
from lambdas.shared.logs import log
from lambdas.shared.thresholds.parameter import ThresholdSource, ThresholdsUnavailableError

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
# Keys of running alerts and silences that a tick reads to take turns among; with more of them, the next tick reads on
# from there.
_MOST_READ = 25_000


class Sweep:
    """One tick. `time_left` returns the seconds until the function is stopped."""

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
        self._looks = MetricLooks(ledger=ledger, readings=readings)
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
        """Do all parts; count e-mails under `emails_sent` and decisions by name. Raises the first failure."""
        self._try("send", self._send)
        self._try("thresholds", self._judge)
        self._failures += self._ledger.set_aside
        if self._failures:
            raise self._failures[0]

    def _judge(self) -> None:
        """End alerts and find silent devices, by no other rules than those that are in force."""
        self._thresholds = self._source.current(time_left=self._time_left)
        if self._source.makeshift:
            log("WARNING", "sweep ends no alert until the thresholds are fixed", problem=self._source.problem)
            return
        one_off = self._ledger.mutes.current(now=self._clock(), fresh_for=timedelta(0))
        self._mutes = Mutes(one_off=one_off, recurring=self._thresholds.mutes)
        if self._ledger.mutes.problem is not None:
            self._failed("mutes", UnreadableError(self._ledger.mutes.problem))
        self._silences = Silences(
            ledger=self._ledger,
            readings=self._readings,
            thresholds=self._thresholds,
            mutes=self._mutes,
            clock=self._clock,
            transition=partial(self._transition, mutes=self._mutes),
            pending=self._pending,
        )
        self._try("watch", self._watch)
        self._try("silence", self._look_for_silence)

    def _send(self) -> None:
        """Send floods and messages whose lease has run out, finish digests, and make one of what waits.

        Where time runs out, the next tick reads on from there: more may wait of one source than a tick can read.
        """
        waiting: list[tuple[Record, Message]] = []
        outages = self._outages
        bookmark = self._ledger.bookmark("send")
        stopped: Cursor | None = None
        seen = bookmark.at
        for record, cursor in self._ledger.walk("send", now=self._clock(), after=bookmark.at):
            if self._spent(_SEND) or self._outages - outages >= _MOST_OUTAGES:
                stopped = seen
                break
            seen = cursor
            if isinstance(record.state, Flood):
                self._try(record.key, partial(self._transition, record, _unchanged, pending=True))
                continue
            waiting += [(record, message) for message in outbox.waiting(record)]
            if len(waiting) >= 2 * _MOST_WAITING:
                waiting = in_order(waiting)[:_MOST_WAITING]
            if isinstance(record.state, Digest):
                self._try(record.key, partial(self._resume, record))
            elif outbox.to_send(record, now=self._clock()):
                self._try(record.key, partial(self._transition, record, _unchanged))
        if stopped is not None or bookmark.at is not None:
            self._ledger.move(bookmark, stopped, now=self._clock())
        if len(waiting) == 1:
            ((record, _),) = waiting
            self._try(record.key, partial(self._transition, record, _unchanged, pending=True))
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
        bookmark = self._ledger.bookmark("watch")
        read = list(islice(self._ledger.watched(now=now, after=bookmark.at), _MOST_READ))
        position = read[-1][1] if len(read) == _MOST_READ else None
        if position is not None or bookmark.at is not None:
            self._ledger.move(bookmark, position, now=now)
        self._silent = {watched.key.removeprefix(silence_key("")) for watched, _ in read}
        for watched in in_turn((watched for watched, _ in read), now=now):
            if self._spent(_WATCH) or self._outages - outages >= _MOST_OUTAGES:
                log("INFO", "sweep leaves open alerts to the next ticks")
                return
            self._counts["watched"] += 1
            self._try(watched.key, partial(self._look_after_one, watched))

    def _look_after_one(self, watched: Watched) -> None:
        record = self._ledger.read(watched)
        if isinstance(record.state, MetricState):
            self._look_after(record, record.state)
        elif isinstance(record.state, Silence):
            self._silences.look_after(record, record.state)

    def _look_after(self, record: Record, state: MetricState) -> None:
        rule = self._thresholds.rule_for(state.device_id, state.metric)
        if state.alert is None:
            self._transition(record, _unchanged, mutes=self._mutes)
            return
        if rule is None and self._source.problem is not None:
            return
        now = self._clock()
        look = self._looks.at(record.key, state, state.alert, now=now, rule=rule)

        def decide(state: MetricState, now: datetime) -> Decision[MetricState]:
            decision = lifecycle.on_tick(
                state,
                latest=look.latest,
                first_clear=look.first_clear,
                clear_look=look.clear_look,
                rule=rule,
                now=now,
                muted=self._mutes.is_muted(state, now=now),
            )
            self._note_pending(decision.state)
            return decision

        self._transition(record, decide, mutes=self._mutes)

    def _note_pending(self, state: MetricState) -> None:
        """Keep what waits out a `for`, so that the e-mail says so if its device turns out to be silent."""
        pending = self._pending.setdefault(state.device_id, {})
        if state.status == "pending":
            pending[state.metric] = state
        else:
            pending.pop(state.metric, None)

    def _look_for_silence(self) -> None:
        """Look at the last upload of every device that the registry finds late and that must not be silent."""
        outages = self._outages
        for device in self._silences.suspects(known=self._silent, spent=partial(self._spent, _SILENCE)):
            if self._spent(_SILENCE) or self._outages - outages >= _MOST_OUTAGES:
                log("INFO", "sweep leaves devices to the next ticks")
                return
            self._try(device.key, partial(self._silences.look_at, device))

    def _transition(
        self,
        record: Record | str,
        decide: Any,
        *,
        blank: Any = None,
        mutes: Mutes | None = None,
        pending: bool = False,
    ) -> Any:
        """Write a decision, send what it says, and return the state after it."""
        outcome = self._delivery.transition(record, decide, blank=blank, mutes=mutes, pending=pending)
        self._counts[outcome.decision] += 1
        self._counts["emails_deferred"] += outcome.deferred
        if outcome.decision != "unchanged":
            log("INFO", "decided", outcome=outcome.decision, key=outcome.record.key, deferred=outcome.deferred)
        self._counts["emails_sent"] += self._delivery.send(outcome)
        return outcome.record.state

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


def _unchanged(state: Any, _now: datetime) -> Decision[Any]:
    return Decision(state=state, outcome="unchanged")


def _is_outage(error: Exception) -> bool:
    """Return whether an error is AWS's or the network's, so that other records would meet it too."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] not in _BLAMES_REQUEST
    if isinstance(error, (ThresholdsUnavailableError, OutOfTimeError)):
        return True
    return isinstance(error, (BotoCoreError, OSError)) and not isinstance(error, ParamValidationError)
