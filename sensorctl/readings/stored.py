"""Reads back what the pipeline stored, rejected or failed on: the tables, the quarantine and the failure queues."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambdas.alert.adapters.codec import plain
from lambdas.shared.names import QUARANTINE_PREFIX
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline

Item = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RejectedRecord:
    """One line of a quarantine object, and the key of the object that the record was in.

    `member` names the one bad member, where only that was rejected.
    """

    key: str
    position: str
    offset: int
    reason: str
    detail: str
    record: str
    member: str | None = None


def by_reason(rejected: list[RejectedRecord]) -> tuple[Counter[str], Counter[str]]:
    """Return how many records, and how many single values of other records, were rejected by reason."""
    return (
        Counter(reject.reason for reject in rejected if reject.member is None),
        Counter(reject.reason for reject in rejected if reject.member is not None),
    )


def stored_readings(access: Access, pipeline: Pipeline) -> list[Item]:
    """Return every reading in the table (a scan: for the embedded AWS and for tests)."""
    return [item for item in _scan(access, pipeline.readings_table) if not item["device_id"].startswith("#")]


def alert_items(access: Access, pipeline: Pipeline) -> list[Item]:
    """Return every item of the alerts table (a scan)."""
    return list(_scan(access, pipeline.alerts_table))


def stored_count(access: Access, pipeline: Pipeline) -> int:
    """Return how many readings are stored (a scan that returns no items)."""
    pages = (
        access.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=pipeline.readings_table,
            Select="COUNT",
            FilterExpression="NOT begins_with(device_id, :registry)",
            ExpressionAttributeValues={":registry": {"S": "#"}},
        )
    )
    return sum(page["Count"] for page in pages)


def rejected_records(access: Access, pipeline: Pipeline) -> list[RejectedRecord]:
    """Return every line below `quarantine/`."""
    s3, bucket = access.client("s3"), pipeline.landing_bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=QUARANTINE_PREFIX)
    keys = (entry["Key"] for page in pages for entry in page.get("Contents", ()))
    return [record for key in keys for record in rejected_in(s3, bucket, key)]


def rejected_in(s3: Any, bucket: str, key: str) -> list[RejectedRecord]:
    """Return the lines of one quarantine object; its last, if it has no reason, counts what was too much to list."""
    source = key.removeprefix(QUARANTINE_PREFIX).rpartition("/")[0]
    lines = map(json.loads, s3.get_object(Bucket=bucket, Key=key)["Body"].iter_lines())
    return [RejectedRecord(key=source, **line) for line in lines if "reason" in line]


def failed_events(access: Access, pipeline: Pipeline) -> int:
    """Return how many events wait in the failure and dead-letter queues."""
    sqs = access.client("sqs")
    name = "ApproximateNumberOfMessages"
    return sum(
        int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])
        for url in pipeline.failure_queues.values()
    )


def _scan(access: Access, table: str) -> Iterator[Item]:
    for page in access.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        yield from map(plain, page["Items"])
