"""What an e-mail is about: a notice with all that it says, and the message that carries it.

All times are aware datetimes in UTC. "Clock time" is ours. "Reading time" is the earlier of the device's own stamp and
the upload of the object that the reading came in, so that no stamp can reach beyond its upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lambdas.shared.events import ReadingsRejected, Severity, ThresholdBreached
from lambdas.shared.thresholds.rules import Crossing

Kind = Literal[
    "opened", "escalated", "crossed", "deescalated", "reminder", "unattended", "resolved", "silent", "back", "rejected",
    "flood", "digest",
]  # fmt: skip
MessageStatus = Literal["PENDING", "LEASED", "SENT", "DIGESTED", "MUTED"]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One reading of one metric at its reading time; `stamped_at` is what the device's own clock said."""

    at: datetime
    value: float | int
    stamped_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """Who has taken an alert on, and when (clock time); it lapses at `until`, or lasts as long as the alert."""

    by: str
    at: datetime
    note: str | None = None
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Return whether it has not lapsed."""
        return self.until is None or now < self.until


@dataclass(frozen=True, kw_only=True)
class AlertFacts:
    """What an e-mail says of an alert. `level` holds now (None: it has ended); `since`, `until` are reading times.

    `breach` is the one this is about, else the worst; `latest` is the newest reading, if it is newer than all breaches,
    and `cleared` the first one that was past clear. `limit` is the one in force, which may have changed since the
    breach. `opposite` is how severely the other side of the range was crossed. Since `quiet_since` nothing was read.
    `unit` is that of `latest`, `cleared` and `limit`, where the rule in force has one; the breach has its own. The
    readings are clear again, but not yet for the `clear_for` seconds that end the alert. Since `unattended_since`
    (clock time) nobody has had it acknowledged. `runbook` is the rule's. `withheld_at` is since when
    (clock time) a mute had withheld its e-mails.
    """

    device_id: str
    metric: str
    breach: ThresholdBreached
    since: datetime
    until: datetime
    level: Severity | None = None
    unit: str | None = None
    latest: Observation | None = None
    cleared: Observation | None = None
    limit: Crossing | None = None
    opposite: Severity | None = None
    quiet_since: datetime | None = None
    reason: str | None = None
    acknowledged: Acknowledgement | None = None
    unattended_since: datetime | None = None
    clear_for: float | None = None
    runbook: str | None = None
    withheld_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PendingBreach:
    """A metric that is out of bounds since `since`, not yet for as long as its rule's `for`; `breach` is the worst."""

    since: datetime
    breach: ThresholdBreached


@dataclass(frozen=True, kw_only=True)
class SilenceFacts:
    """What an e-mail says of a silence: the last upload before it, and the clock (or first upload) at its other end.

    `limit` is in seconds. `pending` are the worst of the `pending_count` metrics that were out of bounds when the
    device fell silent. `source` is who uploaded for it. Of a gateway, `behind` are the first of the `behind_count`
    devices behind it.
    """

    device_id: str
    since: datetime
    until: datetime
    limit: float
    pending: tuple[PendingBreach, ...] = ()
    pending_count: int = 0
    source: str | None = None
    behind: tuple[str, ...] = ()
    behind_count: int = 0


@dataclass(frozen=True, kw_only=True)
class RejectedFacts:
    """What an e-mail says of rejected records: the first object under `prefix` that had some in that hour."""

    prefix: str
    rejected: ReadingsRejected


@dataclass(frozen=True, kw_only=True)
class FloodFacts:
    """What an e-mail says of a source that opened more than `most` alerts in `hour`, and the breach of the next."""

    source: str
    hour: str
    most: int
    first: ThresholdBreached


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something worth an e-mail, with all it says: one of alert, silence, rejected, flood (a digest has none).

    `severity` is the worst that the alert has had, so that a subscriber to critical alone also hears how they end.
    """

    kind: Kind
    alert_id: str
    severity: Severity | None = None
    alert: AlertFacts | None = None
    silence: SilenceFacts | None = None
    rejected: RejectedFacts | None = None
    flood: FloodFacts | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """A notice on its way: PENDING (over the budget, waits for a digest) | LEASED -> SENT, or PENDING -> DIGESTED.

    MUTED waits for the end of a mute, and goes on like a new one then.

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
