"""Takes what waits in the failure and dead-letter queues and does it again; a message goes only once that succeeded.

Doing it again is safe: ingest writes the same items, and alert drops the breaches it has seen. E-mails are published
again one at a time, out of the budget that alert takes from (lambdas/alert/budget.py), as a source like others: a half
is left to those.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from typing import Any

from lambdas.alert.budget import EMAILS_PER_SECOND, EmailBudget
from lambdas.alert.settings import Settings
from sensorctl.embedded.access import Access
from sensorctl.failed_messages import WORKER, Failed, Queue
from sensorctl.held_messages import Held, HeldMessages
from sensorctl.invoking import PARALLEL, FunctionError, Functions
from sensorctl.pipeline import Pipeline

# How long to wait where the budget of this second or minute is spent.
_PAUSE_S = 0.5
# Whose the e-mails count as; no folder has a slash in its name.
_SOURCE = "/redrive"
_LOST = FunctionError(words="SQS would not let us hold it any longer; others may have it now", kind="lost")


@dataclass(kw_only=True)
class Outcome:
    """How many were done, which failed again and how, and why it stopped early, if it did.

    `unreadable` of those done are objects that S3 does not hand out any more, which ingest rejected.
    `held_too_long`: it stopped because SQS holds messages for 12 hours at most, so the rest can be taken again.
    """

    done: int = 0
    unreadable: int = 0
    failed: list[tuple[Failed, FunctionError]] = field(default_factory=list)
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
        self._names = {"ingest": pipeline.ingest_function, "alert": pipeline.alert_function}
        urls: dict[Queue, str] = {
            "ingest": pipeline.ingest_failures,
            "rule": pipeline.rule_dead_letters,
            "alert": pipeline.alert_failures,
            "mail": pipeline.mail_dead_letters,
            "schedule": pipeline.schedule_dead_letters,
        }
        self._messages = HeldMessages(access.client("sqs"), urls, monotonic=monotonic)

    @property
    def emails_per_minute(self) -> int:
        """How many e-mails a minute may be published again: a half of the budget, the most that a source can take."""
        return (self._budget_per_minute + 1) // 2

    @cached_property
    def _budget_per_minute(self) -> int:
        configuration = self._access.client("lambda").get_function_configuration(
            FunctionName=self._pipeline.alert_function
        )
        environment = {**configuration["Environment"]["Variables"], "AWS_REGION": self._access.region or ""}
        return Settings.from_env(environment).emails_per_minute

    @contextmanager
    def taken(self, queues: Sequence[Queue], *, match: str, most: int) -> Iterator[list[Held]]:
        """Take what waits, at most `most` of each queue; what was not deleted goes back at the end."""
        try:
            received = [message for queue in queues for message in self._messages.receive(queue, most=most)]
            yield [message for message in received if message.failed.matches(match)]
        finally:
            self._messages.give_back()

    def run(self, held: Sequence[Held], *, each: Callable[[], None]) -> Outcome:
        """Do each again and delete it once it succeeded; `each` is called after every one that was tried.

        It stops at the first systematic failure: the same kind twice with no success in between.
        """
        outcome = Outcome()
        last: str | None = None
        with ThreadPoolExecutor(PARALLEL) as pool:
            for batch in _batches(held):
                if not self._messages.renew():
                    outcome.held_too_long = True
                    break
                for message, error in zip(batch, pool.map(self._again, batch), strict=True):
                    each()
                    if error is None:
                        self._messages.delete(message)
                        outcome.done += 1
                        last = None
                        continue
                    outcome.failed.append((message.failed, error))
                    if error.kind == last:
                        outcome.stopped = error.words
                    last = error.kind
                if outcome.stopped:
                    break
        outcome.unreadable = self._functions.unreadable
        return outcome

    def _again(self, message: Held) -> FunctionError | None:
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
        attributes = {
            name: {"DataType": value["Type"], "StringValue": value["Value"]}
            for name, value in notification.get("MessageAttributes", {}).items()
        }
        subject = {"Subject": notification["Subject"]} if notification.get("Subject") else {}
        alarm = notification.get("TopicArn") == self._pipeline.alarm_topic is not None
        topic = self._pipeline.alarm_topic if alarm else self._pipeline.alert_topic
        self._sns.publish(TopicArn=topic, Message=notification["Message"], MessageAttributes=attributes, **subject)


def _batches(held: Sequence[Held]) -> Iterator[Sequence[Held]]:
    """Yield what is done at once: functions run several at a time, e-mails leave one by one."""
    for worker, messages in groupby(held, key=lambda message: WORKER[message.failed.queue]):
        some = list(messages)
        size = PARALLEL if worker is not None else 1
        yield from (some[start : start + size] for start in range(0, len(some), size))
