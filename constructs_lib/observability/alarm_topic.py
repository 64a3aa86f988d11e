"""The topic that e-mails CloudWatch alarms, apart from alerts."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from constructs_lib.alerts.email_topic import encrypted_topic, subscribe
from constructs_lib.stage.settings import Settings


class AlarmTopic(Construct):
    """An encrypted topic that CloudWatch alarms publish to, with a subscription of its own for each address.

    Alarms take nothing out of the e-mail budget, and a bad day rings many at once. SNS limits, and suspends, each
    subscription by itself (SNS Developer Guide, "Email notifications"), so here they cannot silence the alerts.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: kms.Key | None,
        mail_dead_letters: sqs.IQueue,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        self.topic, key = encrypted_topic(self, settings=settings, what="alarms", key=key)
        conditions = _from_this_accounts_alarms()
        cloudwatch = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayPublish",
                principals=[cloudwatch],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=conditions,
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayEncrypt",
                principals=[cloudwatch],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # of a key policy: this key
                conditions={"StringEquals": conditions["StringEquals"]},
            )
        )
        subscribe(self, topic=self.topic, addresses=settings.alert_emails, dead_letters=mail_dead_letters)


def _from_this_accounts_alarms() -> dict[str, Any]:
    """SNS Developer Guide, "Enable compatibility between event sources from AWS services and encrypted topics"."""
    alarm = f"arn:{cdk.Aws.PARTITION}:cloudwatch:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:alarm:*"
    return {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}, "ArnLike": {"aws:SourceArn": alarm}}
