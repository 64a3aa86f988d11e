"""The topic that turns an alert into e-mails: its key, its subscriptions, and its place in the trace."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_xray as xray
from constructs import Construct

from constructs_lib import embedded
from constructs_lib.key_use import let_use_key
from constructs_lib.settings import Settings
from constructs_lib.traced_function import TracedFunction


class AlertTopic(Construct):
    """An encrypted topic with one e-mail subscription for each address of the settings.

    A customer-managed key, because the policy of `alias/aws/sns` cannot let a service such as CloudWatch publish.
    `topic` may be given instead, and gets the same subscriptions. Its owner sees to the rest: active tracing, and, if
    alarms go to it, a policy and a key that let CloudWatch publish. `sns.Topic.from_topic_attributes` tells its key.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        mail_dead_letters: sqs.IQueue,
        settings: Settings,
        topic: sns.ITopic | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.topic: sns.ITopic
        self.key: kms.IKey | None
        if topic is None:
            self.topic, self.key = self._encrypted_topic(settings)
        else:
            self.topic, self.key = topic, topic.master_key
        self._trace(settings)
        self._subscribe(settings.alert_emails, mail_dead_letters)

    def _encrypted_topic(self, settings: Settings) -> tuple[sns.Topic, kms.Key]:
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/sensor-fanout-{settings.stage}-alerts",
            description=f"Encrypts alerts of the {settings.stage} stage on their way through SNS.",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(30 if settings.keep_data else 7),
            removal_policy=cdk.RemovalPolicy.RETAIN if settings.keep_data else cdk.RemovalPolicy.DESTROY,
        )
        topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Sensor alerts ({settings.stage})",
            master_key=key,
            enforce_ssl=True,
            tracing_config=sns.TracingConfig.ACTIVE,
        )
        if settings.alarms_to_topic:
            _let_alarms_publish(topic, key)
        return topic, key

    def publishable_by(self, alert: TracedFunction) -> None:
        """Let alert publish, and use the key for that alone."""
        alert.tell(TOPIC_ARN=self.topic.topic_arn)
        alert.allow("PublishAlerts", "sns:Publish", on=self.topic.topic_arn)
        if self.key is not None:
            # SNS User Guide, "Key management": a publisher to an encrypted topic needs both.
            let_use_key(alert, "EncryptAlerts", key=self.key, service="sns")

    def _subscribe(self, addresses: tuple[str, ...], dead_letters: sqs.IQueue) -> None:
        """Subscribe each address. SNS sends it a confirmation first; until it is confirmed nothing else arrives."""
        # For these subscriptions and for those that people add later.
        dead_letters.add_to_resource_policy(
            iam.PolicyStatement(
                sid="UndeliveredMail",
                principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[dead_letters.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": self.topic.topic_arn}},
            )
        )
        for address in addresses:
            sns.CfnSubscription(
                self,
                f"Email {address}",
                topic_arn=self.topic.topic_arn,
                protocol="email",
                endpoint=address,
                redrive_policy={"deadLetterTargetArn": dead_letters.queue_arn},
            )

    def _trace(self, settings: Settings) -> None:
        """Let SNS add its part to the trace (SNS Developer Guide, "Active tracing": the policy it needs)."""
        policy = xray.CfnResourcePolicy(
            self,
            "Trace",
            policy_name=f"sensor-fanout-{settings.stage}-alerts",
            policy_document=cdk.Stack.of(self).to_json_string(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "sns.amazonaws.com"},
                            "Action": ["xray:PutTraceSegments", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
                            "Resource": "*",
                            "Condition": {
                                "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
                                "StringLike": {"aws:SourceArn": self.topic.topic_arn},
                            },
                        }
                    ],
                }
            ),
        )
        embedded.only_on_aws(policy)


def _let_alarms_publish(topic: sns.Topic, key: kms.Key) -> None:
    """Let this account's CloudWatch alarms publish (SNS Developer Guide, "Enable compatibility between event
    sources from AWS services and encrypted topics")."""
    alarms: dict[str, Any] = {
        "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
        "ArnLike": {
            "aws:SourceArn": f"arn:{cdk.Aws.PARTITION}:cloudwatch:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:alarm:*"
        },
    }
    cloudwatch = iam.ServicePrincipal("cloudwatch.amazonaws.com")
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsMayPublish",
            principals=[cloudwatch],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions=alarms,
        )
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsMayEncrypt",
            principals=[cloudwatch],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],  # of a key policy: this key
            conditions={"StringEquals": alarms["StringEquals"]},
        )
    )
