"""The front door, switched on at a running stage whose folders are identities: what it delivers is ingested."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.shared.names import stack_name
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.assembly import synthesise
from sensorctl.embedded.embedded_aws import CONTEXT, EmbeddedAws
from tests import ROOT
from tests.e2e.redeployment import redeployed

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def stream(aws: EmbeddedAws) -> Iterator[str]:
    """Update the stack to one with the front door, in which a folder speaks for its own device alone."""
    assembly = synthesise(ROOT, context={**CONTEXT, "emails_per_minute": "200", "front_door": "firehose"})
    template = json.loads((assembly / f"{stack_name('dev')}.template.json").read_text())
    (ingest,) = [body for id, body in template["Resources"].items() if id.startswith("IngestFunction")]
    ingest["Properties"]["Environment"]["Variables"]["DEVICE_IDENTITY"] = "folder"
    with redeployed(aws, template) as outputs:
        yield outputs["FrontDoorStream"]


def reading(device: str, minute: int) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=10 - minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"device_id": device, "timestamp": at, "metrics": {"humidity": 40 + minute}}


def stored(aws: EmbeddedAws, device: str) -> list[dict[str, Any]]:
    table = aws.access.client("dynamodb")
    answer = table.query(
        TableName=aws.pipeline.readings_table,
        KeyConditionExpression="device_id = :device",
        ExpressionAttributeValues={":device": {"S": device}},
    )
    found: list[dict[str, Any]] = answer["Items"]
    return found


def _source(item: dict[str, Any]) -> str:
    return str(item["source"]["M"]["key"]["S"])


def test_records_put_into_the_stream_are_stored_for_each_device(aws: EmbeddedAws, stream: str) -> None:
    devices = ["front-1", "front-2", "front-3"]
    records = [{"Data": json.dumps(reading(device, 1)).encode()} for device in devices]
    answer = aws.access.client("firehose").put_record_batch(DeliveryStreamName=stream, Records=records)

    assert answer["FailedPutCount"] == 0
    assert wait_until(lambda: all(stored(aws, device) for device in devices), seconds=30)
    keys = {_source(item) for device in devices for item in stored(aws, device)}
    assert [key for key in keys if not re.match(rf"incoming/firehose/\d{{4}}/\d\d/\d\d/\d\d/{stream}-", key)] == []


def test_what_firehose_writes_is_taken_in_whole(aws: EmbeddedAws, stream: str) -> None:
    """The embedded AWS delivers each record by itself; AWS puts them one after the other, gzipped, under such a key."""
    readings = [reading(f"fleet-{number}", minute) for minute in range(3) for number in range(40)]
    body = gzip.compress("".join(map(json.dumps, readings)).encode())
    name = f"{stream}-1-{NOW:%Y-%m-%d-%H-%M-%S}-0f4a2c1e-5b7d-4e0a-9a55-0d4c2c1f9b11.gz"
    key = f"incoming/firehose/{NOW:%Y/%m/%d/%H}/{name}"
    aws.access.client("s3").put_object(Bucket=aws.pipeline.landing_bucket, Key=key, Body=body)

    assert wait_until(lambda: all(len(stored(aws, f"fleet-{number}")) == 3 for number in range(40)), seconds=30)
    assert {_source(item) for item in stored(aws, "fleet-7")} == {key}


def test_a_device_still_speaks_for_itself_alone(aws: EmbeddedAws, stream: str) -> None:
    body = "".join(json.dumps(reading(device, 5)) for device in ("boiler-77", "victim-77")).encode()
    key = "incoming/boiler-77/mine.json"
    aws.access.client("s3").put_object(Bucket=aws.pipeline.landing_bucket, Key=key, Body=body)

    assert wait_until(lambda: bool(stored(aws, "boiler-77")), seconds=30)
    assert stored(aws, "victim-77") == []
