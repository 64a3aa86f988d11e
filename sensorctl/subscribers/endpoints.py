"""Whom SNS can deliver to: an e-mail address, a web address, a queue or a function, told apart by how it is written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from sensorctl.errors import UserError
from sensorctl.subscribers.filters import email_address

Protocol = Literal["email", "http", "https", "sqs", "lambda"]

_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}")
_FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]+)?")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A subscriber as SNS names it."""

    protocol: Protocol
    address: str

    @property
    def is_program(self) -> bool:
        """Return whether it gets documents, and not e-mails."""
        return self.protocol != "email"

    @property
    def raw(self) -> bool:
        """Return whether it gets the document without SNS's envelope.

        A web address gets the envelope, because only that is signed (SNS Developer Guide, "Raw message delivery").
        """
        return self.protocol == "sqs"

    def steps(self, *, topic: str) -> list[str]:
        """Return the lines that say what its owner has to do until something arrives."""
        match self.protocol:
            case "sqs":
                # SNS Developer Guide, "Fanout to Amazon SQS queues".
                statement = {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": self.address,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
                }
                return ["Nothing arrives unless the queue's policy has this statement:", f"    {json.dumps(statement)}"]
            case "lambda":
                # SNS Developer Guide, "Fanout to Lambda functions".
                return [
                    "Nothing arrives unless the function may be called:",
                    f"    aws lambda add-permission --function-name {self.address} --statement-id sensor-alerts "
                    f"--action lambda:InvokeFunction --principal sns.amazonaws.com --source-arn {topic}",
                ]
            case "http" | "https":
                # SNS Developer Guide, "Fanout to HTTP/S endpoints".
                return [
                    "SNS has posted it a SubscriptionConfirmation. Nothing arrives until it, or you, has visited the",
                    "SubscribeURL in that, or you have confirmed with",
                    "    sensorctl subscribers confirm 'SUBSCRIBEURL'",
                ]
            case "email":
                return [
                    "AWS has sent it a mail with a link, which is good for two days. Copy the link and confirm with",
                    "    sensorctl subscribers confirm 'LINK'",
                    "Clicking it confirms too, but then each alert ends with a link that unsubscribes whoever, or",
                    "whatever mail scanner, opens it. Confirmed by the command, only AWS credentials can.",
                ]


def endpoint(text: str) -> Endpoint:
    """Return what a person wrote. Raises UserError for what SNS cannot deliver to."""
    address = text.strip()
    if address.startswith("arn:"):
        if _QUEUE.fullmatch(address):
            return Endpoint(protocol="sqs", address=address)
        if _FUNCTION.fullmatch(address):
            return Endpoint(protocol="lambda", address=address)
        raise UserError(
            f"{address} is neither a standard queue nor a function; how a Firehose stream is subscribed stands in "
            "docs/integrations.md"
        )
    scheme, separator, _ = address.partition("://")
    if not separator:
        return Endpoint(protocol="email", address=email_address(address))
    if scheme not in ("http", "https") or not _has_host(address):
        raise UserError(f"{address} is not a web address; give one such as https://example.org/alerts")
    return Endpoint(protocol="https" if scheme == "https" else "http", address=address)


def _has_host(address: str) -> bool:
    try:
        return bool(urlsplit(address).hostname) and not re.search(r"\s", address)
    except ValueError:
        return False
