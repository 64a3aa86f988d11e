"""What the ledger knows of alerts, as lines for people and programs. Pure; no AWS SDK import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from lambdas.alert.codec import Attribute, from_map
from lambdas.alert.ledger import RECORDS, digest_key
from lambdas.alert.records import RANK, Digest, Message, MetricState, Record, Rejection, Silence, State
from lambdas.alert.wording import amount
from lambdas.shared.contracts import Severity, ThresholdBreached
from lambdas.shared.printable import printable
from lambdas.shared.times import timestamp
from sensorctl.errors import UserError

_RUNNING = ("open", "silent")
_ORDER = ("open", "silent", "pending")
_STYLES = {"critical": "bold red", "warning": "yellow"}


@dataclass(frozen=True, kw_only=True)
class LastMail:
    """The newest message of an alert: SENT, LEASED (on its way), PENDING (waits for a digest) or DIGESTED (in one)."""

    kind: str
    status: str
    at: datetime | None = None
    digest_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric's alert, one device's silence, or (in a digest) one source prefix's rejected records.

    `since` is a reading time; `worst` is the gravest breach; `active_at` is when it last changed.
    """

    alert_id: str | None = None
    device_id: str
    metric: str | None = None
    state: str
    severity: Severity | None = None
    since: datetime | None = None
    worst: ThresholdBreached | None = None
    mail: LastMail | None = None
    active_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it for a program: times in RFC 3339, absent members null."""
        worst, mail = self.worst, self.mail
        return {
            "alert_id": self.alert_id,
            "device_id": self.device_id,
            "metric": self.metric,
            "state": self.state,
            "severity": self.severity,
            "since": timestamp(self.since) if self.since else None,
            "worst": {"value": worst.value, "unit": worst.unit, "bound": worst.bound, "limit": worst.limit}
            if worst
            else None,
            "last_mail": {
                "kind": mail.kind,
                "status": mail.status,
                "at": timestamp(mail.at) if mail.at else None,
                "digest_id": mail.digest_id,
            }
            if mail
            else None,
        }


def read(items: Iterable[dict[str, Attribute]]) -> tuple[list[Record], list[str]]:
    """Return the records among the table's items, and the keys of those that cannot be read (another version's)."""
    records, unreadable = [], []
    for item in items:
        if "record" not in item:  # budgets and the sweep's cursors
            continue
        key = item["alert_key"]["S"]
        try:
            state: State = from_map(RECORDS[item["record"]["S"]], item)
            outbox = tuple(from_map(Message, member["M"]) for member in item["outbox"]["L"])
            records.append(Record(key=key, version=int(item["version"]["N"]), state=state, outbox=outbox))
        except (KeyError, TypeError, ValueError):
            unreadable.append(key)
    return records, unreadable


def lines(records: Iterable[Record], *, only_open: bool = False, since: datetime | None = None) -> list[Line]:
    """Return alerts and silences, those that go on first, the gravest and newest of them on top.

    `only_open` leaves out what is closed or pending, `since` what has not changed from that instant on.
    """
    made = [_line(record) for record in records if isinstance(record.state, MetricState | Silence)]
    kept = [
        line
        for line in made
        if (not only_open or line.state in _RUNNING)
        and (since is None or (line.active_at is not None and line.active_at >= since))
    ]
    return sorted(kept, key=_urgency)


def in_digest(records: Sequence[Record], digest_id: str) -> list[Line]:
    """Return what a digest stands for, the gravest first. Raises UserError when the ledger has no such digest.

    What was to be in it and went out by itself is left out.
    """
    by_key = {record.key: record for record in records}
    found = by_key.get(digest_key(digest_id))
    if found is None or not isinstance(found.state, Digest):
        raise UserError(f"the ledger has no digest {digest_id}; it keeps them for 90 days")
    made = []
    for member in found.state.members:
        record = by_key.get(member.key)
        outbox = record.outbox if record is not None else ()
        message = next((message for message in outbox if message.message_id == member.message_id), None)
        if message is not None and message.digest_id != digest_id:
            continue
        line = _line(record) if record is not None else Line(device_id=member.key, state="forgotten")
        # A message that is settled is forgotten after a while; its id still tells its kind.
        kind = member.message_id.rpartition("-")[2]
        at = message.settled_at if message is not None else None
        notice = message.notice if message is not None else None
        made.append(
            Line(
                alert_id=member.message_id.partition("-")[0],
                device_id=line.device_id,
                metric=line.metric,
                state=line.state,
                severity=message.severity if message is not None else line.severity,
                since=notice.alert.since if notice is not None and notice.alert is not None else line.since,
                worst=notice.alert.breach if notice is not None and notice.alert is not None else line.worst,
                mail=LastMail(kind=kind, status="DIGESTED", at=at, digest_id=digest_id),
                active_at=at,
            )
        )
    return sorted(made, key=_urgency)


def table(listed: Sequence[Line]) -> Table:
    """Return the lines as a table; all times are UTC."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("device", "metric", "state", "severity", "since (UTC)", "worst", "last mail (UTC)"):
        shown.add_column(column, overflow="fold")
    for line in listed:
        style = _STYLES.get(line.severity or "", "") if line.state in _RUNNING else ""
        shown.add_row(
            Text(printable(line.device_id)),
            Text(printable(line.metric or "-")),
            Text(line.state, style=style),
            Text(line.severity or "-", style=style),
            _time(line.since) or "-",
            Text(_worst(line.worst)),
            _mail(line.mail),
        )
    return shown


