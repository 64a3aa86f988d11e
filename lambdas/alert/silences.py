"""Which devices have fallen silent, and which of them report again: one tick's looks.

The registry says when each device last uploaded, at the price of a page for some thousands of them. What it says is
never later than the truth, so a device that it finds in time needs no further look. One that it finds late is a
suspect: before anything is mailed the readings table is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from lambdas.alert.adapters.ledger import Cursor, Ledger
from lambdas.alert.adapters.ledger_items import silence_key
from lambdas.alert.adapters.reading_query import Readings
from lambdas.alert.adapters.registry import Device
from lambdas.alert.domain import silence
from lambdas.alert.domain.fairness import in_turn
from lambdas.alert.domain.gateway import QUIET
from lambdas.alert.domain.models import MetricState, Record, Silence
from lambdas.alert.domain.mutes import Mutes
from lambdas.alert.domain.silence import GatewayLife
from lambdas.alert.gateways import Gateways
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import time_of, timestamp

# Names that a tick reads of the registry, at least where there are so many: the next tick reads on from there.
NAMES_A_TICK = 100_000
# Suspects that a tick takes on; the next tick reads on behind them.
_MOST_SUSPECTS = 25_000


class Silences:
    """The looks of one tick. `transition` writes a decision; `pending` are metrics that wait out a `for`, by device."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        readings: Readings,
        thresholds: Thresholds,
        mutes: Mutes,
        clock: Callable[[], datetime],
        transition: Callable[..., Any],
        pending: Mapping[str, Mapping[str, MetricState]],
    ) -> None:
        self._ledger = ledger
        self._readings = readings
        self._thresholds = thresholds
        self._mutes = mutes
        self._clock = clock
        self._transition = transition
        self._pending = pending
        self._gateways = Gateways(
            ledger=ledger,
            readings=readings,
            thresholds=thresholds,
            mutes=mutes,
            clock=clock,
            transition=transition,
        )

    def suspects(self, *, known: set[str], spent: Callable[[], bool]) -> list[Device]:
        """Read on in the registry; return the devices to look at, but for those `known` to be silent, in turn."""
        if self._thresholds.shortest_silence_of_all is None:
            return []
        bookmark = self._ledger.bookmark("devices")
        now = self._clock()
        share = QUIET if self._thresholds.gateways.ids else 1
        in_time = timestamp(now - self._thresholds.shortest_silence_of_all * share)
        after, read = bookmark.at.after if bookmark.at is not None and bookmark.at.after else "", 0
        position: str | None = None
        suspects: list[Device] = []
        for devices in self._readings.registry.walk(after=after):
            read += len(devices)
            position = devices[-1].key
            late = (device for device in devices if device.uploaded_at < in_time and device.key not in known)
            suspects += [device for device in late if self._is_suspect(device, known=known, now=now)]
            if read >= NAMES_A_TICK or len(suspects) >= _MOST_SUSPECTS or spent():
                break
        else:
            position = None
        if position is not None or bookmark.at is not None:
            self._ledger.move(bookmark, Cursor(shard=0, after=position) if position else None, now=now)
        return in_turn(suspects, now=now)

    def _is_suspect(self, device: Device, *, known: set[str], now: datetime) -> bool:
        limit = self._thresholds.shortest_silence(device.key)
        gateways = self._thresholds.gateways.of(device.key)
        if limit is None or not known.isdisjoint(gateways):
            return False
        if gateways or device.key in self._thresholds.gateways.ids:
            limit *= QUIET
        return not device.uploaded_at or silence.is_silent(time_of(device.uploaded_at), limit=limit, now=now)

    def look_at(self, device: Device) -> None:
        """Ask the readings when a suspect last uploaded, and begin its silence if that is too long ago.

        One that is behind a gateway is a reason to look at that gateway, and while it is cut off no suspect.
        """
        if device.key in self._thresholds.gateways.ids:
            self._gateways.life(device.key)
            return
        gateways = self._thresholds.gateways.of(device.key)
        gateway = self._gateways.life(gateways[0]) if gateways else None
        if gateways and gateway is None:
            return
        now, limit = self._clock(), self._thresholds.silent_after(device.key)
        seen = self._readings.last_upload(device.key, now=now)
        if seen is None or limit is None:
            return
        if device.uploaded_at:
            seen = max(seen, time_of(device.uploaded_at))
        if not silence.is_silent(seen, limit=limit, now=gateway.last_seen if gateway else now):
            return
        record = self._ledger.get(
            silence_key(device.key), blank=Silence(device_id=device.key, source=device.source or None)
        )
        # One that is silent already is looked after by itself.
        if not isinstance(record.state, Silence) or record.state.since is not None:
            return
        seen = self._readings.later_upload(device.key, than=seen, now=now)
        self._decide(record, device.key, seen=seen, limit=limit, gateway=gateway)

    def look_after(self, record: Record, state: Silence) -> None:
        """Look whether a silent device has uploaded again, or a gateway shows a sign of life."""
        if state.device_id in self._thresholds.gateways.ids:
            self._gateways.look_after(record, state)
            return
        now, limit = self._clock(), self._thresholds.silent_after(state.device_id)
        seen = self._readings.last_upload(state.device_id, now=now)
        self._decide(record, state.device_id, seen=seen, limit=limit)

    def _decide(
        self,
        record: Record,
        device_id: str,
        *,
        seen: datetime | None,
        limit: timedelta | None,
        gateway: GatewayLife | None = None,
    ) -> None:
        pending = tuple(self._pending.get(device_id, {}).values())
        self._transition(
            record,
            lambda state, now: silence.on_look(
                state,
                last_seen=seen,
                limit=limit,
                now=now,
                gateway=gateway,
                pending=pending,
                muted=self._mutes.is_muted(state, now=now),
            ),
        )
