"""From ingest's events to alert: the bus, its archive, the rule, and the schedule of the sweep."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_lib.alerts.alert_topic import AlertTopic
from constructs_lib.alerts.dead_letters import DeadLetters
from constructs_lib.stage import embedded
from constructs_lib.stage.settings import Settings
from constructs_lib.traced_function import TracedFunction
from lambdas.shared.names import EVENT_SOURCE, READINGS_REJECTED, THRESHOLD_BREACHED

DETAIL_TYPES = (THRESHOLD_BREACHED, READINGS_REJECTED)
ARCHIVE_DAYS = 30
# The most that EventBridge gives a target (EventBridge User Guide, "Retry policy").
_RULE_EVENT_AGE = cdk.Duration.hours(24)
_RULE_RETRIES = 185


class AlertFanout(Construct):
    """Events of ingest reach alert through a rule, alert reaches people through a topic, a sweep makes up for losses.

    The rule does not reach the topic itself: EventBridge sets no Subject and no message attributes, nothing between
    the two can drop a duplicate, and a storm would make SNS suspend the subscriptions (docs/decisions.md).
    `bus` and `topic` may be given instead of being made. A bus that other pipelines use too needs `only_about`, or each
    would mail the other's breaches.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ingest: TracedFunction,
        alert: TracedFunction,
        dead_letters: DeadLetters,
        settings: Settings,
        bus: events.IEventBus | None = None,
        topic: sns.ITopic | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.dead_letters = dead_letters
        self._stage = settings.stage
        self.bus = bus or events.EventBus(
            self,
            "Bus",
            event_bus_name=f"sensor-fanout-{settings.stage}",
            description="What ingest found in uploaded readings.",
        )
        self.archive = self._archive()
        self.rule = self._rule(alert)
        self.schedule = self._sweep(alert)
        self.alerts = AlertTopic(self, "Alerts", mail_dead_letters=dead_letters.mail, settings=settings, topic=topic)
        self.alerts.publishable_by(alert)
        alert.add_environment(
            EMAILS_PER_MINUTE=str(settings.emails_per_minute), NEW_ALERTS_PER_HOUR=str(settings.new_alerts_per_hour)
        )
        self._let_emit(ingest)

    def only_about(self, bucket_name: str) -> None:
        """Take, and archive, only events about objects of this bucket."""
        about = {"object": {"bucket": [bucket_name]}}
        for filtering in (self.archive, self.rule):
            filtering.event_pattern = {**filtering.event_pattern, "detail": about}

    def _archive(self) -> events.CfnArchive:
        archive = events.CfnArchive(
            self,
            "Archive",
            # A name that CloudFormation makes may be longer than the 48 characters that an archive's may have
            # (EventBridge API Reference, CreateArchive).
            archive_name=f"sensor-fanout-{self._stage}-events",
            source_arn=self.bus.event_bus_arn,
            description="For replays: alert drops what it has seen.",
            event_pattern={"source": [EVENT_SOURCE]},
            retention_days=ARCHIVE_DAYS,
        )
        embedded.only_on_aws(archive)
        return archive

    def _rule(self, alert: TracedFunction) -> events.CfnRule:
        rule = events.CfnRule(
            self,
            "Rule",
            # By name: that is the dimension of its metrics, and what CloudFormation makes of a reference to a rule on a
            # bus of its own is `bus|name`.
            name=f"sensor-fanout-{self._stage}-to-alert",
            description="Breaches and rejected readings go to alert.",
            event_bus_name=self.bus.event_bus_name,
            event_pattern={"source": [EVENT_SOURCE], "detail-type": list(DETAIL_TYPES)},
            targets=[
                events.CfnRule.TargetProperty(
                    id="alert",
                    arn=alert.function.function_arn,
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=int(_RULE_EVENT_AGE.to_seconds()),
                        maximum_retry_attempts=_RULE_RETRIES,
                    ),
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.dead_letters.rule.queue_arn),
                )
            ],
        )
        lambda_.CfnPermission(
            self,
            "RuleMayInvokeAlert",
            action="lambda:InvokeFunction",
            function_name=alert.function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,  # it names the account
        )
        self.dead_letters.rule.add_to_resource_policy(
            iam.PolicyStatement(
                sid="UndeliveredEvents",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.dead_letters.rule.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )
        return rule

    def _sweep(self, alert: TracedFunction) -> scheduler.CfnSchedule:
        """Start alert's sweep every minute. What cannot be started is not tried again: the next is a minute away."""
        stack = cdk.Stack.of(self)
        group = stack.format_arn(service="scheduler", resource="schedule-group", resource_name="default")
        role = iam.Role(
            self,
            "SweepRole",
            # EventBridge Scheduler User Guide, "Confused deputy prevention": the ARN of the schedule group.
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
                    "ArnEquals": {"aws:SourceArn": group},
                },
            ),
        )
        policy = iam.Policy(
            self,
            "SweepPolicy",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    sid="StartSweep", actions=["lambda:InvokeFunction"], resources=[alert.function.function_arn]
                ),
                iam.PolicyStatement(
                    sid="KeepFailures",
                    actions=["sqs:SendMessage"],
                    resources=[self.dead_letters.schedule.queue_arn],
                ),
            ],
        )
        schedule = scheduler.CfnSchedule(
            self,
            "Sweep",
            description="Reminders, recovery, silence, and e-mails that are still to be sent.",
            schedule_expression="rate(1 minute)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=alert.function.function_arn,
                role_arn=role.role_arn,
                input=json.dumps({"sweep": True}),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=60, maximum_retry_attempts=0
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=self.dead_letters.schedule.queue_arn
                ),
            ),
        )
        schedule.node.add_dependency(policy)
        return schedule

    def _let_emit(self, ingest: TracedFunction) -> None:
        ingest.add_environment(EVENT_BUS=self.bus.event_bus_name)
        # AWS always sends events:source with PutEvents, so IfExists is as strict there; the embedded AWS has no such
        # key, and the same statement works on both.
        ingest.grant(
            "EmitEvents",
            "events:PutEvents",
            on=self.bus.event_bus_arn,
            when={"StringEqualsIfExists": {"events:source": EVENT_SOURCE}},
        )
