"""What the ledger knows of alerts, as lines for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.adapters.ledger_items import digest_key
from lambdas.alert.domain.models import RANK, Digest, EndedAlert, MetricState, Record, Rejection, Silence
from lambdas.alert.domain.mutes import Mutes, Muting
from lambdas.alert.domain.notices import Acknowledgement
from lambdas.alert.mail.formatting import amount
from lambdas.shared.events import Severity, ThresholdBreached
from lambdas.shared.printable import printable
from sensorctl import terminal
from sensorctl.errors import UserError

_RUNNING = ("open", "silent")
_ORDER = ("open", "silent", "pending")
_MEMBERS = ("alert_id", "device_id", "metric", "state", "severity", "since", "until")


@dataclass(frozen=True, kw_only=True)
class LastMail:
    """The newest message of an alert: SENT, LEASED (on its way), PENDING (waits for a digest) or DIGESTED (in one)."""

    kind: str
    status: str
    at: datetime | None = None
    digest_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class AlertLine:
    """One metric's alert, one device's silence, or (in a digest) one source prefix's rejected records.

    `since` and `until` are reading times; `worst` is the most severe breach; `active_at` is when it last changed. A
    closed line is about the last alert that has ended, of whose acknowledgement the ledger keeps the name alone.
    `muted` is what withholds the e-mails of one that has not.
    """

    alert_id: str | None = None
    device_id: str
    metric: str | None = None
    state: str
    severity: Severity | None = None
    since: datetime | None = None
    until: datetime | None = None
    worst: ThresholdBreached | EndedAlert | None = None
    mail: LastMail | None = None
    active_at: datetime | None = None
    acknowledged: Acknowledgement | None = None
    muted: Muting | None = None

    @property
    def acknowledged_by(self) -> str | None:
        """Who acknowledged it, also after its end."""
        if self.acknowledged is not None:
            return self.acknowledged.by
        return self.worst.acknowledged_by if isinstance(self.worst, EndedAlert) else None

    @property
    def is_running(self) -> bool:
        """Whether it is an open alert or a silent device."""
        return self.state in _RUNNING

    def to_json(self) -> dict[str, Any]:
        """Return it for a program; absent members are null."""
        worst = self.worst
        return {
            **{name: getattr(self, name) for name in _MEMBERS},
            "worst": worst and {name: getattr(worst, name) for name in ("value", "unit", "bound", "limit")},
            "last_mail": self.mail and asdict(self.mail),
            "acknowledged": self.acknowledged and asdict(self.acknowledged),
            "acknowledged_by": self.acknowledged_by,
            "muted": self.muted and asdict(self.muted),
        }


def lines(records: Iterable[Record], *, only_open: bool = False) -> list[AlertLine]:
    """Return alerts and silences, open ones first, the most severe and newest of them on top.

    `only_open` leaves out what is closed or pending.
    """
    listed = [_line(record) for record in records if isinstance(record.state, MetricState | Silence)]
    return sorted((line for line in listed if not only_open or line.state in _RUNNING), key=_urgency)


def marked(listed: Iterable[AlertLine], *, mutes: Mutes, now: datetime) -> list[AlertLine]:
    """Return the lines, each that has not ended with what mutes it."""
    return [
        replace(line, muted=mutes.muting(line.device_id, line.metric, now=now)) if line.state in _ORDER else line
        for line in listed
    ]


def in_digest(records: Sequence[Record], digest_id: str) -> list[AlertLine]:
    """Return the alerts that a digest lists, the most severe first. Raises UserError if the ledger has no such digest.

    An alert that was to be in it but was mailed by itself is left out.
    """
    by_key = {record.key: record for record in records}
    digest = by_key.get(digest_key(digest_id))
    if digest is None or not isinstance(digest.state, Digest):
        raise UserError(f"the ledger has no digest {digest_id}; it keeps them for 90 days")
    listed = []
    for member in digest.state.members:
        record = by_key.get(member.key)
        line = _line(record) if record is not None else AlertLine(device_id=member.key, state="forgotten")
        outbox = record.outbox if record is not None else ()
        message = next((message for message in outbox if message.message_id == member.message_id), None)
        if message is not None:
            if message.digest_id != digest_id:
                continue
            line = replace(line, severity=message.severity)
            if message.notice is not None and message.notice.alert is not None:
                line = replace(line, since=message.notice.alert.since, worst=message.notice.alert.breach)
        # A sent message is forgotten after a while; its kind is still part of its id.
        alert_id, *_, kind = member.message_id.split("-")
        at = message.settled_at if message is not None else None
        mail = LastMail(kind=kind, status="DIGESTED", at=at, digest_id=digest_id)
        listed.append(replace(line, alert_id=alert_id, mail=mail, active_at=at))
    return sorted(listed, key=_urgency)


def table(listed: Sequence[AlertLine], *, now: datetime, width: int) -> Table:
    """Return the lines as a table, where `width` is too small with the id below the device; all times are UTC."""
    rows = [_cells(line, now=now) for line in listed]
    columns = ("device", "metric", "state", "severity", "since", "worst", "last mail", "acknowledged", "id")
    wide = terminal.table(columns, rows, whole=columns[2:6], optional=columns[7:8])
    if terminal.fits(wide, width=width):
        return wide
    narrow = ("device, id", "metric", "state", "severity", "since", "worst, last mail")
    narrow_rows = (
        (
            _stacked(device, alert_id),
            *cells,
            _stacked(worst, mail, taken if taken == "-" else f"acknowledged by {taken}"),
        )
        for device, *cells, worst, mail, taken, alert_id in rows
    )
    return terminal.table(narrow, narrow_rows, whole=narrow[2:5])


def sums(listed: Sequence[AlertLine]) -> str:
    """Return how many there are of each state: `4 open, 12 silent, 3 closed; times are UTC.`"""
    counts = Counter(line.state for line in listed)
    return f"{', '.join(f'{count:,} {state}' for state, count in counts.items())}; times are UTC."


def _cells(line: AlertLine, *, now: datetime) -> list[str | Text]:
    style = terminal.SEVERITY_STYLES.get(line.severity or "", "") if line.state in _RUNNING else ""
    return [
        line.device_id,
        line.metric or "-",
        Text(f"{line.state} (muted)" if line.muted else line.state, style=style),
        Text(line.severity or "-", style=style),
        terminal.short_time(line.since, now=now) if line.since else "-",
        worst_of(line),
        _mail(line.mail, now=now),
        _acknowledged(line, now=now),
        line.alert_id or "-",
    ]


def _stacked(*cells: str | Text) -> Text:
    """Return the cells of a column, one below the other, without those that say nothing."""
    return Text("\n").join(Text(printable(str(cell))) for cell in cells if str(cell) != "-")


def _line(record: Record) -> AlertLine:
    state, message = record.state, record.outbox[-1] if record.outbox else None
    line = AlertLine(
        alert_id=message.message_id.partition("-")[0] if message else None,
        device_id=state.prefix if isinstance(state, Rejection) else record.key,
        state="rejected",
        mail=LastMail(
            kind=message.kind,
            status=message.status,
            at=message.settled_at or message.created_at,
            digest_id=message.digest_id,
        )
        if message
        else None,
    )
    mailed = [message.settled_at or message.created_at for message in record.outbox]
    if isinstance(state, Silence):
        times = [state.noticed_at] if state.noticed_at else []
        active_at = max([*times, *mailed], default=None)
        return replace(line, device_id=state.device_id, state=state.status, since=state.since, active_at=active_at)
    if not isinstance(state, MetricState):
        return line
    alert = state.alert
    times = [alert.last_at, alert.noticed_at] if alert else [state.settled_through] if state.settled_through else []
    recorded = [state.recorded.last_at] if state.recorded else []
    active_at = max([*times, *recorded, *mailed], default=None)
    line = replace(line, device_id=state.device_id, metric=state.metric, state=state.status, active_at=active_at)
    if alert is None and state.ended:
        last = state.ended[-1]
        return replace(
            line, alert_id=last.alert_id, severity=last.severity, since=last.since, until=last.until, worst=last
        )
    if alert is None:
        return line
    return replace(
        line,
        alert_id=alert.alert_id,
        severity=alert.severity,
        since=alert.since,
        worst=alert.worst,
        acknowledged=alert.acknowledged,
    )


def _urgency(line: AlertLine) -> tuple[int, int, float, str, str]:
    place = _ORDER.index(line.state) if line.state in _ORDER else len(_ORDER)
    newest = line.since or line.active_at
    return place, -RANK[line.severity], -newest.timestamp() if newest else 0.0, line.device_id, line.metric or ""


def worst_of(line: AlertLine) -> str:
    """Return the worst value and the limit that it crossed: `92.4 Cel above 85`."""
    worst = line.worst
    return f"{amount(worst.value, worst.unit)} {worst.bound} {worst.limit:.10g}" if worst else "-"


def _acknowledged(line: AlertLine, *, now: datetime) -> str:
    given = line.acknowledged
    if given is None:
        return line.acknowledged_by or "-"
    until = f" until {terminal.short_time(given.until, now=now)}" if given.until is not None else ""
    return f"{given.by}{until}{f': {given.note}' if given.note else ''}"


def _mail(mail: LastMail | None, *, now: datetime) -> str:
    if mail is None:
        return "-"
    waits = {
        "PENDING": "waits for a digest",
        "LEASED": "on its way",
        "DIGESTED": f"in digest {mail.digest_id}",
        "MUTED": "waits for the end of a mute",
    }
    return f"{mail.kind} {waits.get(mail.status) or (terminal.short_time(mail.at, now=now) if mail.at else '')}"
