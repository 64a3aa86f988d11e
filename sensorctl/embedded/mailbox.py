"""The inbox of `run` and `up`: every e-mail subscription of every topic, delivered on this machine.

The emulator logs an e-mail instead of sending it. So each e-mail subscription gets a queue on its topic, with the
same filter policy; what arrives is kept as the e-mail that SNS would send, in a Maildir that any mail program opens,
and is handed on to a mail server (SMTP) when one is given. What this server refuses is offered again until `stop`.
"""

from __future__ import annotations

import contextlib
import json
import mailbox
import smtplib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple

from lambdas.alert.mail.formatting import counted
from sensorctl.aws.access import Access

_SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"
_WAIT_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One delivered e-mail; `attributes` are the message attributes it was published with."""

    message_id: str
    address: str
    subject: str
    body: str
    sent_at: datetime
    attributes: dict[str, str]

    def to_email(self) -> EmailMessage:
        """Return the message as a mail server would take it."""
        message = EmailMessage()
        message["From"] = _SENDER
        message["To"] = self.address
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.sent_at)
        message["Message-ID"] = f"<{self.message_id}@embedded.invalid>"
        message.set_content(self.body)
        return message


def parse(envelope: str, *, address: str) -> Mail:
    """Read the JSON envelope in which SNS delivers to a queue (SNS Developer Guide, "Message and JSON formats")."""
    document = json.loads(envelope)
    return Mail(
        message_id=document["MessageId"],
        address=address,
        subject=document.get("Subject") or "AWS Notification Message",
        body=document["Message"],
        sent_at=datetime.fromisoformat(document["Timestamp"]),
        attributes={name: attribute["Value"] for name, attribute in document.get("MessageAttributes", {}).items()},
    )


def _may_deliver(queue: str, *, topic: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


class _Queue(NamedTuple):
    url: str
    arn: str


class Mailbox:
    """Delivers from `start` to `stop`; `mails` is what has come so far, oldest first."""

    def __init__(
        self,
        access: Access,
        *,
        folder: Path,
        smtp: tuple[str, int] | None = None,
        connect: Callable[..., smtplib.SMTP] = smtplib.SMTP,
    ) -> None:
        self._sns, self._sqs = access.client("sns"), access.client("sqs")
        self._maildir = mailbox.Maildir(folder, create=True)
        self._smtp = smtp
        self._connect = connect
        self._unsent: deque[EmailMessage] = deque()
        self._refusal: Exception | None = None
        self._lock = threading.Lock()
        self._mails: list[Mail] = []
        self._queues: dict[tuple[str, str], _Queue] = {}  # by topic and address
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._deliver_all, daemon=True, name="mailbox")
        self._listeners: list[Callable[[Mail], None]] = []

    @property
    def mails(self) -> list[Mail]:
        """What has been delivered, oldest first."""
        with self._lock:
            return list(self._mails)

    def on_mail(self, listener: Callable[[Mail], None]) -> None:
        """Call `listener` with each mail as it comes, from the mailbox's own thread."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Attach to the topic's e-mail subscriptions and begin to deliver."""
        self.attach()
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering, after a last try of what the mail server has not taken yet."""
        self._stopped.set()
        self._thread.join()
        self._hand_over()

    @property
    def not_handed_on(self) -> str | None:
        """What the mail server has not taken and why, in a sentence; None where there is nothing, or no server."""
        if not self._unsent or self._smtp is None:
            return None
        host, port = self._smtp
        count = counted(len(self._unsent), "e-mail")
        return f"{count} could not be handed to {host}:{port} ({self._refusal}); the inbox has all of them"

    def attach(self) -> None:
        """Give each e-mail subscription that has none its queue; subscribers and whole topics come and go meanwhile."""
        pages = self._sns.get_paginator("list_subscriptions").paginate()
        listed = [subscription for page in pages for subscription in page["Subscriptions"]]
        attached = {(subscription["TopicArn"], subscription["Endpoint"]) for subscription in listed}
        for subscription in listed:
            if subscription["Protocol"] == "email":
                topic, address = subscription["TopicArn"], subscription["Endpoint"]
                queue = self._queues.get((topic, address)) or self._make_queue(topic, address)
                if (topic, queue.arn) not in attached:
                    # The topic may have been deleted since it was listed.
                    with contextlib.suppress(self._sns.exceptions.NotFoundException):
                        self._mirror(subscription["SubscriptionArn"], topic=topic, queue=queue)

    def _make_queue(self, topic: str, address: str) -> _Queue:
        url = self._sqs.create_queue(QueueName=f"mailbox-{len(self._queues)}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(_may_deliver(arn, topic=topic))})
        queue = self._queues[topic, address] = _Queue(url=url, arn=arn)
        return queue

    def _mirror(self, subscription: str, *, topic: str, queue: _Queue) -> None:
        attributes = {}
        if subscription.startswith("arn:"):  # an unconfirmed one has no ARN to ask with
            policy = self._sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"].get(
                "FilterPolicy"
            )
            attributes = {"FilterPolicy": policy} if policy else {}
        self._sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)

    def _deliver_all(self) -> None:
        while not self._stopped.is_set():
            # One address waits at the server; with several, each is only looked at.
            wait = _WAIT_SECONDS if len(self._queues) == 1 else 0
            for (_, address), queue in list(self._queues.items()):
                answer = self._sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
                for message in answer.get("Messages", []):
                    self._deliver(parse(message["Body"], address=address))
                    self._sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
            self._hand_over()
            if wait == 0:
                self._stopped.wait(0.2)

    def _hand_over(self) -> None:
        """Offer the mail server what it has not taken yet, in order; what it refuses holds nothing else up."""
        for email in list(self._unsent) if self._smtp is not None else ():
            host, port = self._smtp or ("", 0)
            try:
                with self._connect(host, port, timeout=10) as server:
                    server.send_message(email)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
                self._refusal = error
                continue
            except (OSError, smtplib.SMTPException) as error:
                self._refusal = error
                return
            self._unsent.remove(email)

    def _deliver(self, mail: Mail) -> None:
        email = mail.to_email()
        self._maildir.add(email.as_bytes())
        if self._smtp is not None:
            self._unsent.append(email)
        with self._lock:
            self._mails.append(mail)
        for listener in self._listeners:
            listener(mail)
