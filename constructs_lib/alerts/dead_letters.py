"""The queues where a message ends that could not be handled: 14 days to look at it and redrive it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from constructs_lib.stage.acknowledge import acknowledge


class DeadLetters(Construct):
    """One queue for each hop that can fail for good.

    `ingest` and `alert` take events the function failed on three times; `rule`, what the bus could not hand to alert
    in 24 hours; `mail`, e-mails that SNS could not deliver; `schedule`, sweeps that could not be started.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.ingest = self._queue("Ingest")
        self.alert = self._queue("Alert")
        self.rule = self._queue("Rule")
        self.mail = self._queue("Mail")
        self.schedule = self._queue("Schedule")
        acknowledge(
            self,
            "They are the dead-letter queues: Lambda destinations, an EventBridge target, SNS subscriptions and a "
            "schedule fill them, which the rule does not look at, and nothing comes after them.",
            "AwsSolutions-SQS3",
            "Serverless-SQSRedrivePolicy",
        )

    @property
    def by_name(self) -> dict[str, sqs.Queue]:
        """Return the queues by what fills them, in the order of the flow."""
        return {
            "ingest failures": self.ingest,
            "rule dead letters": self.rule,
            "alert failures": self.alert,
            "mail dead letters": self.mail,
            "schedule dead letters": self.schedule,
        }

    def _queue(self, id: str) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            id,
            retention_period=cdk.Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # No other queue may name one of these as its dead-letter queue.
            redrive_allow_policy=sqs.RedriveAllowPolicy(redrive_permission=sqs.RedrivePermission.DENY_ALL),
        )
        acknowledge(queue, "It is encrypted at rest by SQS (SSE-SQS), which the rule does not know of.", "CKV_AWS_27")
        return queue
