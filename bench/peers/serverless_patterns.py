"""S3 -> Lambda -> DynamoDB the way public patterns do it: json.loads, and one put_item a reading.

Written as favourably as it can be while keeping that way: clients are made once, the key is decoded, nothing is
printed, and nothing is checked, traced or mailed, all of which the pipeline does.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import boto3

s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table(os.environ["READINGS_TABLE"])


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Store every reading of the object."""
    stored = 0
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for line in body.splitlines():
            reading = json.loads(line, parse_float=Decimal)
            table.put_item(Item={**reading, "reading_id": reading["timestamp"]})
            stored += 1
    return {"stored": stored}
