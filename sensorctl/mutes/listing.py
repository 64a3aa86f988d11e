"""Mutes as lines for people and programs, each with the alerts and silences that it holds back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.table import Table

from lambdas.alert.domain.mutes import Mute, Mutes, OneOffMutes
from sensorctl import terminal
from sensorctl.alerts.listing import AlertLine
from sensorctl.alerts.muting import AllMutes
from sensorctl.aws.identity import name_in


@dataclass(frozen=True, kw_only=True)
class MuteLine:
    """One mute. `mute_id` is a one-off mute's id or a recurring one's name; `state` is running, later, or off.

    `holds_back` counts the open alerts and silent devices that it concerns, while it runs.
    """

    mute_id: str
    devices: str
    metric: str | None
    recurring: bool
    state: str
    until: datetime | None
    by: str | None
    why: str | None
    holds_back: int

    def to_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)


def lines(found: AllMutes, alerts: Iterable[AlertLine], *, now: datetime) -> list[MuteLine]:
    """Return the one-off mutes that have not ended, the next to end first, then the recurring ones."""
    running = [alert for alert in alerts if alert.is_running]
    listed = [_one_off(mute, running, now=now) for mute in found.listed.mutes if mute.until > now]
    listed.sort(key=lambda line: (line.until, line.mute_id))
    for mute in found.recurring:
        in_force = mute.is_in_force(now)
        listed.append(
            MuteLine(
                mute_id=mute.name,
                devices=mute.devices,
                metric=mute.metric,
                recurring=True,
                state="running" if in_force else "off",
                until=mute.until(now) if in_force else None,
                by=None,
                why=None,
                holds_back=sum(in_force and mute.concerns(line.device_id, line.metric) for line in running),
            )
        )
    return listed


def concerned(mute: Mute, alerts: Iterable[AlertLine], *, now: datetime) -> list[AlertLine]:
    """Return the running alerts and silences that a mute would mute at that time."""
    mutes = Mutes(one_off=OneOffMutes([mute]))
    return [line for line in alerts if line.is_running and mutes.muting(line.device_id, line.metric, now=now)]


def table(listed: Sequence[MuteLine]) -> Table:
    """Return the lines as a table; all times are UTC."""
    columns = ("mute", "devices", "metric", "state", "until (UTC)", "holds back", "by", "why")
    return terminal.table(columns, map(_cells, listed))


def until_text(until: datetime | None) -> str:
    """Return when something ends, for people."""
    return f"{until:%Y-%m-%d %H:%M}" if until is not None else "no end"


def _one_off(mute: Mute, alerts: Sequence[AlertLine], *, now: datetime) -> MuteLine:
    begun = mute.begin <= now
    return MuteLine(
        mute_id=mute.mute_id,
        devices=mute.devices,
        metric=mute.metric,
        recurring=False,
        state="running" if begun else "later",
        until=mute.until,
        by=mute.by,
        why=mute.why,
        holds_back=len(concerned(mute, alerts, now=now)),
    )


def _cells(line: MuteLine) -> list[str]:
    return [
        line.mute_id,
        line.devices,
        line.metric or "all",
        line.state,
        until_text(line.until) if line.state != "off" else "-",
        f"{line.holds_back} open" if line.state == "running" else "-",
        name_in(line.by) if line.by else "thresholds",
        line.why or "-",
    ]
