"""The metrics that the dashboard draws and the alarms watch."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from constructs_lib.stage.settings import Settings
from constructs_lib.traced_function import TracedFunction
from lambdas.shared.names import METRIC_NAMESPACE

_PERIOD = cdk.Duration.minutes(1)


class Metrics:
    """Metrics of one stage, summed by the minute unless said otherwise."""

    def __init__(self, settings: Settings) -> None:
        self._stage = settings.stage

    def own(self, name: str, function: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        """Return one of the pipeline's own metrics, which `function` writes as embedded metric format lines."""
        return _metric(METRIC_NAMESPACE, name, {"stage": self._stage, "function": function}, statistic)

    def of_function(self, function: TracedFunction, name: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        """Return one of Lambda's metrics of the function."""
        dimensions = {"FunctionName": function.function.function_name}
        return _metric("AWS/Lambda", name, dimensions, statistic)

    def depth(self, queue: sqs.IQueue) -> cloudwatch.Metric:
        """Return how many messages wait in the queue."""
        dimensions = {"QueueName": queue.queue_name}
        return _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, "Maximum")

    def of_stream(self, name: str, *, stream: str, statistic: str = "Sum") -> cloudwatch.Metric:
        """Return one of Firehose's metrics of a stream (Firehose Developer Guide, "CloudWatch metrics")."""
        return _metric("AWS/Firehose", name, {"DeliveryStreamName": stream}, statistic)

    def of_rule(self, name: str, *, bus: str, rule: str) -> cloudwatch.Metric:
        """Return one of EventBridge's metrics of a rule on a custom bus (EventBridge User Guide, "Monitoring")."""
        return _metric("AWS/Events", name, {"EventBusName": bus, "RuleName": rule}, "Sum")

    def of_topic(self, name: str, *, topic: str) -> cloudwatch.Metric:
        """Return one of SNS's metrics of a topic."""
        return _metric("AWS/SNS", name, {"TopicName": topic}, "Sum")


def _metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str) -> cloudwatch.Metric:
    # No label: an alarm on a labelled metric is written as metric math, which costs more to read and which the
    # embedded AWS does not know. The dashboard adds its own.
    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic=statistic, period=_PERIOD
    )
