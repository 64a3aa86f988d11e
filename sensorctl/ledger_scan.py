"""Every item of the alerts table, as DynamoDB returns it.

A scan: the table has one item per alerting metric, silent device, digest and hour of rejections, and a person asks for
it now and then. The functions themselves never scan it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def items(dynamodb: Any, *, table: str) -> Iterator[dict[str, Any]]:
    """Yield the items, strongly consistent, so that what was just mailed is there."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]
