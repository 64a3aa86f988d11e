"""The topic that turns an alert into e-mails: its key, its subscriptions, and its place in the trace."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_xray as xray
from constructs import Construct

from constructs_lib import embedded
from constructs_lib.email_topic import encrypted_topic, subscribe
from constructs_lib.key_use import let_use_key
from constructs_lib.settings import Settings
from constructs_lib.traced_function import TracedFunction


class AlertTopic(Construct):
    """An encrypted topic with one e-mail subscription for each address of the settings.

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
        self._trace(settings)
        subscribe(self, topic=self.topic, addresses=settings.alert_emails, dead_letters=mail_dead_letters)

    def publishable_by(self, alert: TracedFunction) -> None:
        """Let alert publish, and use the key for that alone."""
        alert.tell(TOPIC_ARN=self.topic.topic_arn)
        alert.allow("PublishAlerts", "sns:Publish", on=self.topic.topic_arn)
        if self.key is not None:
            # SNS User Guide, "Key management": a publisher to an encrypted topic needs both.
            let_use_key(alert, "EncryptAlerts", key=self.key, service="sns")

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
