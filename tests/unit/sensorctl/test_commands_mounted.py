"""The command line as a whole: what is mounted, what it answers, and that `--help` does not wait for AWS libraries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_kit import sensorctl

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
]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_of_its_own(command: str) -> None:
    said = sensorctl(command, "--help")
    assert said.code == 0
    assert f"sensorctl {command}" in said.out or f" {command} [OPTIONS]" in said.out


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
    said = sensorctl("check", "--json", str(good), str(bad))
    assert said.code == 1
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [(line["readings"], line["rejected"]) for line in lines] == [(1, {}), (1, {"not_json": 1})]


@pytest.mark.parametrize("arguments", [[], ["/no/such/file"], ["--no-such-option"]])
def test_check_ends_with_2_on_wrong_use(arguments: list[str]) -> None:
    assert sensorctl("check", *arguments).code == 2
