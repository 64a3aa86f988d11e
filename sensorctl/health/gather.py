"""Reads the facts of a pipeline; the same calls on the embedded AWS and on AWS, but for what the former lacks.

A look into a queue receives up to ten messages and leaves them visible: it changes nothing but their receive count,
which no rule of ours looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lambdas.shared.metrics import NAMESPACE
from sensorctl import alert_list, device_registry, devices, ledger_scan, subscribers
from sensorctl.embedded.access import Access
from sensorctl.failed_messages import QUEUES, Queue, read
from sensorctl.health import overdue
from sensorctl.health.facts import RECENT, Facts, FunctionMetrics, RingingAlarm, Waiting
from sensorctl.pipeline import Pipeline, stack_name
from sensorctl.thresholds_in_force import thresholds_in_force

_MOST_RECEIVED = 10
# The sweep sends what is left every minute, and its digest at the next one.
_MAIL_TAKES = timedelta(minutes=5)
_PERIOD_S = 60


def gather(access: Access, pipeline: Pipeline, *, stage: str, now: datetime, grace: timedelta) -> Facts:
    """Look at everything once. `grace` is how long a breach may be on its way from ingest to alert.

    Raises botocore's errors.
    """
    dynamodb = access.client("dynamodb")
    thresholds, problem = thresholds_in_force(access, pipeline)
    records, _ = alert_list.read(ledger_scan.items(dynamodb, table=pipeline.alerts_table))
    alerts = alert_list.lines(records)
    last = device_registry.last_readings(access, pipeline, now=now)
    sns = access.client("sns")
    alarm_topic = pipeline.alarm_topic
    # Only the real AWS evaluates alarms and keeps the metrics of functions.
    on_aws = access.endpoint is None
    cloudwatch = access.client("cloudwatch") if on_aws else None
    return Facts(
        now=now,
        waiting=_waiting(access.client("sqs"), pipeline),
        subscribers=tuple(subscribers.all_of(sns, topic=pipeline.alert_topic)),
        alarm_subscribers=tuple(subscribers.all_of(sns, topic=alarm_topic)) if alarm_topic else None,
        devices=tuple(devices.listed(last, thresholds=thresholds, alerts=alerts, now=now)),
        alerts=tuple(alerts),
        thresholds_problem=problem,
        unheard=overdue.unheard(last, records, thresholds=thresholds, before=now - grace),
        unsent=overdue.unsent(records, now=now, allowed=_MAIL_TAKES),
        functions=_functions(cloudwatch, pipeline, stage=stage, now=now) if cloudwatch else None,
        alarms=_alarms(cloudwatch, stage=stage) if cloudwatch else None,
    )


def _waiting(sqs: Any, pipeline: Pipeline) -> tuple[Waiting, ...]:
    urls: Mapping[Queue, str] = {
        "ingest": pipeline.ingest_failures,
        "rule": pipeline.rule_dead_letters,
        "alert": pipeline.alert_failures,
        "mail": pipeline.mail_dead_letters,
        "schedule": pipeline.schedule_dead_letters,
    }
    return tuple(_queue(sqs, queue, urls[queue]) for queue in QUEUES)


def _queue(sqs: Any, queue: Queue, url: str) -> Waiting:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    count = sum(int(counts[name]) for name in names)
    if not int(counts[names[0]]):
        return Waiting(queue=queue, count=count)
    received = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_MOST_RECEIVED,
        VisibilityTimeout=0,
        # Long polling asks every server of the queue (SQS Developer Guide, "Short and long polling").
        WaitTimeSeconds=1,
        AttributeNames=["SentTimestamp"],
        MessageAttributeNames=["All"],
    )
    return Waiting(queue=queue, count=count, seen=tuple(read(queue, one) for one in received.get("Messages", ())))


def _alarms(cloudwatch: Any, *, stage: str) -> tuple[RingingAlarm, ...]:
    """CloudFormation begins the names it gives with the stack's (CloudFormation User Guide, "Resource identifiers")."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{stack_name(stage)}-", StateValue="ALARM", AlarmTypes=["MetricAlarm"]
    )
    return tuple(
        RingingAlarm(
            name=alarm["AlarmName"],
            since=alarm["StateUpdatedTimestamp"],
            description=alarm.get("AlarmDescription", ""),
        )
        for page in pages
        for alarm in page["MetricAlarms"]
    )


def _functions(cloudwatch: Any, pipeline: Pipeline, *, stage: str, now: datetime) -> dict[str, FunctionMetrics]:
    """Return what CloudWatch counted; a metric without a datapoint is 0, as in the alarms."""
    functions = {"ingest": pipeline.ingest_function, "alert": pipeline.alert_function}
    asked = {
        f"{name}_{metric.lower()}": (namespace, metric, dimensions)
        for name, function in functions.items()
        for namespace, metric, dimensions in (
            ("AWS/Lambda", "Errors", {"FunctionName": function}),
            ("AWS/Lambda", "Throttles", {"FunctionName": function}),
            (NAMESPACE, "thresholds_invalid", {"stage": stage, "function": name}),
        )
    }
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[_query(id, *metric) for id, metric in asked.items()], StartTime=now - RECENT, EndTime=now
    )
    sums = {result["Id"]: int(sum(result["Values"])) for result in answer["MetricDataResults"]}
    return {
        name: FunctionMetrics(
            errors=sums.get(f"{name}_errors", 0),
            throttles=sums.get(f"{name}_throttles", 0),
            thresholds_invalid=sums.get(f"{name}_thresholds_invalid", 0) > 0,
        )
        for name in functions
    }


def _query(id: str, namespace: str, metric: str, dimensions: dict[str, str]) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    stat = {"Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": named}}
    return {"Id": id, "MetricStat": {**stat, "Period": _PERIOD_S, "Stat": "Sum"}}
