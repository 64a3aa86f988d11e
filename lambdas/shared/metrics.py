"""CloudWatch metrics as one EMF line (CloudWatch User Guide, "Specification: Embedded metric format")."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from lambdas.shared.logs import rfc3339
from lambdas.shared.names import METRIC_NAMESPACE


def emit(values: dict[str, float], *, stage: str, function: str, clock_ms: int | None = None) -> None:
    """Write the metrics of one invocation: name -> count, with the dimensions stage and function.

    CloudWatch Logs turns the line into metrics; no API call, no grant. Name endings give the unit: `_ms` is
    milliseconds, all else is a count.
    """
    if not values:
        return
    at = datetime.now(UTC) if clock_ms is None else datetime.fromtimestamp(clock_ms / 1000, UTC)
    line = {
        # A line without a level counts as INFO, and Lambda would drop the metrics of a function that is set to WARN or
        # above (Lambda Developer Guide, "Log-level filtering"). FATAL passes whatever is set.
        "timestamp": rfc3339(at),
        "level": "FATAL",
        "_aws": {
            "Timestamp": int(at.timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": METRIC_NAMESPACE,
                    "Dimensions": [["stage", "function"]],
                    "Metrics": [
                        {"Name": name, "Unit": "Milliseconds" if name.endswith("_ms") else "Count"} for name in values
                    ],
                }
            ],
        },
        "stage": stage,
        "function": function,
        **values,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