def _line(record: Record) -> Line:
    state, message = record.state, record.outbox[-1] if record.outbox else None
    mailed = [message.settled_at or message.created_at for message in record.outbox]
    mail = None
    if message is not None:
        mail = LastMail(
            kind=message.kind,
            status=message.status,
            at=message.settled_at or message.created_at,
            digest_id=message.digest_id,
        )
    if isinstance(state, MetricState):
        alert = state.alert
        times = [alert.last_at, alert.noticed_at] if alert else [state.settled_through] if state.settled_through else []
        recorded = [state.recorded.last_at] if state.recorded else []
        return Line(
            alert_id=alert.alert_id if alert else _alert_id(message),
            device_id=state.device_id,
            metric=state.metric,
            state=state.status,
            severity=alert.severity if alert else None,
            since=alert.since if alert else None,
            worst=alert.worst if alert else None,
            mail=mail,
            active_at=max([*times, *recorded, *mailed], default=None),
        )
    if isinstance(state, Silence):
        times = [state.noticed_at] if state.noticed_at else []
        return Line(
            alert_id=_alert_id(message),
            device_id=state.device_id,
            state=state.status,
            since=state.since,
            mail=mail,
            active_at=max([*times, *mailed], default=None),
        )
    device = state.prefix if isinstance(state, Rejection) else record.key
    return Line(alert_id=_alert_id(message), device_id=device, state="rejected", mail=mail)


def _alert_id(message: Message | None) -> str | None:
    return message.message_id.partition("-")[0] if message is not None else None


def _urgency(line: Line) -> tuple[int, int, float, str, str]:
    place = _ORDER.index(line.state) if line.state in _ORDER else len(_ORDER)
    newest = line.since or line.active_at
    return place, -RANK[line.severity], -newest.timestamp() if newest else 0.0, line.device_id, line.metric or ""


def _worst(breach: ThresholdBreached | None) -> str:
    return f"{amount(breach.value, breach.unit)} {breach.bound} {breach.limit:.10g}" if breach else "-"


def _mail(mail: LastMail | None) -> str:
    if mail is None:
        return "-"
    told = {"PENDING": "waits for a digest", "LEASED": "on its way", "DIGESTED": f"in digest {mail.digest_id}"}
    return f"{mail.kind} {told.get(mail.status) or _time(mail.at)}"


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
