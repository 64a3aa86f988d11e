"""What every topic that e-mails people has: a key of its own account, TLS only, and subscriptions that stay."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from constructs_lib.stage.settings import Settings


def encrypted_topic(
    scope: Construct, *, settings: Settings, what: str, traced: bool = False, key: kms.Key | None = None
) -> tuple[sns.Topic, kms.Key]:
    """Return a topic for `what` ("alerts", "alarms") and the key that encrypts it: `key`, or one made for it.

    A customer-managed key, because the policy of `alias/aws/sns` cannot let a service such as CloudWatch publish.
    """
    used = key or kms.Key(
        scope,
        "Key",
        alias=f"alias/sensor-fanout-{settings.stage}-{what}",
        description=f"Encrypts {what} of the {settings.stage} stage on their way through SNS.",
        enable_key_rotation=True,
        pending_window=cdk.Duration.days(30 if settings.keep_data else 7),
    )
    topic = sns.Topic(
        scope,
        "Topic",
        display_name=f"Sensor {what} ({settings.stage})",
        master_key=used,
        enforce_ssl=True,
        tracing_config=sns.TracingConfig.ACTIVE if traced else None,
    )
    return topic, used


def subscribe(scope: Construct, *, topic: sns.ITopic, addresses: tuple[str, ...], dead_letters: sqs.IQueue) -> None:
    """Subscribe each address, and let what cannot be delivered go to `dead_letters`, also for those added later.

    SNS sends each a confirmation first; until it is confirmed nothing else arrives. An address that leaves the template
    stays subscribed: whoever has confirmed is unsubscribed by `sensorctl subscribers remove` alone, never by a
    deployment that does not name it. Nothing is left behind when the stack goes, because SNS deletes a topic's
    subscriptions with it (SNS API Reference, "DeleteTopic"). Plain Retain: an address that comes back is the
    subscription it has been, and RetainExceptOnCreate would unsubscribe it if that deployment were rolled back.
    """
    dead_letters.add_to_resource_policy(
        iam.PolicyStatement(
            sid=f"Undelivered{scope.node.id}",
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[dead_letters.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": topic.topic_arn}},
        )
    )
    for address in addresses:
        subscription = sns.CfnSubscription(
            scope,
            f"Email {address}",
            topic_arn=topic.topic_arn,
            protocol="email",
            endpoint=address,
            redrive_policy={"deadLetterTargetArn": dead_letters.queue_arn},
        )
        subscription.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
