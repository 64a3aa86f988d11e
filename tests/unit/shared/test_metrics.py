from __future__ import annotations

import json

import pytest

from lambdas.shared import metrics


def test_metrics_are_one_line_that_cloudwatch_understands(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"objects": 2, "lag_ms": 7.5}, stage="dev", function="ingest", clock_ms=1_700_000_000_000)
    metrics.emit({}, stage="dev", function="ingest")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "_aws": {
            "Timestamp": 1_700_000_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "SensorFanout",
                    "Dimensions": [["stage", "function"]],
                    "Metrics": [{"Name": "objects", "Unit": "Count"}, {"Name": "lag_ms", "Unit": "Milliseconds"}],
                }
            ],
        },
        "timestamp": "2023-11-14T22:13:20.000Z",
        "level": "FATAL",
        "stage": "dev",
        "function": "ingest",
        "objects": 2,
        "lag_ms": 7.5,
    }
