"""What the report shows, as plain frozen records.

All times are aware datetimes in UTC. A point's time is its reading's stamp; an alert's times are the earlier of stamp
and upload, not the device's own clock; times of e-mails and traces are AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lambdas.shared.events import Bound, Severity
from sensorctl.readings.stored import RejectedRecord
from sensorctl.traces.summary import Trace

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

    `until` is None while it is open. `mailed` are the kinds of its last e-mails in order, `trace_id` is that of
    the object with its worst value. `acknowledged` says by whom, of an open one also when, until when, and the note.
    `muted` names the mute that withholds its e-mails.
    """

    alert_id: str
    device_id: str
    metric: str | None
    state: AlertState
    severity: Severity | None
    since: datetime | None = None
    until: datetime | None = None
    worst: Worst | None = None
    acknowledged: str | None = None
    mailed: tuple[str, ...] = ()
    trace_id: str | None = None
    muted: str | None = None


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
    """One device; `more` says that only its newest readings are in the report.

    `gaps` are the times between two readings that were longer than it may be silent, `tags` those of its newest one.
    """

    device_id: str
    readings: int
    more: bool
    last_at: datetime
    charts: tuple[Chart, ...]
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One e-mail; `body` and `to` are None where only the ledger knows of it. `about` is an alert's id, if any."""

    sent_at: datetime
    subject: str
    kind: str
    to: str | None = None
    body: str | None = None
    about: str | None = None


@dataclass(frozen=True, kw_only=True)
class Totals:
    """How many there are of each, listed or not; `running` alerts and silences are open, `waiting` events failed."""

    devices: int
    readings: int
    breaches: int
    alerts: int
    running: int
    mails: int
    rejected: int
    bad_values: int
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
