"""The devices that have ever reported, as lines for people and programs. Pure; no AWS SDK import."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.records import RANK
from lambdas.alert.silence import is_silent
from lambdas.alert.wording import spoken
from lambdas.shared.contracts import Severity
from lambdas.shared.printable import printable
from lambdas.shared.thresholds import Thresholds
from lambdas.shared.times import timestamp
from sensorctl.alert_list import Line
from sensorctl.device_registry import LastReading

_STYLES = {"critical": "bold red", "warning": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device: its newest reading's time, how long it may be silent, and the metrics it has an open alert on.

    `silent` is None where nobody asked (no `silent_after`), or where it cannot be told: no reading is stored.
    """

    device_id: str
    last_at: datetime | None
    silent_after: timedelta | None
    silent: bool | None
    alerts: tuple[tuple[str, Severity | None], ...] = ()

    def to_json(self, *, now: datetime) -> dict[str, Any]:
        """Return it for a program: times in RFC 3339, durations in seconds, absent members null."""
        return {
            "device_id": self.device_id,
            "last_reading": timestamp(self.last_at) if self.last_at else None,
            "seconds_ago": round((now - self.last_at).total_seconds(), 3) if self.last_at else None,
            "silent": self.silent,
            "silent_after_seconds": self.silent_after.total_seconds() if self.silent_after else None,
            "open_alerts": [{"metric": metric, "severity": severity} for metric, severity in self.alerts],
        }


def listed(
    last: Mapping[str, LastReading | None], *, thresholds: Thresholds | None, alerts: Iterable[Line], now: datetime
) -> list[Device]:
    """Return the devices, the silent ones first, then by id; `thresholds` None: nobody knows who must not be silent."""
    running: dict[str, list[tuple[str, Severity | None]]] = defaultdict(list)
    for line in alerts:
        if line.state == "open" and line.metric is not None:
            running[line.device_id].append((line.metric, line.severity))
    devices = []
    for device_id, reading in last.items():
        limit = thresholds.silent_after(device_id) if thresholds is not None else None
        at = reading.taken_at if reading is not None else None
        devices.append(
            Device(
                device_id=device_id,
                last_at=at,
                silent_after=limit,
                silent=is_silent(at, limit=limit, now=now) if at is not None and limit is not None else None,
                alerts=tuple(sorted(running[device_id], key=lambda each: (-RANK[each[1]], each[0]))),
            )
        )
    return sorted(devices, key=lambda device: (not device.silent, device.device_id))


def ago(at: datetime, *, now: datetime) -> str:
    """Return how long ago an instant was, in words."""
    return f"{spoken(now - at)} ago" if at <= now else f"{spoken(at - now)} ahead of our clock"


def table(devices: Sequence[Device], *, now: datetime) -> Table:
    """Return the devices as a table; all times are UTC."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("device", "last reading (UTC)", "", "reports", "open alerts"):
        shown.add_column(column, overflow="fold")
    for device in devices:
        alerts = Text(", ").join(
            Text(printable(metric), style=_STYLES.get(severity or "", "")) for metric, severity in device.alerts
        )
        shown.add_row(
            Text(printable(device.device_id)),
            f"{device.last_at:%Y-%m-%d %H:%M:%S}" if device.last_at else "none is stored",
            ago(device.last_at, now=now) if device.last_at else "",
            _reports(device),
            alerts if device.alerts else "-",
        )
    return shown


def _reports(device: Device) -> Text:
    if device.silent_after is None or device.silent is None:
        return Text("-")
    return Text(f"silent for over {spoken(device.silent_after)}", style="red") if device.silent else Text("yes")
