"""Delivers e-mails: decide, write state and lease in one conditional write, publish, mark SENT.

A crash after the write leaves a lease that runs out, and a redelivery or the sweep takes it again; the one window that
can repeat an e-mail lies between SNS accepting it and the SENT mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from lambdas.alert.adapters.ledger import ATTEMPTS, Conflict, ContentionError, Ledger
from lambdas.alert.adapters.ledger_items import flood_key
from lambdas.alert.delivery.email_budget import EmailBudget
from lambdas.alert.domain import flood, outbox, withheld
from lambdas.alert.domain.fairness import source_of_notice
from lambdas.alert.domain.models import Decision, Flood, Record
from lambdas.alert.domain.mutes import Mutes
from lambdas.alert.domain.notices import AlertFacts, Message, Notice
from lambdas.alert.mail.document import to_json
from lambdas.alert.mail.message import Mail
from lambdas.shared.logs import log

Decide = Callable[[Any, datetime], Decision[Any]]


@dataclass(frozen=True, kw_only=True)
class Transition:
    """The record as it now stands, the messages this invocation holds the lease of, and what was decided."""

    record: Record
    claims: tuple[Message, ...]
    deferred: int
    decision: str


class Mailer:
    """Publishes each message twice: its document to the topic of programs, its e-mail to that of people.

    Two topics, because with MessageStructure=json, which gives each protocol its own text, SNS sends no message
    attributes (SNS Developer Guide, "Amazon SNS message attributes"), and filters need them.
    """

    def __init__(self, sns: Any, *, topic_arn: str, notification_topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._notification_topic_arn = notification_topic_arn

    def publish(self, mail: Mail, *, message_id: str) -> str:
        """Publish and return the e-mail's SNS message id. Raises what SNS raises.

        The document first: whatever fails in between, no e-mail comes twice, and programs know a repetition by its id.
        """
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in mail.attributes.items()}
        self._sns.publish(
            TopicArn=self._notification_topic_arn,
            Message=to_json(mail.document, id=message_id),
            MessageAttributes=attributes,
        )
        published = self._sns.publish(
            TopicArn=self._topic_arn, Subject=mail.subject, Message=mail.body, MessageAttributes=attributes
        )
        sns_message_id: str = published["MessageId"]
        return sns_message_id


class Delivery:
    """Runs transitions and sends what they say; of one source, at most `most_new_alerts` in an hour one by one."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        budget: EmailBudget,
        mailer: Mailer,
        render: Callable[[Notice], Mail],
        clock: Callable[[], datetime],
        new_lease: Callable[[], str],
        most_new_alerts: int,
    ) -> None:
        self._ledger = ledger
        self._budget = budget
        self._mailer = mailer
        self._render = render
        self._clock = clock
        self._new_lease = new_lease
        self._most_new_alerts = most_new_alerts
        # Floods that this process knows to be written down: to count them further would throttle their counter.
        self._floods: set[str] = set()

    def transition(
        self,
        record: Record | str,
        decide: Decide,
        *,
        blank: Any = None,
        mutes: Mutes | None = None,
        pending: bool = False,
        budgeted: bool = True,
    ) -> Transition:
        """Decide and write, again from a fresh read whenever somebody else wrote first.

        `record` is a key (`blank`: the state of one that is new), or a record as the index knows it. Messages whose
        lease has run out are taken along, with `pending` those that wait for a digest, and with `mutes` those that one
        of them has withheld until now; without `mutes` nothing is. Raises ContentionError, what
        `decide` raises, and what DynamoDB raises.
        """
        current = self._ledger.get(record, blank=blank) if isinstance(record, str) else record
        lease = self._new_lease()
        granted = 0
        for _ in range(ATTEMPTS):
            now = self._clock()
            is_muted = mutes is not None and mutes.is_muted(current.state, now=now)
            decision = decide(current.state, now)
            if is_muted:
                decision = withheld.muted(current.state, decision, now=now)
            else:
                decision = withheld.announced(current.state, decision)
            again = outbox.to_send(current, now=now, pending=pending, unmuted=mutes is not None and not is_muted)
            notices = (*(message.notice for message in again), *decision.notices)
            wanted = len(notices)
            while granted < wanted and (
                not budgeted or self._budget.take(now, source=source_of_notice(notices[granted]))
            ):
                granted += 1
            counted = flood.counted_in(current.state, decision, now=now) if granted < wanted else None
            if counted is not None:
                decision = self._bounded(decision, *counted, now=now)
            planned = outbox.advance(
                current,
                decision.state,
                notices=decision.notices,
                withheld=decision.withheld,
                again=again,
                budget=granted,
                now=now,
                lease=lease,
            )
            if planned == current:
                return Transition(record=current, claims=(), deferred=0, decision=decision.outcome)
            try:
                stored = self._ledger.put(planned, now=now)
            except Conflict:
                current = self._ledger.get(current.key, blank=blank or current.state)
                continue
            claims = outbox.held(stored, lease=lease)
            deferred = len(again) + len(decision.notices) - len(claims)
            return Transition(record=stored, claims=claims, deferred=deferred, decision=decision.outcome)
        raise ContentionError(current.key)

    def _bounded(self, decision: Decision[Any], blank: Flood, facts: AlertFacts, *, now: datetime) -> Decision[Any]:
        """Count what has to wait; return it, or beyond the bound the same without its e-mail.

        The flood is written down before anything is withheld, so that no crash loses both. The sweep mails it.
        """
        key = flood_key(blank.source, blank.hour)
        if key not in self._floods:
            if self._ledger.count_opened(blank.source, blank.hour, now=now) <= self._most_new_alerts:
                return decision

            def begin(record: Record) -> Record:
                begun = flood.on_flood(cast(Flood, record.state), facts, most=self._most_new_alerts)
                return outbox.advance(record, begun.state, notices=begun.notices, again=(), budget=0, now=now, lease="")

            self._ledger.rewrite(self._ledger.get(key, blank=blank), begin, now=now)
            self._floods.add(key)
        return withheld.flooded(decision, hour=blank.hour)

    def send(self, outcome: Transition) -> int:
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
        sns_message_id = self._mailer.publish(mail, message_id=message.message_id)
        log("INFO", "published", message_id=message.message_id, subject=mail.subject, sns_message_id=sns_message_id)
        marked_at = self._clock()
        return self._ledger.rewrite(
            record,
            lambda current: outbox.sent(current, message.message_id, now=marked_at, sns_message_id=sns_message_id),
            now=marked_at,
        )
