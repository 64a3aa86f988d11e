"""The function as Powertools' own guides build it: Logger, Tracer, Metrics, a pydantic model, and batch_writer."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from pydantic_model import readings

logger = Logger()
metrics = Metrics()
tracer = Tracer()
s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table(os.environ["READINGS_TABLE"])


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Check and store every reading of the object."""
    stored = 0
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        good = readings(s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines())
        with table.batch_writer(overwrite_by_pkeys=["device_id", "reading_id"]) as batch:
            for reading in good:
                values = {name: Decimal(str(value)) for name, value in reading.metrics.items()}
                item = reading.model_dump(exclude_none=True, exclude={"timestamp", "metrics"})
                batch.put_item(Item={**item, "reading_id": reading.timestamp.isoformat(), "metrics": values})
        stored += len(good)
    logger.info("stored", extra={"stored": stored})
    metrics.add_metric(name="readings_stored", unit=MetricUnit.Count, value=stored)
    return {"stored": stored}
