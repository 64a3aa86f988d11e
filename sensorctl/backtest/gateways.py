"""Silences where `behind` puts devices behind a gateway: the sweep's own looks, over the times of uploads in memory.

A device that is neither a gateway nor behind one is judged by itself (`simulation.py`). Here whole groups are, because
whoever is cut off is judged by the others' uploads.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from lambdas.alert.adapters.ledger import Bookmark
from lambdas.alert.adapters.ledger_items import silence_key
from lambdas.alert.adapters.registry import Device
from lambdas.alert.domain.gateway import QUIET
from lambdas.alert.domain.models import Record, Silence
from lambdas.alert.domain.mutes import Mutes, OneOffMutes
from lambdas.alert.silences import Silences
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import timestamp
from sensorctl.backtest.mail import Mail, full_minute

_MINUTE = timedelta(minutes=1)


def is_in_group(device_id: str, thresholds: Thresholds) -> bool:
    """Return whether a device is a gateway or behind one."""
    return device_id in thresholds.gateways.ids or bool(thresholds.gateways.of(device_id))


def silences(
    uploads: Mapping[str, Sequence[datetime]], *, thresholds: Thresholds, until: datetime
) -> dict[str, list[Mail]]:
    """Return the e-mails about silences of gateways and of what is behind them, by device, each in their order.

    `uploads` are the times at which each device has uploaded, in their order.
    """
    groups: dict[str, dict[str, Sequence[datetime]]] = defaultdict(dict)
    for device_id, times in uploads.items():
        if is_in_group(device_id, thresholds):
            groups[[device_id, *thresholds.gateways.of(device_id)][-1]][device_id] = times
    found: dict[str, list[Mail]] = defaultdict(list)
    for _, group in sorted(groups.items()):
        for mail in _Group(group, thresholds=thresholds).run(until=until):
            found[mail.device_id].append(mail)
    return found


class _Group:
    """The devices behind one gateway, and it: the ledger and the registry that the sweep asks about them."""

    def __init__(self, uploads: Mapping[str, Sequence[datetime]], *, thresholds: Thresholds) -> None:
        self._uploads = dict(sorted(uploads.items()))
        self._thresholds = thresholds
        self._records: dict[str, Record] = {}
        self._mails: list[Mail] = []
        self._now = datetime.min

    def run(self, *, until: datetime) -> list[Mail]:
        """Sweep at each full minute in which one of the devices is late."""
        for begin, end in _late(self._uploads, thresholds=self._thresholds, until=until):
            self._now = begin
            while self._now <= end:
                self._sweep()
                self._now += _MINUTE
        return self._mails

    def _sweep(self) -> None:
        looks = Silences(
            ledger=cast(Any, self),
            readings=cast(Any, self),
            thresholds=self._thresholds,
            mutes=Mutes(one_off=OneOffMutes()),
            clock=lambda: self._now,
            transition=self._transition,
            pending={},
        )
        watched = [record for record in self._records.values() if record.state.watched_since is not None]
        for record in watched:
            looks.look_after(record, cast(Silence, record.state))
        known = {cast(Silence, record.state).device_id for record in watched}
        for device in looks.suspects(known=known, spent=lambda: False):
            looks.look_at(device)

    def _transition(self, record: Record, decide: Any) -> Any:
        decision = decide(record.state, self._now)
        self._records[record.key] = Record(key=record.key, state=decision.state)
        device_id = decision.state.device_id
        self._mails += [Mail(at=self._now, device_id=device_id, notice=notice) for notice in decision.notices]
        return decision.state

    # What the looks ask of the ledger.

    def get(self, key: str, *, blank: Silence) -> Record:
        """Return what is known of a device's silence."""
        return self._records.get(key) or Record(key=silence_key(blank.device_id), state=blank)

    def bookmark(self, name: str) -> Bookmark:
        """Return a bookmark at the beginning: a sweep here has time for all."""
        return Bookmark(name=name)

    # What they ask of the readings table.

    @property
    def registry(self) -> _Group:
        """The registry of devices."""
        return self

    def walk(self, *, after: str = "", prefix: str = "") -> Iterator[list[Device]]:
        """Yield the devices that have uploaded by now."""
        devices = [
            Device(device_id, "", timestamp(seen))
            for device_id in self._uploads
            if device_id > after
            and device_id.startswith(prefix)
            and (seen := self.last_upload(device_id, now=self._now)) is not None
        ]
        if devices:
            yield devices

    def last_upload(self, device_id: str, *, now: datetime) -> datetime | None:
        """Return when a device last uploaded."""
        times = self._uploads[device_id]
        place = bisect_right(times, now)
        return times[place - 1] if place else None

    def later_upload(self, device_id: str, *, than: datetime, now: datetime) -> datetime:
        """Return `than`: the last upload is known."""
        return than


def _late(
    uploads: Mapping[str, Sequence[datetime]], *, thresholds: Thresholds, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches of full minutes, in their order, in which a device is late enough to be looked at.

    Each goes on for two minutes after the upload that ends it, in which the return is seen.
    """
    stretches = []
    for device_id, times in uploads.items():
        limit = thresholds.shortest_silence(device_id)
        if limit is None:
            continue
        for place, seen in enumerate(times):
            following = times[place + 1] if place + 1 < len(times) else until
            if following - seen > limit * QUIET:
                begin = full_minute(seen + limit * QUIET)
                stretches.append((begin, min(full_minute(following) + 2 * _MINUTE, until)))
    reached = datetime.min.replace(tzinfo=until.tzinfo)
    for begin, end in sorted(stretches):
        if end > reached:
            yield max(begin, reached), end
            reached = full_minute(end + timedelta.resolution)
