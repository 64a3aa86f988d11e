"""What the pipeline made of what it was sent, read back from the tables, the quarantine and the failure queues."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sensorctl.embedded.access import Access
from sensorctl.expectations import ReadingKey, reading_key
from sensorctl.pipeline import Pipeline
from sensorctl.plain_items import plain

Item = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RejectedRecord:
    """One line of a quarantine object, and the key of the object that the record stood in.

    `member` names the one bad member, where only that was rejected.
    """

    key: str
    position: str
    offset: int
    reason: str
    detail: str
    record: str
    member: str | None = None


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


def keys_of(items: list[Item]) -> Counter[ReadingKey]:
    """Return how often each reading stands in the table."""
    return Counter(
        reading_key(item["device_id"], datetime.fromisoformat(item["reading_id"].rpartition("#")[0]), item["metrics"])
        for item in items
    )


def rejected_records(access: Access, pipeline: Pipeline) -> list[RejectedRecord]:
    """Return every line below `quarantine/`."""
    s3 = access.client("s3")
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=pipeline.landing_bucket, Prefix="quarantine/"):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket=pipeline.landing_bucket, Key=entry["Key"])["Body"].read()
            lines = [json.loads(line) for line in body.splitlines()]
            # A last line without a reason counts what was too much to list.
            found += [_rejected(entry["Key"], line) for line in lines if "reason" in line]
    return found


def failed_events(access: Access, pipeline: Pipeline) -> int:
    """Return how many events wait in the failure and dead-letter queues."""
    sqs = access.client("sqs")
    queues = (
        pipeline.ingest_failures,
        pipeline.alert_failures,
        pipeline.rule_dead_letters,
        pipeline.mail_dead_letters,
        pipeline.schedule_dead_letters,
    )
    name = "ApproximateNumberOfMessages"
    return sum(int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]) for url in queues)


def _rejected(key: str, line: dict[str, Any]) -> RejectedRecord:
    return RejectedRecord(
        key=key.removeprefix("quarantine/").rpartition("/")[0],
        position=line["position"],
        offset=line["offset"],
        reason=line["reason"],
        detail=line["detail"],
        record=line["record"],
        member=line.get("member"),
    )


def _scan(access: Access, table: str) -> Iterator[Item]:
    for page in access.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        yield from map(plain, page["Items"])
