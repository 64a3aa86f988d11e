"""One e-mail for everything over the budget in a minute; each message counts in exactly one digest.

Two steps, both repeatable: the digest's item is written first with the list of messages it may count, then each of
them is marked with the digest's id, only where it still waits. After a crash the next sweep walks the same list: what
is marked with this digest counts, what still waits is marked now, what went another way does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate

from lambdas.alert.adapters.ledger import ContentionError, Ledger
from lambdas.alert.adapters.ledger_items import digest_key
from lambdas.alert.delivery.delivery import Delivery, Transition
from lambdas.alert.domain import outbox
from lambdas.alert.domain.fairness import round_robin, source_of_notice
from lambdas.alert.domain.models import Decision, Digest, Member, Record
from lambdas.alert.domain.notices import Message, Notice
from lambdas.alert.mail.message import Mail, urgency
from lambdas.shared.logs import log

# What one digest counts at most: its marks must fit into one sweep, and its list of names into one item (400 KB),
# however long the names are.
MOST = 1_000
_MOST_BYTES = 300_000


class Digests:
    """Makes a minute's digest, and finishes one that was cut short."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        delivery: Delivery,
        render: Callable[[str, Sequence[Notice]], Mail],
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._delivery = delivery
        self._render = render
        self._clock = clock

    def make(self, waiting: Sequence[tuple[Record, Message]]) -> int:
        """Make this minute's digest of what waits, unless there is one; return the e-mails sent (0 or 1).

        What comes first in `waiting` is counted first (see `in_order`).
        """
        digest_id = self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
        members = _as_many_as_fit(waiting)

        def begin(state: Digest, _now: datetime) -> Decision[Digest]:
            if state.members:
                return Decision(state=state, outcome="unchanged")
            notice = Notice(kind="digest", alert_id=digest_id)
            return Decision(state=replace(state, members=members), notices=(notice,), outcome="digest")

        outcome = self._delivery.transition(
            digest_key(digest_id), begin, blank=Digest(digest_id=digest_id), budgeted=False
        )
        return self._finish(outcome, {record.key: record for record, _ in waiting})

    def resume(self, record: Record) -> int:
        """Finish a digest whose lease has run out; return the e-mails sent (0 or 1)."""
        outcome = self._delivery.transition(
            record, lambda state, _now: Decision(state=state, outcome="unchanged"), budgeted=False
        )
        return self._finish(outcome, {})

    def _finish(self, outcome: Transition, known: dict[str, Record]) -> int:
        record, digest = outcome.record, outcome.record.state
        if not outcome.claims or not isinstance(digest, Digest):
            return 0
        (message,) = outcome.claims
        notices = [
            notice
            for member in digest.members
            if (notice := self._try_to_count(member, digest, known=known)) is not None
        ]
        record = replace(record, state=replace(digest, counted=len(notices)))
        if not notices:
            self._ledger.put(replace(record, outbox=()), now=self._clock())
            return 0
        sent = self._delivery.publish(record, message, mail=self._render(digest.digest_id, notices))
        return 0 if sent is None else 1

    def _try_to_count(self, member: Member, digest: Digest, *, known: dict[str, Record]) -> Notice | None:
        """Count one message, or leave it to the next digest where its own record cannot be written: others wait too."""
        try:
            return self._count(member, digest, known=known)
        except (ContentionError, ValueError) as error:
            log("WARNING", "a message waits for the next digest", key=member.key, error=repr(error))
            return None

    def _count(self, member: Member, digest: Digest, *, known: dict[str, Record]) -> Notice | None:
        """Mark one message as counted here; return what it says, or None if it went another way."""
        now = self._clock()
        known[member.key] = marked = self._ledger.rewrite(
            known.get(member.key) or self._ledger.get(member.key, blank=digest),
            lambda record: outbox.digested(record, member.message_id, digest_id=digest.digest_id, now=now),
            now=now,
        )
        found = next((message for message in marked.outbox if message.message_id == member.message_id), None)
        return found.notice if found is not None and found.digest_id == digest.digest_id else None


def in_order(waiting: Sequence[tuple[Record, Message]]) -> list[tuple[Record, Message]]:
    """Return what waits, the worst of each source before the second of any."""
    worst_first = sorted(waiting, key=lambda pair: urgency(pair[1].notice), reverse=True)
    return round_robin(worst_first, source=lambda pair: source_of_notice(pair[1].notice))


def _as_many_as_fit(waiting: Sequence[tuple[Record, Message]]) -> tuple[Member, ...]:
    members = [Member(key=record.key, message_id=message.message_id) for record, message in waiting[:MOST]]
    sizes = accumulate(len(member.key.encode()) + len(member.message_id) + 50 for member in members)
    return tuple(member for member, size in zip(members, sizes, strict=True) if size <= _MOST_BYTES)
