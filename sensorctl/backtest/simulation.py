"""One device's uploads and several thresholds documents in, the e-mails under each out.

Ingest's own judgement and alert's own state machines, on a clock that goes from upload to upload: a breach is handled
when its object is uploaded, and a sweep looks at every full minute. A minute in which no alert runs is passed over,
because its sweep would find nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from lambdas.alert.adapters.metric_look import MetricLooks
from lambdas.alert.domain import lifecycle, silence
from lambdas.alert.domain.models import Decision, MetricState, Silence
from lambdas.ingest.decoding.values.timestamps import texts
from lambdas.ingest.domain.breaches import Breaches
from lambdas.shared.events import ObjectRef
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.backtest.gateways import is_in_group
from sensorctl.backtest.mail import Mail, full_minute
from sensorctl.backtest.uploads import Upload, Uploaded

_MINUTE = timedelta(minutes=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_NOWHERE = ObjectRef(bucket="", key="", version_id="")


def mails(
    device_id: str, uploads: Sequence[Upload], *, documents: Sequence[Thresholds], until: datetime
) -> list[list[Mail]]:
    """Return the e-mails about a device under each document, in their order; the last sweep is not after `until`.

    `uploads` are in the order in which they came. Nothing is known of the time before the first of them: no alert is
    open then, and a silence begins after an upload. The e-mail budget is not applied, so no digest stands for several.
    """
    uploaded = Uploaded()
    lives = [_Life(device_id, uploads, thresholds=thresholds, uploaded=uploaded) for thresholds in documents]
    for place, upload in enumerate(uploads):
        for life in lives:
            life.sweep_before(upload.at)
        uploaded.add(upload)
        for life in lives:
            life.take(place, upload)
    for life in lives:
        life.sweep_before(until + timedelta.resolution)
    return [life.mails for life in lives]


class _Life:
    """One device under one document: its alerts, and whether it reports."""

    def __init__(
        self, device_id: str, uploads: Sequence[Upload], *, thresholds: Thresholds, uploaded: Uploaded
    ) -> None:
        self.mails: list[Mail] = []
        self._device_id = device_id
        self._thresholds = thresholds
        # The sweep's own looks; they ask the ledger for nothing, since no reading here is too rare to be found at once.
        self._looks = MetricLooks(ledger=cast(Any, None), readings=cast(Any, uploaded))
        self._breaching = _breaching(uploads, thresholds)
        self._states: dict[str, MetricState] = {}
        self._running: set[str] = set()
        # Of a sweep while an alert runs.
        self._next_sweep = _NEVER
        self._silence = Silence(device_id=device_id)
        # Those in a group with a gateway are judged with the others of it.
        self._limit = None if is_in_group(device_id, thresholds) else thresholds.silent_after(device_id)
        self._last_seen: datetime | None = None
        # When the device may first be missed, or when a sweep may first see that it is back.
        self._next_look = _NEVER

    def take(self, place: int, upload: Upload) -> None:
        """Judge an upload as ingest does, and join its breaches as alert does."""
        if self._limit is not None:
            if self._last_seen is None or self._silence.since is not None:
                self._next_look = full_minute(upload.at)
            self._last_seen = upload.at
        if place not in self._breaching:
            return
        if not self._running:
            self._next_sweep = full_minute(upload.at)
        (uploaded_at,) = texts([upload.at])
        breaches = Breaches(self._thresholds, source=upload.source, trace_id=None, uploaded_at=uploaded_at)
        breaches.evaluate(upload.readings, texts([reading.timestamp for reading in upload.readings]))
        for breach in breaches.drain():
            metric = breach.metric
            state = self._states.get(metric) or MetricState(device_id=self._device_id, metric=metric)
            rule = self._thresholds.rule_for(self._device_id, metric)
            self._keep(metric, lifecycle.on_breach(state, breach, rule=rule, now=upload.at), now=upload.at)

    def sweep_before(self, at: datetime) -> None:
        """Sweep at each full minute before `at` that has something to look at."""
        while (minute := self._next_sweep if self._running else self._next_look) < at:
            for metric in sorted(self._running):
                self._look_after(metric, self._states[metric], now=minute)
            if self._next_look <= minute:
                self._look_for_silence(now=minute)
            self._next_sweep = minute + _MINUTE

    def _look_after(self, metric: str, state: MetricState, *, now: datetime) -> None:
        alert, rule = state.alert, self._thresholds.rule_for(self._device_id, metric)
        if alert is None:
            return
        look = self._looks.at(metric, state, alert, now=now, rule=rule)
        decision = lifecycle.on_tick(
            state,
            latest=look.latest,
            first_clear=look.first_clear,
            clear_look=look.clear_look,
            rule=rule,
            now=now,
        )
        self._keep(metric, decision, now=now)

    def _look_for_silence(self, *, now: datetime) -> None:
        pending = [state for _, state in sorted(self._states.items()) if state.status == "pending"]
        decision = silence.on_look(
            self._silence, last_seen=self._last_seen, limit=self._limit, now=now, pending=pending
        )
        self._silence = decision.state
        self._add_mails(decision, now=now)
        self._next_look = _NEVER
        if self._silence.since is None and self._last_seen is not None and self._limit is not None:
            self._next_look = full_minute(self._last_seen + self._limit + timedelta.resolution)

    def _keep(self, metric: str, decision: Decision[MetricState], *, now: datetime) -> None:
        self._states[metric] = decision.state
        if decision.state.alert is not None:
            self._running.add(metric)
        else:
            self._running.discard(metric)
        self._add_mails(decision, now=now)

    def _add_mails(self, decision: Decision[Any], *, now: datetime) -> None:
        self.mails += [Mail(at=now, device_id=self._device_id, notice=notice) for notice in decision.notices]


def _breaching(uploads: Sequence[Upload], thresholds: Thresholds) -> set[int]:
    """Return the places of the uploads that have a breach, judged all at once: most have none."""
    readings = [reading for upload in uploads for reading in upload.readings]
    places = [place for place, upload in enumerate(uploads) for _ in upload.readings]
    judged = Breaches(thresholds, source=_NOWHERE, trace_id=None).evaluate(
        readings, texts([reading.timestamp for reading in readings])
    )
    return {places[number] for number in judged.breaches}
