"""Lines as Lambda's log-level filter takes them (Lambda Developer Guide, "Log-level filtering")."""

import json
from datetime import UTC, datetime

import pytest

from lambdas.shared import metrics
from lambdas.shared.logs import Level, log

# What `level` may be; the last is kept whatever level a function is set to.
LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


@pytest.mark.parametrize(("level", "written"), [("INFO", "INFO"), ("WARNING", "WARN"), ("ERROR", "ERROR")])
def test_a_line_has_a_level_that_lambda_knows_and_the_time(
    level: Level, written: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log(level, "said", key="k")
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == written
    assert written in LEVELS
    assert line["timestamp"].endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])).total_seconds()) < 60


def test_metrics_pass_every_filter(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"objects": 1}, stage="dev", function="ingest")
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == LEVELS[-1]
    assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC
