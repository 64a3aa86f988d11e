"""Takes what waits in the failure and dead-letter queues and does it again; a message goes only once that succeeded.

Doing it again is safe: ingest writes the same items, and alert drops the breaches it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sensorctl.embedded.access import Access
from sensorctl.failed_messages import WORKER, Failed, Queue, read
from sensorctl.invoking import PARALLEL, FunctionError, Functions
from sensorctl.pipeline import Pipeline

# Long enough to run all that one call takes; nobody else sees the messages meanwhile.
_HELD_S = 3600
_MOST_RECEIVED = 10


@dataclass(frozen=True, kw_only=True)
class Held:
    """A message that is ours for a while."""

    failed: Failed
    receipt: str


@dataclass(kw_only=True)
class Outcome:
    """How many were done, which failed again and how, and why it stopped early, if it did."""

    done: int = 0
    failed: list[tuple[Failed, FunctionError]] = field(default_factory=list)
    stopped: str | None = None


class Redrive:
    """The queues of one pipeline."""

    def __init__(self, access: Access, pipeline: Pipeline) -> None:
        self._sqs = access.client("sqs")
        self._sns = access.client("sns")
        self._functions = Functions(access)
        self._names = {"ingest": pipeline.ingest_function, "alert": pipeline.alert_function}
        self._topic = pipeline.alert_topic
        self._urls: dict[Queue, str] = {
            "ingest": pipeline.ingest_failures,
            "rule": pipeline.rule_dead_letters,
            "alert": pipeline.alert_failures,
            "mail": pipeline.mail_dead_letters,
            "schedule": pipeline.schedule_dead_letters,
        }

    @contextmanager
    def taken(self, queues: Sequence[Queue], *, match: str, most: int) -> Iterator[list[Held]]:
        """Take what waits, at most `most` of each queue; what was not deleted goes back at the end."""
        held: list[Held] = []
        passed_over: list[Held] = []
        try:
            for queue in queues:
                for one in self._receive(queue, most):
                    (held if one.failed.matches(match) else passed_over).append(one)
            yield held
        finally:
            self._give_back([*passed_over, *held])

    def run(self, held: Sequence[Held], *, each: Callable[[], None]) -> Outcome:
        """Do each again and delete it once it succeeded; `each` is told of every one that was tried.

        It stops at the first systematic failure: the same kind twice with no success in between.
        """
        outcome = Outcome()
        last: str | None = None
        with ThreadPoolExecutor(PARALLEL) as pool:
            for start in range(0, len(held), PARALLEL):
                some = held[start : start + PARALLEL]
                for one, error in zip(some, pool.map(self._again, some), strict=True):
                    each()
                    if error is None:
                        self._sqs.delete_message(QueueUrl=self._urls[one.failed.queue], ReceiptHandle=one.receipt)
                        outcome.done += 1
                        last = None
                        continue
                    outcome.failed.append((one.failed, error))
                    if error.kind == last:
                        outcome.stopped = error.words
                    last = error.kind
                if outcome.stopped:
                    break
        return outcome

    def _again(self, one: Held) -> FunctionError | None:
        failed = one.failed
        if failed.payload is None:
            return FunctionError(words="the message cannot be read; look at it in the SQS console", kind="unreadable")
        worker = WORKER[failed.queue]
        if worker is not None:
            return self._functions.run(self._names[worker], failed.payload)
        self._publish(failed.payload)
        return None

    def _publish(self, notification: dict[str, Any]) -> None:
        attributes = {
            name: {"DataType": value["Type"], "StringValue": value["Value"]}
            for name, value in notification.get("MessageAttributes", {}).items()
        }
        subject = {"Subject": notification["Subject"]} if notification.get("Subject") else {}
        self._sns.publish(
            TopicArn=self._topic, Message=notification["Message"], MessageAttributes=attributes, **subject
        )

    def _receive(self, queue: Queue, most: int) -> Iterator[Held]:
        taken = 0
        while taken < most:
            received = self._sqs.receive_message(
                QueueUrl=self._urls[queue],
                MaxNumberOfMessages=min(_MOST_RECEIVED, most - taken),
                VisibilityTimeout=_HELD_S,
                WaitTimeSeconds=1,
                AttributeNames=["SentTimestamp"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not received:
                return
            taken += len(received)
            for message in received:
                yield Held(failed=read(queue, message), receipt=message["ReceiptHandle"])

    def _give_back(self, messages: Sequence[Held]) -> None:
        """Let others see them again. One that was deleted meanwhile cannot be given back; SQS says so of it alone."""
        for queue, url in self._urls.items():
            receipts = [one.receipt for one in messages if one.failed.queue == queue]
            for start in range(0, len(receipts), _MOST_RECEIVED):
                entries = [
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                    for number, receipt in enumerate(receipts[start : start + _MOST_RECEIVED])
                ]
                self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
