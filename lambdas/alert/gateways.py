"""Which gateways are cut off, by the last uploads of all devices behind them: what a tick finds out about each, once.

The devices are read from the registry by what their names begin with, all of a gateway in one tick: neither a pass
that takes several ticks nor a restart can leave one of them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import silence_key
from lambdas.alert.adapters.reading_query import Readings
from lambdas.alert.adapters.registry import Device
from lambdas.alert.domain import gateway
from lambdas.alert.domain.models import Record, Silence
from lambdas.alert.domain.mutes import Mutes
from lambdas.alert.domain.silence import GatewayLife, is_silent
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import time_of

# Of a gateway that the registry finds late, the devices that are asked for their readings: those that uploaded last.
_ASKED = 100


@dataclass(kw_only=True)
class _Group:
    """A gateway and the devices behind it: who they are, the first of them, and those that uploaded last."""

    names: list[str] = field(default_factory=list)
    latest: list[Device] = field(default_factory=list)

    @property
    def last_seen(self) -> datetime | None:
        """Return the newest upload of the registry."""
        newest = max((device.uploaded_at for device in self.latest), default="")
        return time_of(newest) if newest else None


class Gateways:
    """The gateways of one tick. `transition` writes a decision and returns the state after it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        readings: Readings,
        thresholds: Thresholds,
        mutes: Mutes,
        clock: Callable[[], datetime],
        transition: Callable[..., Silence],
    ) -> None:
        self._ledger = ledger
        self._readings = readings
        self._thresholds = thresholds
        self._mutes = mutes
        self._clock = clock
        self._transition = transition
        self._lives: dict[str, GatewayLife | None] = {}

    def life(self, gateway_id: str) -> GatewayLife | None:
        """Return the last sign of life of a gateway, or None: it is cut off, or has none."""
        if gateway_id not in self._lives:
            record = self._ledger.get(silence_key(gateway_id), blank=Silence(device_id=gateway_id))
            self._lives[gateway_id] = self._look(record)
        return self._lives[gateway_id]

    def look_after(self, record: Record, state: Silence) -> None:
        """Look whether a gateway that is quiet or silent shows a sign of life."""
        self._lives[state.device_id] = self._look(record)

    def _look(self, record: Record) -> GatewayLife | None:
        state, now = record.state, self._clock()
        if not isinstance(state, Silence):
            return None
        limit = self._thresholds.silent_after(state.device_id)
        above = self._thresholds.gateways.of(state.device_id)
        upstream = self.life(above[0]) if above else None
        group = self._group(state.device_id)
        last_seen = group.last_seen
        if last_seen is None or limit is None or (above and upstream is None):
            return None
        judged_at = upstream.last_seen if upstream is not None else None
        limits = (self._thresholds.silent_after(name) for name in group.names)
        shortest = min((own for own in limits if own is not None), default=limit)
        quiet_after = min(limit, shortest) * gateway.QUIET
        is_down = state.since is not None or state.quiet_since is not None
        late = limit if is_down else quiet_after
        if state.since is None and is_silent(last_seen, limit=late, now=judged_at or now):
            last_seen = self._ask(group, last_seen, late=late, at=judged_at or now)
        behind = [name for name in group.names if name != state.device_id]
        after = self._transition(
            record,
            lambda state, now: gateway.on_look(
                state,
                last_seen=last_seen,
                limits=gateway.Limits(silent=limit, quiet=quiet_after),
                behind=behind,
                source=group.latest[0].source or None,
                now=now,
                judged_at=judged_at,
                muted=self._mutes.is_muted(state, now=now),
            ),
        )
        if after.since is not None or after.quiet_since is not None:
            return None
        return GatewayLife(last_seen=last_seen, returned_at=after.returned_at)

    def _group(self, gateway_id: str) -> _Group:
        """Read who is behind a gateway."""
        gateways, group = self._thresholds.gateways, _Group()
        for prefix in gateways.prefixes(gateway_id):
            for devices in self._readings.registry.walk(prefix=prefix):
                found = [
                    device for device in devices if device.key == gateway_id or gateway_id in gateways.of(device.key)
                ]
                group.names += [device.key for device in found]
                group.latest = nlargest(_ASKED, [*group.latest, *found], key=lambda device: device.uploaded_at)
        return group

    def _ask(self, group: _Group, last_seen: datetime, *, late: timedelta, at: datetime) -> datetime:
        """Ask the readings for a later upload than the registry's, until there is one that is not late."""
        now = self._clock()
        for device in group.latest:
            last_seen = max(last_seen, self._readings.last_upload(device.key, now=now) or last_seen)
            if not is_silent(last_seen, limit=late, now=at):
                break
        return last_seen
