"""The facts about a pipeline at one moment.

None means "not known here": the embedded AWS has no evaluated alarms and no metrics of functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sensorctl.alerts.listing import AlertLine
from sensorctl.devices.listing import DeviceStatus
from sensorctl.mutes.listing import MuteLine
from sensorctl.redrive.waiting import Waiting
from sensorctl.subscribers.subscriptions import Subscriber

# How far back errors of functions are looked at, and how new a failed event must be to say that it still fails.
RECENT = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class FunctionMetrics:
    """A function's errors and throttles in the last `RECENT`, and whether it could not use the thresholds."""

    errors: int
    throttles: int
    thresholds_invalid: bool


@dataclass(frozen=True, kw_only=True)
class RingingAlarm:
    """A CloudWatch alarm in ALARM; its description says what it means and what to do."""

    name: str
    since: datetime
    description: str


@dataclass(frozen=True, kw_only=True)
class Unsent:
    """E-mails that should have left: how many, and since when the first of them has waited."""

    count: int = 0
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One look at a pipeline.

    `functions` is by name (ingest, alert); `missed_breaches` lists devices and metrics with a newest reading out of
    bounds that the ledger does not have; `thresholds_problem` is None for a good document;
    `mutes_unreadable` counts entries that mute nothing; `alarm_subscribers` is None where alarms e-mail nobody by
    intention.
    """

    now: datetime
    waiting: tuple[Waiting, ...]
    subscribers: tuple[Subscriber, ...]
    devices: tuple[DeviceStatus, ...]
    alerts: tuple[AlertLine, ...]
    mutes: tuple[MuteLine, ...] = ()
    mutes_unreadable: int = 0
    alarm_subscribers: tuple[Subscriber, ...] | None = None
    thresholds_problem: str | None = None
    missed_breaches: tuple[str, ...] = ()
    unsent: Unsent = field(default_factory=Unsent)
    functions: Mapping[str, FunctionMetrics] | None = None
    alarms: tuple[RingingAlarm, ...] | None = None
