"""Whether e-mails about a metric, or about a device's silence, are muted: by which mute, until when.

A mute is one-off (an operator's, with an end, in the alerts table) or recurring (in the thresholds document). One that
names a metric mutes that metric; one that does not mutes all of its devices' metrics and their silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lambdas.alert.domain.models import MetricState, Silence, State
from lambdas.shared.thresholds.patterns import is_glob, matcher
from lambdas.shared.thresholds.recurring_mutes import RecurringMute

# Devices whose mutes are remembered.
_CACHED_DEVICES = 20_000


@dataclass(frozen=True, kw_only=True)
class Mute:
    """A one-off mute: `devices` is a pattern; `begin` and `until` are clock times; `by` and `why` are for people."""

    mute_id: str
    devices: str
    metric: str | None = None
    begin: datetime
    until: datetime
    by: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Muting:
    """What mutes: the id of a one-off mute or the name of a recurring one, and its end, if it has one."""

    name: str
    until: datetime | None = None


class OneOffMutes:
    """The operators' mutes, found by device."""

    def __init__(self, mutes: Sequence[Mute] = ()) -> None:
        self._exact: dict[str, list[Mute]] = {}
        self._globs: list[Mute] = []
        for mute in mutes:
            if is_glob(mute.devices):
                self._globs.append(mute)
            else:
                self._exact.setdefault(mute.devices, []).append(mute)
        self._found: dict[str, tuple[Mute, ...]] = {}

    def of(self, device_id: str) -> tuple[Mute, ...]:
        """Return those whose pattern matches the device."""
        if device_id not in self._found:
            if len(self._found) >= _CACHED_DEVICES:
                self._found.clear()
            globs = [mute for mute in self._globs if matcher(mute.devices)(device_id)]
            self._found[device_id] = (*self._exact.get(device_id, ()), *globs)
        return self._found[device_id]


@dataclass(frozen=True, kw_only=True)
class Mutes:
    """All mutes there are, in force or not."""

    one_off: OneOffMutes
    recurring: tuple[RecurringMute, ...] = ()

    def muting(self, device_id: str, metric: str | None, *, now: datetime) -> Muting | None:
        """Return what mutes a metric of a device, or (None) its silence: of several, the one that ends last."""
        found = [
            Muting(name=mute.mute_id, until=mute.until)
            for mute in self.one_off.of(device_id)
            if mute.metric in (None, metric) and mute.begin <= now < mute.until
        ]
        found += [
            Muting(name=mute.name, until=mute.until(now))
            for mute in self.recurring
            if mute.concerns(device_id, metric) and mute.is_in_force(now)
        ]
        return max(found, key=lambda muting: (muting.until is None, muting.until or now), default=None)

    def is_muted(self, state: State, *, now: datetime) -> bool:
        """Return whether e-mails about a record are muted: those about a source, and digests, never are."""
        if isinstance(state, MetricState):
            return self.muting(state.device_id, state.metric, now=now) is not None
        return isinstance(state, Silence) and self.muting(state.device_id, None, now=now) is not None
