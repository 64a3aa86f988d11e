"""What the ledger keeps and what an e-mail says: plain frozen records. Pure; no AWS SDK import.

All times are aware datetimes in UTC. "Clock time" is ours. "Reading time" is the earlier of the device's own stamp and
the upload of the object that the reading came in, so that no stamp can reach beyond its upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

from lambdas.shared.contracts import ObjectRef, ReadingsRejected, Severity, ThresholdBreached
from lambdas.shared.threshold_rules import Crossing

Kind = Literal[
    "opened", "escalated", "crossed", "deescalated", "reminder", "resolved", "silent", "back", "rejected", "digest"
]  # fmt: skip
AlertPhase = Literal["pending", "open"]
MessageStatus = Literal["PENDING", "LEASED", "SENT", "DIGESTED"]

RANK: dict[Severity | None, int] = {None: 0, "warning": 1, "critical": 2}


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One reading of one metric at its reading time; `stamped_at` is what the device's own clock said."""

    at: datetime
    value: float | int
    stamped_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AlertFacts:
    """What an e-mail says of an alert. `level` holds now (None: it has ended); `since`, `until` are reading times.

    `breach` is the one this is about, else the worst; `latest` is the newest reading, if it is newer than all breaches,
    and `cleared` the first one that was past clear. `limit` is the one in force, which may have changed since the
    breach. `opposite` is how severely the other side of the range was crossed. Since `quiet_since` nothing was read.
    """

    device_id: str
    metric: str
    breach: ThresholdBreached
    since: datetime
    until: datetime
    level: Severity | None = None
    latest: Observation | None = None
    cleared: Observation | None = None
    limit: Crossing | None = None
    opposite: Severity | None = None
    quiet_since: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PendingBreach:
    """A metric that is out of bounds since `since`, not yet for as long as its rule's `for`; `breach` is the worst."""

    since: datetime
    breach: ThresholdBreached


@dataclass(frozen=True, kw_only=True)
class SilenceFacts:
    """What an e-mail says of a silence: the last upload before it, and the clock (or first upload) at its other end.

    `pending` are the worst of the `pending_count` metrics that were out of bounds when the device fell silent. `source`
    is who uploaded for it.
    """

    device_id: str
    since: datetime
    until: datetime
    limit: timedelta
    pending: tuple[PendingBreach, ...] = ()
    pending_count: int = 0
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class RejectedFacts:
    """What is told of rejected records: the first object under `prefix` that had some in that hour."""

    prefix: str
    rejected: ReadingsRejected


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something worth an e-mail, with all that the e-mail says: one of alert, silence, rejected (a digest has none).

    `severity` is the worst that the alert has had, so that a subscriber to critical alone also hears how they end.
    """

    kind: Kind
    alert_id: str
    severity: Severity | None = None
    alert: AlertFacts | None = None
    silence: SilenceFacts | None = None
    rejected: RejectedFacts | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """A notice on its way: PENDING (over the budget, waits for a digest) | LEASED -> SENT, or PENDING -> DIGESTED.

    `lease` names the invocation that may publish it until `lease_until` (clock time). `notice` is dropped once SENT.
    """

    message_id: str
    kind: Kind
    severity: Severity | None = None
    status: MessageStatus
    created_at: datetime
    notice: Notice | None = None
    lease: str | None = None
    lease_until: datetime | None = None
    settled_at: datetime | None = None
    sns_message_id: str | None = None
    digest_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The span of breaches that came too late to be mailed (older than `STALE_AFTER`)."""

    first_at: datetime
    last_at: datetime
    severity: Severity


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A running alert: `pending` until its breach has lasted for the rule's `for`, then `open`.

    `since`, `last_at`, `critical_at` are reading times of breaches: the first, the last, the last critical one. A
    critical breach at or before `lowered_through` never escalates it again. `above` and `below` are how severely each
    side of the range was crossed; `severity` is the worse of the two. `noticed_at`, `remind_at`: clock times.
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


@dataclass(frozen=True, kw_only=True)
class MetricState:
    """One metric of one device: its running alert, if any, and the reading time before which all is decided.

    A breach before `settled_through` belongs to an alert that has ended, and never opens another.
    """

    device_id: str
    metric: str
    alert: Alert | None = None
    settled_through: datetime | None = None
    recorded: Recorded | None = None

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

    `source` is who uploaded for it, where the registry says so.
    """

    device_id: str
    since: datetime | None = None
    noticed_at: datetime | None = None
    source: str | None = None

    @property
    def status(self) -> str:
        """`silent` or `reporting`."""
        return "silent" if self.since is not None else "reporting"

    @property
    def watched_since(self) -> datetime | None:
        """Clock time since which the sweep waits for its return, or None while it reports."""
        return self.noticed_at


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Rejected records under one prefix in one hour: the first object that had them is mailed, the rest are logged."""

    prefix: str
    hour: str
    first: ObjectRef | None = None

    @property
    def status(self) -> str:
        """Always `closed`."""
        return "closed"

    @property
    def watched_since(self) -> datetime | None:
        """Nothing to look after: one e-mail and done."""
        return None


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


State = MetricState | Silence | Rejection | Digest
S = TypeVar("S", MetricState, Silence, Rejection, Digest)


@dataclass(frozen=True, kw_only=True)
class Decision(Generic[S]):
    """What an event or a tick makes of a state: the state to keep, at most one notice, and one word for the log."""

    state: S
    notices: tuple[Notice, ...] = ()
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """One item of the ledger: a state, and the messages it has caused. `version` 0 is not stored yet."""

    key: str
    version: int = 0
    state: State
    outbox: tuple[Message, ...] = ()
