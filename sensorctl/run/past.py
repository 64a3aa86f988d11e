"""Moves uploads and alerts back, as if the time since had passed."""

from __future__ import annotations

from datetime import datetime, timedelta

from lambdas.alert.adapters.ledger_items import alert_key
from lambdas.shared.keys import registry_partition
from lambdas.shared.times import time_of, timestamp
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline


def age_uploads(access: Access, pipeline: Pipeline, device: str, *, to: datetime) -> None:
    """Let a device have uploaded all its readings `to` a time, by readings and registry (of the least partitions).

    Silence counts from the last upload.
    """
    dynamodb, table = access.client("dynamodb"), pipeline.readings_table
    registered = {"device_id": {"S": registry_partition(device)}, "reading_id": {"S": device}}
    items = [dynamodb.get_item(TableName=table, Key=registered)["Item"]]
    items += dynamodb.query(
        TableName=table,
        KeyConditionExpression="device_id = :device",
        ExpressionAttributeValues={":device": {"S": device}},
    )["Items"]
    for item in items:
        dynamodb.put_item(TableName=table, Item={**item, "uploaded_at": {"S": timestamp(to)}})


def age_alert(access: Access, pipeline: Pipeline, device: str, metric: str, *, by: timedelta) -> None:
    """Let an open alert have been mailed longer ago, and its reminder be due earlier."""
    dynamodb, key = access.client("dynamodb"), {"alert_key": {"S": alert_key(device, metric)}}
    alert = dynamodb.get_item(TableName=pipeline.alerts_table, Key=key)["Item"]["alert"]["M"]
    times = {name: timestamp(time_of(alert[name]["S"]) - by) for name in ("mailed_at", "remind_at")}
    dynamodb.update_item(
        TableName=pipeline.alerts_table,
        Key=key,
        UpdateExpression="SET alert.mailed_at = :mailed_at, alert.remind_at = :remind_at",
        ExpressionAttributeValues={f":{name}": {"S": time} for name, time in times.items()},
    )
