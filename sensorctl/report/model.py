"""What the report shows, as plain frozen records. Pure; no AWS SDK import.

All times are aware datetimes in UTC; times of points and alerts are reading times (the devices' own clocks), times of
e-mails and traces are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lambdas.shared.contracts import Bound, Severity
from sensorctl.observe import RejectedRecord
from sensorctl.traces import Span

AlertState = Literal["open", "closed", "silent", "reporting"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value of one metric; `severity` is that of the threshold it was past when it was stored."""

    at: datetime
    value: float
    severity: Severity | None = None


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit in force now: past it is `warning` or `critical`, or (`clear`) ends an alert."""

    level: Literal["warning", "critical", "clear"]
    bound: Bound
    value: float


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The value of an alert that was furthest past its limit."""

    value: float
    unit: str | None
    bound: Bound
    limit: float


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert of a metric, or (`metric` is None) one silence of a device.

    `until` is None while it goes on; `since` is None where the readings that opened it are not in the report. `told`
    are the kinds of its e-mails in order. `trace_ids` are those of the object that opened it and of its worst value.
    """

    alert_id: str
    device_id: str
    metric: str | None
    state: AlertState
    severity: Severity | None
    since: datetime | None = None
    until: datetime | None = None
    worst: Worst | None = None
    told: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One metric over time, oldest first; of `count` values `points` are those that are drawn.

    `lowest` and `highest` are the y axis.
    """

    metric: str
    unit: str | None
    points: tuple[Point, ...]
    count: int
    breaches: int
    limits: tuple[Limit, ...]
    lowest: float
    highest: float

    @property
    def off_chart(self) -> tuple[Limit, ...]:
        """The limits that are too far from all values to be drawn."""
        return tuple(limit for limit in self.limits if not self.lowest <= limit.value <= self.highest)


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device; `more` says that only its newest readings are in the report."""

    device_id: str
    readings: int
    more: bool
    last_at: datetime
    charts: tuple[Chart, ...]


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One e-mail; `body` and `to` are None where only the ledger tells of it. `about` is an alert's id, if any."""

    sent_at: datetime
    subject: str
    kind: str
    to: str | None = None
    body: str | None = None
    about: str | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One trace as a waterfall, `seconds` from its first start to its last end; `causes` say why a part failed."""

    trace_id: str
    started_at: datetime
    seconds: float
    failed: bool
    spans: tuple[Span, ...]
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Totals:
    """How many there are of each, listed or not; `running` alerts and silences go on, `waiting` events failed."""

    devices: int
    readings: int
    breaches: int
    alerts: int
    running: int
    mails: int
    rejected: int
    faults: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it. `since` is None where the readings were not limited; `notes` say what is missing and why."""

    where: str
    made_at: datetime
    since: datetime | None
    devices: tuple[Device, ...]
    alerts: tuple[Alert, ...]
    mails: tuple[Mail, ...]
    rejects: tuple[RejectedRecord, ...]
    traces: Mapping[str, Trace]
    slowest: tuple[str, ...]
    failed: tuple[str, ...]
    totals: Totals
    notes: tuple[str, ...] = ()
