"""Who is subscribed to a topic: listing, adding, confirming, removing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from sensorctl.errors import UserError
from sensorctl.subscribers.endpoints import Endpoint
from sensorctl.subscribers.filters import Policy

# The embedded AWS has queues on the topic of e-mails, which stand for its mailbox.
MAIL = ("email", "email-json")
PROGRAMS = ("http", "https", "sqs", "lambda", "firehose")
# What SNS answers to something the caller got wrong, each with a sentence of its own (SNS API Reference).
_CALLERS_FAULT = (
    "InvalidParameter",
    "InvalidParameterException",
    "NotFound",
    "FilterPolicyLimitExceeded",
    "SubscriptionLimitExceeded",
)
# The value in place of an ARN for three days after an address was unsubscribed or its confirmation has expired.
_ENDED = "Deleted"
_TOKEN = re.compile(r"[A-Za-z0-9-]{16,}")


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """One subscription; `protocol` is SNS's word.

    `arn` is None while it waits for confirmation (SNS reports no more of it until then), and `filter`, the JSON of its
    policy, also when it gets everything. `protected`: it was confirmed with credentials, so no link in its e-mails ends
    it.
    """

    address: str
    confirmed: bool
    arn: str | None
    filter: str | None
    protected: bool
    protocol: str = "email"

    def to_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {**asdict(self), "filter": json.loads(self.filter) if self.filter else None}


def email_subscriptions(sns: Any, *, topic: str) -> list[Subscriber]:
    """Return the e-mail subscriptions, by address; one call for each."""
    return subscriptions_of(sns, topic=topic, protocols=MAIL)


def subscriptions_of(sns: Any, *, topic: str, protocols: Sequence[str]) -> list[Subscriber]:
    """Return the subscriptions of some protocols, by address; one call for each."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    listed = [
        subscription
        for page in pages
        for subscription in page["Subscriptions"]
        if subscription["Protocol"] in protocols and subscription["SubscriptionArn"] != _ENDED
    ]
    return sorted(
        (_subscriber(sns, subscription) for subscription in listed), key=lambda subscriber: subscriber.address.lower()
    )


def add(sns: Any, *, topic: str, endpoint: Endpoint, policy: Policy, dead_letters: str) -> Subscriber | None:
    """Subscribe an endpoint, or give one that is confirmed another filter; return it as it was before, if it was.

    `dead_letters` is the ARN of the queue for what cannot be delivered. A new address, and one that still waits, is
    sent a confirmation e-mail. Raises UserError with what SNS says is wrong.
    """
    before = next(iter(_subscribed(_alike(sns, topic=topic, endpoint=endpoint), endpoint)), None)
    filtered = json.dumps(policy)
    with _callers_fault(endpoint.address):
        if before is not None and before.arn is not None and before.confirmed:
            # An empty policy takes the filter away (SNS API Reference, "SetSubscriptionAttributes").
            sns.set_subscription_attributes(
                SubscriptionArn=before.arn, AttributeName="FilterPolicy", AttributeValue=filtered
            )
            return before
        attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_letters})}
        if policy:
            attributes["FilterPolicy"] = filtered
        if endpoint.raw:
            attributes["RawMessageDelivery"] = "true"
        sns.subscribe(TopicArn=topic, Protocol=endpoint.protocol, Endpoint=endpoint.address, Attributes=attributes)
    return before


def confirm(sns: Any, *, topic: str, token_or_link: str) -> None:
    """Confirm a subscription with the token, or the whole link, of its confirmation e-mail.

    AuthenticateOnUnsubscribe: from then on only the owners of topic and subscription can end it, with credentials (SNS
    API Reference, "ConfirmSubscription"); the unsubscribe link, which a mail scanner may follow, does nothing. Raises
    UserError for a token that is none, of another topic, used, or expired.
    """
    token = token_of(token_or_link, topic=topic)
    with _callers_fault("the confirmation"):
        sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")


def remove(sns: Any, *, topic: str, endpoint: Endpoint) -> None:
    """End an endpoint's subscription. Raises UserError when there is none, or it is not confirmed yet."""
    subscribers, address = _alike(sns, topic=topic, endpoint=endpoint), endpoint.address
    found = _subscribed(subscribers, endpoint)
    if not found:
        known = ", ".join(subscriber.address for subscriber in subscribers) or "nobody"
        raise UserError(f"{address} is not subscribed; subscribed: {known}")
    if not any(subscriber.confirmed for subscriber in found):
        raise UserError(
            f"{address} waits for confirmation and gets nothing; SNS can end only what is confirmed, and drops the rest"
            " by itself after two days"
        )
    for subscriber in found:
        if subscriber.confirmed and subscriber.arn is not None:
            sns.unsubscribe(SubscriptionArn=subscriber.arn)


def _alike(sns: Any, *, topic: str, endpoint: Endpoint) -> list[Subscriber]:
    return subscriptions_of(sns, topic=topic, protocols=PROGRAMS if endpoint.is_program else MAIL)


def _subscribed(subscribers: list[Subscriber], endpoint: Endpoint) -> list[Subscriber]:
    """Return those of an endpoint; only in an e-mail address is the case of letters the same."""

    def name(address: str) -> str:
        return address if endpoint.is_program else address.lower()

    return [subscriber for subscriber in subscribers if name(subscriber.address) == name(endpoint.address)]


def token_of(token_or_link: str, *, topic: str) -> str:
    """Return the token of a confirmation link, also of one that a mail scanner has wrapped. Raises UserError."""
    text = unquote(unquote(token_or_link.strip()))
    other = topic_in(token_or_link)
    if other is not None and other != topic:
        raise UserError(f"the link is for the topic {other}; this stage's is {topic} (another --stage?)")
    in_link = re.search(r"[?&]Token=([^&\s#]+)", text)
    token = in_link[1] if in_link is not None else text
    if not _TOKEN.fullmatch(token):
        raise UserError("that is no token; give the link of the confirmation e-mail in quotes, or what follows Token=")
    return token


def topic_in(token_or_link: str) -> str | None:
    """Return the ARN of the topic that a confirmation link names; None for a bare token."""
    found = re.search(r"TopicArn=([^&\s]+)", unquote(unquote(token_or_link.strip())))
    return found[1] if found is not None else None


def queue_arn(sqs: Any, *, url: str) -> str:
    """Return the ARN of the queue at `url`."""
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def _subscriber(sns: Any, listed: dict[str, str]) -> Subscriber:
    address, arn = listed["Endpoint"], listed["SubscriptionArn"]
    protocol = listed["Protocol"]
    if not arn.startswith("arn:"):  # "PendingConfirmation"
        return Subscriber(address=address, confirmed=False, arn=None, filter=None, protected=False, protocol=protocol)
    known = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    policy = known.get("FilterPolicy")
    return Subscriber(
        address=address,
        confirmed=known.get("PendingConfirmation", "false") != "true",
        arn=arn,
        # A policy that lets everything through is none.
        filter=policy if policy and json.loads(policy) else None,
        protected=known.get("ConfirmationWasAuthenticated") == "true",
        protocol=protocol,
    )


@contextmanager
def _callers_fault(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _CALLERS_FAULT:
            raise UserError(f"{what}: SNS refuses it: {error.response['Error']['Message']}") from None
        raise
