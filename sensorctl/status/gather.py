"""Reads the facts of a pipeline, with the same calls on the embedded AWS and on AWS but for what the former lacks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from lambdas.shared.names import METRIC_NAMESPACE, stack_name
from sensorctl.alerts import ledger_records, muting
from sensorctl.alerts.listing import lines, marked
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.devices.listing import listed
from sensorctl.devices.registry import last_readings
from sensorctl.mutes import listing as mutes_listing
from sensorctl.redrive.waiting import look_into
from sensorctl.status import overdue
from sensorctl.status.facts import RECENT, Facts, FunctionMetrics, RingingAlarm
from sensorctl.subscribers.subscriptions import email_subscriptions
from sensorctl.thresholds.parameter import thresholds_in_force

# The sweep sends what is left every minute, and its digest at the next one.
_MAIL_TAKES = timedelta(minutes=5)
_PERIOD_S = 60


def gather(access: Access, pipeline: Pipeline, *, stage: str, now: datetime, grace: timedelta) -> Facts:
    """Look at everything once. `grace` is how long a breach may be on its way from ingest to alert.

    Raises botocore's errors.
    """
    thresholds, problem = thresholds_in_force(access, pipeline)
    records, _ = ledger_records.read(access.client("dynamodb"), table=pipeline.alerts_table)
    mutes = muting.beside(thresholds, access, pipeline)
    alerts = marked(lines(records), mutes=mutes.mutes, now=now)
    last = last_readings(access, pipeline, thresholds=thresholds, now=now)
    sns, sqs, alarm_topic = access.client("sns"), access.client("sqs"), pipeline.alarm_topic
    # Only the real AWS evaluates alarms and keeps the metrics of functions.
    on_aws = access.endpoint is None
    cloudwatch = access.client("cloudwatch") if on_aws else None
    return Facts(
        now=now,
        waiting=tuple(look_into(sqs, queue, url) for queue, url in pipeline.failure_queues.items()),
        subscribers=tuple(email_subscriptions(sns, topic=pipeline.alert_topic)),
        alarm_subscribers=tuple(email_subscriptions(sns, topic=alarm_topic)) if alarm_topic else None,
        devices=tuple(listed(last, thresholds=thresholds, alerts=alerts, now=now)),
        alerts=tuple(alerts),
        mutes=tuple(mutes_listing.lines(mutes, alerts, now=now)),
        mutes_unreadable=mutes.listed.unreadable,
        thresholds_problem=problem,
        missed_breaches=overdue.missed_breaches(last, records, thresholds=thresholds, before=now - grace),
        unsent=overdue.unsent(records, now=now, allowed=_MAIL_TAKES),
        functions=_functions(cloudwatch, pipeline, stage=stage, now=now) if cloudwatch else None,
        alarms=_alarms(cloudwatch, stage=stage) if cloudwatch else None,
    )


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
            (METRIC_NAMESPACE, "thresholds_invalid", {"stage": stage, "function": name}),
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
