"""AWS's list prices in us-east-1, in dollars, without the free tier; they are nowhere else.

They are as the services' pricing pages gave them on the date below; other regions are up to a third dearer.
"""

from __future__ import annotations

from dataclasses import dataclass

AS_OF = "2026-11"
REGION = "us-east-1"
MILLION = 1e6


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Dollars for one of each, unless the name says otherwise."""

    s3_put: float = 5.00 / MILLION
    s3_get: float = 0.40 / MILLION
    s3_gb_month: float = 0.023
    lambda_request: float = 0.20 / MILLION
    lambda_gb_second: float = 13.3334 / MILLION  # arm64
    write_unit: float = 0.625 / MILLION  # DynamoDB on demand
    read_unit: float = 0.125 / MILLION
    table_gb_month: float = 0.25
    write_capacity_hour: float = 0.00065  # DynamoDB provisioned: a write unit a second, used or not
    read_capacity_hour: float = 0.00013
    # Data Firehose, Direct PUT, the first 500 TB a month. Each record counts as a multiple of 5 KB, and a GB is 2^30
    # bytes (Amazon Data Firehose pricing, "Ingestion").
    firehose_gb: float = 0.029
    schedule: float = 1.00 / MILLION  # EventBridge Scheduler, an invocation
    event: float = 1.00 / MILLION  # EventBridge, a custom event of up to 64 KB
    email: float = 21.00 / MILLION  # SNS: 0.50 to publish it and 0.50 its document, 20.00 to deliver
    trace: float = 5.00 / MILLION  # X-Ray, recorded
    log_gb: float = 0.50  # CloudWatch Logs, ingested
    log_gb_month: float = 0.03  # and kept; billed compressed, counted here as it came
    metric_month: float = 0.30
    alarm_month: float = 0.10
    dashboard_month: float = 3.00
    key_month: float = 1.00  # KMS


US_EAST_1 = Prices()
