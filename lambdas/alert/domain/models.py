"""What the ledger keeps: alerts, silences and the like, each a plain frozen record with its outbox.

All times are aware datetimes in UTC. "Clock time" is ours. "Reading time" is the earlier of the device's own stamp and
the upload of the object that the reading came in, so that no stamp can reach beyond its upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from lambdas.alert.domain.notices import Acknowledgement, Message, Notice, Observation
from lambdas.shared.events import Bound, ObjectRef, Severity, ThresholdBreached

AlertPhase = Literal["pending", "open"]

RANK: dict[Severity | None, int] = {None: 0, "warning": 1, "critical": 2}


@dataclass(frozen=True, kw_only=True)
class StaleBreaches:
    """The span of breaches that came too late to be mailed (older than `STALE_AFTER`)."""

    first_at: datetime
    last_at: datetime
    severity: Severity


@dataclass(frozen=True, kw_only=True)
class ClearRow:
    """What is known of the readings behind the last breach (`after`), for a rule with `clear_for`.

    All from `first` on were clear (None: the last one was not). They were looked at up to the stamp `through`.
    """

    after: datetime
    through: datetime
    first: Observation | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What people know of an alert whose e-mails a mute has withheld since `withheld_at` (clock time).

    The severity that was last mailed, and that of each side; without a severity they have not heard of it.
    """

    withheld_at: datetime
    severity: Severity | None = None
    above: Severity | None = None
    below: Severity | None = None


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A running alert: `pending` until its breach has lasted for the rule's `for`, then `open`.

    `since`, `last_at`, `critical_at` are reading times of breaches: the first, the last, the last critical one. A
    critical breach at or before `lowered_through` never escalates it again. `above` and `below` are how severely each
    side of the range was crossed; `severity` is the worse of the two. `noticed_at` and `remind_at` are clock times, and
    so are those of its first e-mail (`mailed_at`) and of the one that said it was unattended (`unattended_at`).
    `flood`: only the flood e-mail of that hour stands for it. `known`: where a mute has withheld e-mails.
    """

    alert_id: str
    phase: AlertPhase
    severity: Severity
    noticed_at: datetime
    since: datetime
    last_at: datetime
    worst: ThresholdBreached
    above: Severity | None = None
    below: Severity | None = None
    critical_at: datetime | None = None
    lowered_through: datetime | None = None
    remind_at: datetime | None = None
    flood: str | None = None
    mailed_at: datetime | None = None
    unattended_at: datetime | None = None
    acknowledged: Acknowledgement | None = None
    clear_row: ClearRow | None = None
    known: Known | None = None

    def is_acknowledged(self, now: datetime) -> bool:
        """Return whether somebody has acknowledged it, and that has not lapsed."""
        return self.acknowledged is not None and self.acknowledged.holds(now)


@dataclass(frozen=True, kw_only=True)
class EndedAlert:
    """What is kept of an alert that has ended: its span in reading times, and its worst breach."""

    alert_id: str
    severity: Severity
    since: datetime
    until: datetime
    value: float | int
    bound: Bound
    limit: float | int
    unit: str | None = None
    trace_id: str | None = None
    acknowledged_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class MetricState:
    """One metric of one device: its running alert, if any, and the reading time before which all is decided.

    A breach before `settled_through` belongs to an alert that has ended, and never opens another. `ended` are the last
    few that did, oldest first.
    """

    device_id: str
    metric: str
    alert: Alert | None = None
    settled_through: datetime | None = None
    recorded: StaleBreaches | None = None
    ended: tuple[EndedAlert, ...] = ()

    @property
    def status(self) -> str:
        """`closed`, `pending` or `open`."""
        return self.alert.phase if self.alert is not None else "closed"

    @property
    def watched_since(self) -> datetime | None:
        """Clock time since which the sweep looks after it, or None: it needs no looking after."""
        return self.alert.noticed_at if self.alert is not None else None


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Whether a device has gone silent: `since` is its last upload's time, `noticed_at` when the sweep saw it.

    `source` is who uploaded for it, where the registry says so. Of a gateway all uploads count that come through it; it
    is quiet (`quiet_since`) before it is silent, and has lived again since `returned_at`. Since `withheld_at` (clock
    time) a mute withholds its `silent` e-mail.
    """

    device_id: str
    since: datetime | None = None
    noticed_at: datetime | None = None
    source: str | None = None
    quiet_since: datetime | None = None
    returned_at: datetime | None = None
    withheld_at: datetime | None = None

    @property
    def status(self) -> str:
        """`silent` or `reporting`."""
        return "silent" if self.since is not None else "reporting"

    @property
    def watched_since(self) -> datetime | None:
        """Clock time since which the sweep waits for its return, or None while it reports."""
        return self.noticed_at


class _MailedOnce:
    """What one e-mail is about, and nothing to look after."""

    @property
    def status(self) -> str:
        """Always `closed`."""
        return "closed"

    @property
    def watched_since(self) -> datetime | None:
        """Nothing to look after: one e-mail and done."""
        return None


@dataclass(frozen=True, kw_only=True)
class Rejection(_MailedOnce):
    """Rejected records under one prefix in one hour: the first object that had them is mailed, the rest are logged."""

    prefix: str
    hour: str
    first: ObjectRef | None = None


@dataclass(frozen=True, kw_only=True)
class Flood(_MailedOnce):
    """A source that opened too many alerts in one hour: `first`, the object of the first one beyond, is mailed."""

    source: str
    hour: str
    first: ObjectRef | None = None


@dataclass(frozen=True, kw_only=True)
class Member:
    """A message that a digest stands for: the ledger key and the message's id."""

    key: str
    message_id: str


@dataclass(frozen=True, kw_only=True)
class Digest:
    """What one minute's digest may count (`members`, written first) and how many it did count (once sent)."""

    digest_id: str
    members: tuple[Member, ...] = ()
    counted: int | None = None

    @property
    def status(self) -> str:
        """`open` until it is sent."""
        return "open" if self.counted is None else "closed"

    @property
    def watched_since(self) -> datetime | None:
        """Nothing to look after once it is sent."""
        return None


State = MetricState | Silence | Rejection | Flood | Digest
S = TypeVar("S", MetricState, Silence, Rejection, Flood, Digest)


@dataclass(frozen=True, kw_only=True)
class Decision(Generic[S]):
    """What an event or a tick makes of a state: the state to keep, at most one notice, and one word for the log.

    `withheld` is the notice instead, where it is to be mailed once a mute has ended.
    """

    state: S
    notices: tuple[Notice, ...] = ()
    withheld: tuple[Notice, ...] = ()
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """One item of the ledger: a state, and the messages it has caused. `version` 0 is not stored yet."""

    key: str
    version: int = 0
    state: State
    outbox: tuple[Message, ...] = ()
