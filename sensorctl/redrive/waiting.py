"""A look at what waits in the failure and dead-letter queues, which leaves it there for others.

It receives up to ten messages of a queue and hides none of them: it changes nothing but their receive count, which no
rule of ours looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sensorctl.aws.outputs import Queue
from sensorctl.redrive.failed_messages import FailedMessage, read

_MOST_RECEIVED = 10


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A failure or dead-letter queue: how many messages, and some of them read (SQS hands out a sample)."""

    queue: Queue
    count: int
    seen: tuple[FailedMessage, ...] = ()


def look_into(sqs: Any, queue: Queue, url: str) -> Waiting:
    """Return how much waits in the queue at `url`, and some of it."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    count = sum(int(counts[name]) for name in names)
    if not int(counts[names[0]]):
        return Waiting(queue=queue, count=count)
    received = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_MOST_RECEIVED,
        VisibilityTimeout=0,
        # Long polling asks every server of the queue (SQS Developer Guide, "Short and long polling").
        WaitTimeSeconds=1,
        AttributeNames=["SentTimestamp"],
        MessageAttributeNames=["All"],
    )
    return Waiting(
        queue=queue, count=count, seen=tuple(read(queue, message) for message in received.get("Messages", ()))
    )
