"""CloudWatch metrics as one EMF line (CloudWatch User Guide, "Specification: Embedded metric format")."""

from __future__ import annotations

import json
import sys
import time

NAMESPACE = "SensorFanout"


def emit(values: dict[str, float], *, stage: str, function: str, clock_ms: int | None = None) -> None:
    """Write the metrics of one invocation: name -> count, with the dimensions stage and function.

    CloudWatch Logs turns the line into metrics; no API call, no grant. Name endings give the unit: `_ms` is
    milliseconds, all else is a count.
    """
    if not values:
        return
    line = {
        "_aws": {
            "Timestamp": clock_ms if clock_ms is not None else int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
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
