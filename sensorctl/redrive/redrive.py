"""Takes what waits in the failure and dead-letter queues and does it again; a message goes only once that succeeded.

Doing it again is safe: ingest writes the same items, and alert drops the breaches it has seen. E-mails are published
again one at a time, out of the budget that alert takes from (lambdas/alert/delivery/email_budget.py). Redrive counts as
one source and may use at most half of the budget.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from typing import Any

from lambdas.alert.delivery.email_budget import EMAILS_PER_SECOND, EmailBudget
from lambdas.alert.mail.document import attributes_of, document_in, to_json
from sensorctl.aws.access import Access
from sensorctl.aws.invoking import PARALLEL, FunctionError, Functions, emails_per_minute
from sensorctl.aws.outputs import Pipeline, Queue
from sensorctl.redrive.failed_messages import WORKER, FailedMessage
from sensorctl.redrive.held_messages import HeldMessage, HeldMessages

# How long to wait where the budget of this second or minute is spent.
_PAUSE_S = 0.5
# The source that the e-mails count for; no folder has a slash in its name.
_SOURCE = "/redrive"
_LOST = FunctionError(words="SQS would not let us hold it any longer; others may have it now", kind="lost")


@dataclass(kw_only=True)
class RedriveResult:
    """How many were done, which failed again and how, and why it stopped early, if it did.

    `unreadable` of those done are objects that S3 does not hand out any more, which ingest rejected.
    `held_too_long`: it stopped because SQS holds messages for 12 hours at most, so the rest can be taken again.
    """

    done: int = 0
    unreadable: int = 0
    failed: list[tuple[FailedMessage, FunctionError]] = field(default_factory=list)
    stopped: str | None = None
    held_too_long: bool = False


class Redrive:
    """The queues of one pipeline."""

    def __init__(
        self,
        access: Access,
        pipeline: Pipeline,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._access = access
        self._pipeline = pipeline
        self._clock = clock
        self._sleep = sleep
        self._sns = access.client("sns")
        self._functions = Functions(access)
        # Messages that wait and were not asked for, at the last look.
        self.unmatched = 0
        # Queues of which no more was taken than was asked for, so that more may wait.
        self.cut_off: list[Queue] = []
        self._names = {"ingest": pipeline.ingest_function, "alert": pipeline.alert_function}
        self._messages = HeldMessages(access.client("sqs"), pipeline.failure_queues, monotonic=monotonic)

    @property
    def emails_per_minute(self) -> int:
        """How many e-mails a minute may be published again: a half of the budget, the most that a source can take."""
        return (self._budget_per_minute + 1) // 2

    @cached_property
    def _budget_per_minute(self) -> int:
        return emails_per_minute(self._access, self._pipeline)

    @contextmanager
    def taken(self, queues: Sequence[Queue], *, match: str, most: int) -> Iterator[list[HeldMessage]]:
        """Take what waits, at most `most` of each queue; what was not deleted goes back at the end."""
        try:
            received = [message for queue in queues for message in self._messages.receive(queue, most=most)]
            taken = Counter(message.failed.queue for message in received)
            self.cut_off = [queue for queue in queues if taken[queue] == most]
            matching = [message for message in received if message.failed.matches(match)]
            self.unmatched = len(received) - len(matching)
            yield matching
        finally:
            self._messages.give_back()

    def run(self, held: Sequence[HeldMessage], *, tried: Callable[[], None]) -> RedriveResult:
        """Do each again and delete it once it succeeded; `tried` is called after each.

        It stops at the first systematic failure: the same kind twice with no success in between.
        """
        result = RedriveResult()
        last: str | None = None
        with ThreadPoolExecutor(PARALLEL) as pool:
            for batch in _batches(held):
                if not self._messages.renew():
                    result.held_too_long = True
                    break
                for message, error in zip(batch, pool.map(self._again, batch), strict=True):
                    tried()
                    if error is None:
                        self._messages.delete(message)
                        result.done += 1
                        last = None
                        continue
                    result.failed.append((message.failed, error))
                    if error.kind == last:
                        result.stopped = error.words
                    last = error.kind
                if result.stopped:
                    break
        result.unreadable = self._functions.unreadable
        return result

    def _again(self, message: HeldMessage) -> FunctionError | None:
        failed = message.failed
        if message not in self._messages:
            return _LOST
        if failed.payload is None:
            return FunctionError(words="the message cannot be read; look at it in the SQS console", kind="unreadable")
        worker = WORKER[failed.queue]
        if worker is not None:
            return self._functions.run(self._names[worker], failed.payload)
        while not self._budget.take(self._clock(), source=_SOURCE):
            if not self._messages.renew() or message not in self._messages:
                return _LOST
            self._sleep(_PAUSE_S)
        self._publish(failed.payload)
        return None

    @cached_property
    def _budget(self) -> EmailBudget:
        return EmailBudget(
            self._access.client("dynamodb"),
            table=self._pipeline.alerts_table,
            per_minute=self._budget_per_minute,
            per_second=EMAILS_PER_SECOND // 2,
        )

    def _publish(self, notification: dict[str, Any]) -> None:
        document = document_in(notification)
        if document is not None:  # a queue's subscription is raw: the document comes without SNS's envelope
            texts = attributes_of(document)
            self._sns.publish(
                TopicArn=self._pipeline.notification_topic,
                Message=to_json(document, id=document.id),
                MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in texts.items()},
            )
            return
        attributes = {
            name: {"DataType": value["Type"], "StringValue": value["Value"]}
            for name, value in notification.get("MessageAttributes", {}).items()
        }
        subject = {"Subject": notification["Subject"]} if notification.get("Subject") else {}
        others = (self._pipeline.alarm_topic, self._pipeline.notification_topic)
        named = notification.get("TopicArn")
        topic = named if named in others and named is not None else self._pipeline.alert_topic
        self._sns.publish(TopicArn=topic, Message=notification["Message"], MessageAttributes=attributes, **subject)


def _batches(held: Sequence[HeldMessage]) -> Iterator[Sequence[HeldMessage]]:
    """Yield what is done at once: functions run several at a time, e-mails leave one by one."""
    for worker, messages in groupby(held, key=lambda message: WORKER[message.failed.queue]):
        some = list(messages)
        size = PARALLEL if worker is not None else 1
        yield from (some[start : start + size] for start in range(0, len(some), size))
