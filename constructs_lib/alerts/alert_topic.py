"""The topics that take an alert to people and to programs: their key, subscriptions, and place in the trace."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_xray as xray
from constructs import Construct

from constructs_lib.alerts.email_topic import encrypted_topic, subscribe
from constructs_lib.stage import embedded
from constructs_lib.stage.settings import Settings
from constructs_lib.traced_function import TracedFunction


class AlertTopic(Construct):
    """An encrypted topic with one e-mail subscription for each address of the settings, and one for programs.

    `notifications` has the same alerts as JSON, for the queues, functions and web addresses that `sensorctl
    subscribers` adds.

    `topic` may be given instead, and gets the same subscriptions; active tracing is then its owner's to switch on, and
    `sns.Topic.from_topic_attributes` names its key. `own_key` is the key of a topic that was made here.
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
        self.own_key: kms.Key | None = None
        if topic is None:
            self.topic, self.own_key = encrypted_topic(self, settings=settings, what="alerts", traced=True)
            self.key = self.own_key
        else:
            self.topic, self.key = topic, topic.master_key
        notifications = Construct(self, "Notifications")
        self.notifications, self._notifications_key = encrypted_topic(
            notifications, settings=settings, what="notifications", traced=True, key=self.own_key
        )
        self._trace(settings)
        subscribe(notifications, topic=self.notifications, addresses=(), dead_letters=mail_dead_letters)
        subscribe(self, topic=self.topic, addresses=settings.alert_emails, dead_letters=mail_dead_letters)

    def publishable_by(self, alert: TracedFunction) -> None:
        """Let alert publish, and use the key for that alone."""
        alert.add_environment(TOPIC_ARN=self.topic.topic_arn, NOTIFICATION_TOPIC_ARN=self.notifications.topic_arn)
        alert.grant("PublishAlerts", "sns:Publish", on=self.topic.topic_arn)
        alert.grant("PublishNotifications", "sns:Publish", on=self.notifications.topic_arn)
        if self.key is not None:
            # SNS User Guide, "Key management": a publisher to an encrypted topic needs both.
            alert.grant_key("EncryptAlerts", key=self.key, service="sns")
        if self.own_key is None:
            alert.grant_key("EncryptNotifications", key=self._notifications_key, service="sns")

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
                                "StringLike": {"aws:SourceArn": [self.topic.topic_arn, self.notifications.topic_arn]},
                            },
                        }
                    ],
                }
            ),
        )
        embedded.only_on_aws(policy)
