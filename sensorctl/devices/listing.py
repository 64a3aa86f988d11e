"""The devices that have ever reported, as lines for people and programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.domain.models import RANK
from lambdas.alert.domain.silence import is_silent
from lambdas.alert.mail.formatting import counted, duration_text
from lambdas.shared.events import Severity
from lambdas.shared.printable import printable
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl import terminal
from sensorctl.alerts.listing import AlertLine
from sensorctl.devices.registry import LastReading

# Rows that people are shown; rich takes a second for some thousands of them.
MOST_ROWS = 1_000


@dataclass(frozen=True, kw_only=True)
class DeviceStatus:
    """One device: its newest reading's time, how long it may be silent, and the metrics it has an open alert on.

    `uploaded_at` is when it last uploaded, by which silence is judged; `clock` says what is wrong with its clock.
    `silent` is None without a `silent_after`, or where no reading is stored. Where `is_exact` is False, as it is in a
    large fleet, the device uploaded at `last_at` or later. `cut_off` is the silent gateway that it is behind.
    """

    device_id: str
    last_at: datetime | None
    uploaded_at: datetime | None = None
    clock: str | None = None
    silent_after: timedelta | None
    silent: bool | None
    alerts: tuple[tuple[str, Severity | None], ...] = ()
    is_exact: bool = True
    cut_off: str | None = None

    def to_json(self, *, now: datetime) -> dict[str, Any]:
        """Return it for a program: durations in seconds, absent members null."""
        return {
            "device_id": self.device_id,
            "clock": self.clock,
            "last_reading": self.last_at,
            "is_exact": self.is_exact,
            "seconds_ago": round((now - self.last_at).total_seconds(), 3) if self.last_at else None,
            "silent": self.silent,
            "cut_off": self.cut_off,
            "silent_after_seconds": self.silent_after.total_seconds() if self.silent_after else None,
            "open_alerts": [{"metric": metric, "severity": severity} for metric, severity in self.alerts],
        }


def listed(
    last: Mapping[str, LastReading | None], *, thresholds: Thresholds | None, alerts: Iterable[AlertLine], now: datetime
) -> list[DeviceStatus]:
    """Return the devices, the silent ones first, then by id; without `thresholds` silence is not known."""
    running: dict[str, list[tuple[str, Severity | None]]] = defaultdict(list)
    for line in alerts:
        if line.state == "open" and line.metric is not None:
            running[line.device_id].append((line.metric, line.severity))
    lives = _lives(last, thresholds) if thresholds is not None else {}
    gateways_of = thresholds.gateways.of if thresholds is not None and thresholds.gateways.ids else lambda _: ()
    devices = []
    for device_id, reading in last.items():
        limit = thresholds.silent_after(device_id) if thresholds is not None else None
        seen = reading.uploaded_at if reading is not None else None
        gateways = gateways_of(device_id)
        cut_off = next((name for name in reversed(gateways) if _is_cut_off(lives, name, thresholds, now=now)), None)
        judged_at = lives.get(gateways[0], now) if gateways and cut_off is None else now
        devices.append(
            DeviceStatus(
                device_id=device_id,
                last_at=reading.at if reading is not None else None,
                uploaded_at=seen,
                clock=_clock(reading) if reading is not None and reading.is_exact else None,
                is_exact=reading is None or reading.is_exact,
                silent_after=limit,
                silent=is_silent(seen, limit=limit, now=judged_at) if seen is not None and limit is not None else None,
                cut_off=cut_off,
                alerts=tuple(sorted(running.get(device_id, ()), key=lambda alert: (-RANK[alert[1]], alert[0]))),
            )
        )
    return sorted(devices, key=lambda device: (not device.silent, device.device_id))


def _lives(last: Mapping[str, LastReading | None], thresholds: Thresholds) -> dict[str, datetime]:
    """Return the last sign of life of each gateway: the newest upload of itself or of a device behind it."""
    lives: dict[str, datetime] = {}
    for device_id, reading in last.items() if thresholds.gateways.ids else ():
        if reading is not None:
            for name in (device_id, *thresholds.gateways.of(device_id)):
                lives[name] = max(lives.get(name, reading.uploaded_at), reading.uploaded_at)
    return lives


def _is_cut_off(lives: Mapping[str, datetime], gateway: str, thresholds: Thresholds | None, *, now: datetime) -> bool:
    limit = thresholds.silent_after(gateway) if thresholds is not None else None
    return limit is not None and gateway in lives and is_silent(lives[gateway], limit=limit, now=now)


def _clock(reading: LastReading) -> str | None:
    if not reading.clock_set:
        return "clock not set"
    return f"clock {duration_text(reading.ahead)} ahead" if reading.ahead else None


def ago(at: datetime, *, now: datetime) -> str:
    """Return how long ago an instant was, in words."""
    return f"{duration_text(now - at)} ago" if at <= now else f"{duration_text(at - now)} ahead of our clock"


def table(devices: Sequence[DeviceStatus], *, now: datetime) -> Table:
    """Return the first thousand devices as a table; all times are UTC."""

    def row(device: DeviceStatus) -> list[str | Text]:
        alerts = Text(", ").join(
            Text(printable(metric), style=terminal.SEVERITY_STYLES.get(severity or "", ""))
            for metric, severity in device.alerts
        )
        return [
            device.device_id,
            terminal.short_time(device.last_at, now=now) if device.last_at else "none is stored",
            ", ".join(filter(None, (_ago(device, now=now), device.clock))),
            _reports(device),
            alerts if device.alerts else "-",
        ]

    columns = ("device", "last (UTC)", "", "reports", "open alerts")
    rows = map(row, devices[:MOST_ROWS])
    return terminal.table(columns, rows, whole=(columns[1], columns[3]), optional=columns[3:])


def _ago(device: DeviceStatus, *, now: datetime) -> str:
    if device.last_at is None:
        return ""
    return ago(device.last_at, now=now) if device.is_exact else f"{ago(device.last_at, now=now)} or later"


def sums(devices: Sequence[DeviceStatus]) -> str:
    """Return how many devices are listed, are silent, have an open alert or a wrong clock: `60 devices, 12 silent`."""
    counts = {
        "silent": sum(bool(device.silent) for device in devices),
        "with an open alert": sum(bool(device.alerts) for device in devices),
        "with a wrong clock": sum(device.clock is not None for device in devices),
    }
    more = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"{', '.join([counted(len(devices), 'device'), *more])}."


def _reports(device: DeviceStatus) -> Text:
    if device.cut_off is not None:
        return Text(f"cut off with {device.cut_off}", style="red")
    if device.silent_after is None or device.silent is None:
        return Text("-")
    return Text("silent", style="red") if device.silent else Text("yes")
