"""The alarms: each says in its description what it means and what to do first."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_lib.alerts.dead_letters import DeadLetters
from constructs_lib.front_door import FrontDoor
from constructs_lib.observability.metrics import Metrics
from constructs_lib.traced_function import TracedFunction

# An event that waits this long is not a burst any more: the function is throttled or keeps failing.
_OLD_EVENT = cdk.Duration.minutes(15)
# Fifteen times what the front door gathers for.
_OLD_RECORD = cdk.Duration.minutes(15)


class Alarms(Construct):
    """Alarms on both functions, on every dead-letter queue, on rejected readings and on bad thresholds.

    With `topic` they e-mail its subscribers; without, they are only seen.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        metrics: Metrics,
        functions: tuple[TracedFunction, ...],
        dead_letters: DeadLetters,
        front_door: FrontDoor | None,
        topic: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, id)
        self._metrics = metrics
        self._topic = topic
        self.all: list[cloudwatch.Alarm] = []
        for function in functions:
            self._watch_function(function)
        for name, queue in dead_letters.by_name.items():
            self._alarm(
                name.title().replace(" ", ""),
                metric=metrics.depth(queue),
                means=f"Messages that could not be handled wait in the queue '{name}'; each is lost after 14 days.",
                do="Read one (it carries the error), fix the cause, then redrive the queue.",
            )
        self._alarm(
            "ReadingsRejected",
            metric=metrics.own("readings_rejected", "ingest"),
            means="Uploads hold records that break the rules for readings; good records beside them were stored.",
            do="Open the e-mail, or the object under quarantine/, for reasons and examples; fix the device.",
        )
        if front_door is not None:
            self._watch_front_door(front_door)

    def _watch_function(self, function: TracedFunction) -> None:
        name, prefix = function.name, function.name.title()
        own = self._metrics.of_function
        self._alarm(
            f"{prefix}Errors",
            metric=own(function, "Errors"),
            means=f"Invocations of {name} fail; Lambda tries each event three times, then keeps it in {name}'s failure "
            "queue.",
            do=f"Read the errors in {name}'s log group; redrive the queue once the cause is fixed.",
        )
        self._alarm(
            f"{prefix}Throttles",
            metric=own(function, "Throttles"),
            means=f"{name} may not run as often as it is called; events wait up to 6 hours, nothing is lost yet.",
            do="Raise the account's quota for concurrent executions, or the reserved concurrency if cdk.json sets one.",
        )
        self._alarm(
            f"{prefix}EventsDropped",
            metric=own(function, "AsyncEventsDropped"),
            means=f"Lambda gave up on events for {name}, after three tries or 6 hours; the failure queue holds them.",
            do="Fix the cause, then redrive the queue; if it is empty, the role may not send to it.",
        )
        self._alarm(
            f"{prefix}EventsOld",
            metric=own(function, "AsyncEventAge", statistic="Maximum"),
            threshold=_OLD_EVENT.to_milliseconds(),
            means=f"Events wait more than {int(_OLD_EVENT.to_minutes())} minutes for {name}: alerts come late.",
            do="Look for errors and throttles of the same time; they are the cause.",
        )
        self._alarm(
            f"{prefix}ThresholdsInvalid",
            metric=self._metrics.own("thresholds_invalid", name),
            means=f"{name} cannot use the thresholds in Systems Manager and goes on with the last good ones.",
            do=f"{name}'s log names the member and the rule; fix the parameter or restore its last version.",
        )

    def _watch_front_door(self, front_door: FrontDoor) -> None:
        """Watch what Firehose's own guide says to watch ("Implement best practices with CloudWatch Alarms")."""
        of_stream, stream = self._metrics.of_stream, front_door.stream_name
        self._alarm(
            "FrontDoorLate",
            metric=of_stream("DeliveryToS3.DataFreshness", stream=stream, statistic="Maximum"),
            threshold=_OLD_RECORD.to_seconds(),
            means=f"Records wait more than {int(_OLD_RECORD.to_minutes())} minutes in the front door; Firehose keeps "
            "trying for 24 hours, then they are lost.",
            do="Read the error in the stream's log group; a role, bucket or key that was changed is put back by a "
            "deployment.",
        )
        self._alarm(
            "FrontDoorThrottled",
            metric=of_stream("ThrottledRecords", stream=stream),
            means="Firehose refuses records: the stream is over its quota, and what a producer does not send again is "
            "lost.",
            do="Put more readings into a record, or ask for a higher quota of the stream.",
        )

    def _alarm(self, id: str, *, metric: cloudwatch.Metric, means: str, do: str, threshold: float = 0) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{means} What to do: {do}",
        )
        if self._topic is not None:
            alarm.add_alarm_action(actions.SnsAction(self._topic))
        self.all.append(alarm)
