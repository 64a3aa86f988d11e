"""Messages received from SQS queues: nobody else sees them until they are deleted or given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sensorctl.aws.outputs import Queue
from sensorctl.redrive.failed_messages import FailedMessage, read

# Twice what one call of a function may take, so that renewing between calls is often enough.
_HIDDEN_S = 3600
_RENEWED_AFTER_S = _HIDDEN_S // 2
# From when a message was received, renewed or not (SQS Developer Guide, "Amazon SQS visibility timeout").
_LONGEST_S = 12 * 60 * 60
# SQS API Reference, "ReceiveMessage" and "ChangeMessageVisibilityBatch".
_MOST_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True)
class HeldMessage:
    """A received message, hidden from others."""

    failed: FailedMessage
    receipt: str


class HeldMessages:
    """Messages received from queues (`urls` by name) and not yet deleted; `monotonic` counts seconds."""

    def __init__(self, sqs: Any, urls: Mapping[Queue, str], *, monotonic: Callable[[], float]) -> None:
        self._sqs = sqs
        self._urls = urls
        self._monotonic = monotonic
        self._held: dict[str, HeldMessage] = {}
        self._since = self._renewed = 0.0

    def __contains__(self, message: HeldMessage) -> bool:
        """Return whether the message is still hidden from others."""
        return message.receipt in self._held

    def receive(self, queue: Queue, *, most: int) -> Iterator[HeldMessage]:
        """Take up to `most` of what waits in a queue."""
        if not self._held:
            self._since = self._renewed = self._monotonic()
        taken = 0
        while taken < most:
            received = self._sqs.receive_message(
                QueueUrl=self._urls[queue],
                MaxNumberOfMessages=min(_MOST_AT_ONCE, most - taken),
                VisibilityTimeout=_HIDDEN_S,
                WaitTimeSeconds=1,
                AttributeNames=["SentTimestamp"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not received:
                return
            taken += len(received)
            for message in received:
                held = HeldMessage(failed=read(queue, message), receipt=message["ReceiptHandle"])
                self._held[held.receipt] = held
                yield held

    def renew(self) -> bool:
        """Keep all from being seen by others, if it is time to; False once SQS would not let us for much longer."""
        now = self._monotonic()
        if now - self._renewed < _RENEWED_AFTER_S:
            return True
        if now + _HIDDEN_S > self._since + _LONGEST_S:
            return False
        self._renewed = now
        for lost in self._change(_HIDDEN_S):
            del self._held[lost]
        return True

    def delete(self, message: HeldMessage) -> None:
        """Delete a message that is done."""
        self._sqs.delete_message(QueueUrl=self._urls[message.failed.queue], ReceiptHandle=message.receipt)
        del self._held[message.receipt]

    def give_back(self) -> None:
        """Let others see the messages that are left; those that are visible already need not be given back."""
        self._change(0)
        self._held.clear()

    def _change(self, seconds: int) -> list[str]:
        """Hide all for so long from now on; return the receipts that SQS refuses."""
        refused = []
        for queue, url in self._urls.items():
            receipts = [receipt for receipt, held in self._held.items() if held.failed.queue == queue]
            for start in range(0, len(receipts), _MOST_AT_ONCE):
                some = receipts[start : start + _MOST_AT_ONCE]
                entries = [
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                    for number, receipt in enumerate(some)
                ]
                answer = self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
                refused += [some[int(entry["Id"])] for entry in answer.get("Failed", [])]
        return refused
