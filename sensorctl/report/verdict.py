"""What the report says first: the current state, and which alerts a reader can take as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from lambdas.alert.mail.formatting import counted
from sensorctl.report.model import Alert, Report

# Fewer equal alerts than this are not folded.
_FOLDED_FROM = 3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One sentence and how bad it is; `worst` is the open alert to look at next."""

    level: Literal["good", "warning", "critical"]
    sentence: str
    worst: Alert | None = None


def verdict(report: Report) -> Verdict:
    """Return the current state: open alerts, silent devices and failed events, in one sentence."""
    running = [alert for alert in report.alerts if alert.state == "open"]
    critical = sum(alert.severity == "critical" for alert in running)
    silent = sum(alert.state == "silent" for alert in report.alerts)
    parts = []
    if running:
        parts.append(f"{counted(len(running), 'alert')} open" + (f", {critical} of them critical" if critical else ""))
    if silent:
        parts.append(f"{counted(silent, 'device')} silent")
    if report.totals.waiting:
        parts.append(f"{counted(report.totals.waiting, 'event')} could not be handled")
    if not parts:
        return Verdict(level="good", sentence="Nothing is out of bounds, and every device reports.")
    level: Literal["warning", "critical"] = "critical" if critical or report.totals.waiting else "warning"
    return Verdict(level=level, sentence=f"{'; '.join(parts)}.", worst=running[0] if running else None)


def folded(alerts: Sequence[Alert]) -> list[list[tuple[int, Alert]]]:
    """Return the alerts with their numbers, those together that differ in device and value alone."""
    numbered = list(enumerate(alerts))
    groups = [list(group) for _, group in groupby(numbered, key=lambda pair: _likeness(pair[1]))]
    return [
        part for group in groups for part in ([group] if len(group) >= _FOLDED_FROM else [[pair] for pair in group])
    ]


def _likeness(alert: Alert) -> tuple[object, ...]:
    limit = (alert.worst.bound, alert.worst.limit) if alert.worst is not None else None
    since = alert.since.replace(microsecond=0) if alert.since is not None else None
    until = alert.until.replace(microsecond=0) if alert.until is not None else None
    return alert.state, alert.severity, alert.metric, limit, since, until
