"""The command line as a whole: what is mounted, what it answers, and that `--help` does not wait for AWS libraries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.sensorctl.command_kit import sensorctl

GOOD = '{"device_id": "b-7", "timestamp": "2026-11-22T10:00:00Z", "metrics": {"t": 1}}\n'


COMMANDS = [
    "status",
    "devices",
    "readings",
    "traces",
    "simulate",
    "alerts",
    "subscribers",
    "thresholds",
    "check",
    "redrive",
    "replay",
    "reconcile",
    "report",
    "cost",
    "preflight",
    "upload",
    "empty",
]


def test_what_destroys_is_not_among_the_daily_commands() -> None:
    panels = sensorctl("--help").out.split("╭─ ")
    (daily,) = [panel for panel in panels if panel.startswith("Look into it")]
    (rare,) = [panel for panel in panels if panel.startswith("Before a deployment")]
    assert (" empty " in rare, " status " in daily, " alerts " in daily) == (True, True, True)
    assert sum(" empty " in panel for panel in panels) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_of_its_own(command: str) -> None:
    result = sensorctl(command, "--help")
    assert result.code == 0
    assert f"sensorctl {command}" in result.out or f" {command} [OPTIONS]" in result.out


@pytest.mark.parametrize(
    "command", ["status", "devices", "readings", "traces", "alerts", "redrive", "reconcile", "preflight"]
)
def test_what_lists_does_so_for_programs_and_on_any_aws(command: str) -> None:
    out = sensorctl(command, "--help").out
    assert all(option in out for option in ("--json", "--embedded", "--stage", "--profile", "--region"))


def test_help_waits_for_no_aws_library() -> None:
    heavy = "import sensorctl.cli, sys; print(sorted({'boto3', 'botocore', 'moto'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_check_ends_with_0_when_all_is_accepted_and_1_when_something_is_not(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.ndjson", tmp_path / "bad.ndjson"
    good.write_text(GOOD)
    bad.write_text(GOOD + "{\n")
    assert sensorctl("check", str(good)).code == 0
    result = sensorctl("check", "--json", str(good), str(bad))
    assert result.code == 1
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [(line["readings"], line["rejected"]) for line in lines] == [(1, {}), (1, {"not_json": 1})]


@pytest.mark.parametrize("arguments", [[], ["/no/such/file"], ["--no-such-option"]])
def test_check_ends_with_2_on_wrong_use(arguments: list[str]) -> None:
    assert sensorctl("check", *arguments).code == 2
