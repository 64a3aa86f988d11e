"""decide -> one conditional write that also takes the lease -> publish -> SENT: for events and for the sweep alike.

A crash after the write leaves a lease that runs out, and a redelivery or the sweep takes it again; the one window that
can repeat an e-mail lies between SNS accepting it and the SENT mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.alert import outbox
from lambdas.alert.budget import EmailBudget
from lambdas.alert.fairness import source_of_notice
from lambdas.alert.ledger import ATTEMPTS, Conflict, ContentionError, Ledger
from lambdas.alert.message import Mail
from lambdas.alert.records import Decision, Message, Notice, Record
from lambdas.shared.logs import log

Decide = Callable[[Any, datetime], Decision[Any]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The record as it now stands, the messages this invocation holds the lease of, and the decision's word."""

    record: Record
    claims: tuple[Message, ...]
    deferred: int
    word: str


class Mailer:
    """Publishes to the topic."""

    def __init__(self, sns: Any, *, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def publish(self, mail: Mail) -> str:
        """Publish and return the SNS message id. Raises what SNS raises."""
        published = self._sns.publish(
            TopicArn=self._topic_arn,
            Subject=mail.subject,
            Message=mail.body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in mail.attributes.items()
            },
        )
        message_id: str = published["MessageId"]
        return message_id


class Delivery:
    """Runs transitions and sends what they say."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        budget: EmailBudget,
        mailer: Mailer,
        render: Callable[[Notice], Mail],
        clock: Callable[[], datetime],
        new_lease: Callable[[], str],
    ) -> None:
        self._ledger = ledger
        self._budget = budget
        self._mailer = mailer
        self._render = render
        self._clock = clock
        self._new_lease = new_lease

    def transition(
        self, record: Record | str, decide: Decide, *, blank: Any = None, pending: bool = False, budgeted: bool = True
    ) -> Outcome:
        """Decide and write, again from a fresh read whenever somebody else wrote first.

        `record` is a key (`blank`: the state of one that is new), or a record as the index knows it. Messages whose
        lease has run out are taken along, and with `pending` those that wait for a digest. Raises ContentionError, what
        `decide` raises, and what DynamoDB raises.
        """
        current = self._ledger.get(record, blank=blank) if isinstance(record, str) else record
        lease = self._new_lease()
        granted = 0
        for _ in range(ATTEMPTS):
            now = self._clock()
            decision = decide(current.state, now)
            again = outbox.to_send(current, now=now, pending=pending)
            notices = (*(message.notice for message in again), *decision.notices)
            wanted = len(notices)
            while granted < wanted and (
                not budgeted or self._budget.take(now, source=source_of_notice(notices[granted]))
            ):
                granted += 1
            planned = outbox.advance(
                current,
                decision.state,
                notices=decision.notices,
                again=again,
                budget=granted,
                now=now,
                lease=lease,
            )
            if planned == current:
                return Outcome(record=current, claims=(), deferred=0, word=decision.outcome)
            try:
                stored = self._ledger.put(planned, now=now)
            except Conflict:
                current = self._ledger.get(current.key, blank=blank or current.state)
                continue
            claims = outbox.held(stored, lease=lease)
            return Outcome(record=stored, claims=claims, deferred=wanted - len(claims), word=decision.outcome)
        raise ContentionError(current.key)

    def send(self, outcome: Outcome) -> int:
        """Publish what the outcome holds a lease of, and mark each SENT; return how many. Raises what SNS raises."""
        record = outcome.record
        sent = 0
        for message in outcome.claims:
            if message.notice is None:
                continue
            published = self.publish(record, message, mail=self._render(message.notice))
            if published is not None:
                record = published
                sent += 1
        return sent

    def publish(self, record: Record, message: Message, *, mail: Mail) -> Record | None:
        """Publish one leased message and mark it SENT; return the record, or None if the lease ran out before."""
        now = self._clock()
        if message.lease_until is None or now >= message.lease_until:
            log("WARNING", "lease ran out before publishing; the sweep takes over", message_id=message.message_id)
            return None
        sns_message_id = self._mailer.publish(mail)
        log("INFO", "published", message_id=message.message_id, subject=mail.subject, sns_message_id=sns_message_id)
        marked_at = self._clock()
        return self._ledger.rewrite(
            record,
            lambda current: outbox.sent(current, message.message_id, now=marked_at, sns_message_id=sns_message_id),
            now=marked_at,
        )
