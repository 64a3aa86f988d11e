"""What a person gives to make reaches the programs as it is, and no shell reads it as a command."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import ROOT

STUB = """#!{python}
import json, os, sys
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps([*sys.argv[1:], "region=" + os.environ.get("AWS_REGION", "")]) + "\\n")
"""
HOSTILE = (
    "$(touch pwned)`touch pwned`$(shell touch pwned)",
    "; touch pwned",
    "| touch pwned && touch pwned #",
    "'; touch pwned; '",
    '"; touch pwned; "',
)
# Each target with the variables that its recipe takes.
TAKEN = {
    "run": ("SEED", "PORT", "SMTP", "FILES"),
    "up": ("PORT", "SMTP"),
    "prove": ("SCENARIO", "LIMIT", "SEED"),
    "mutants": ("MODULE",),
    "bench": ("QUICK",),
    "synth": ("STAGE", "REGION", "EMAILS"),
    "deploy": ("STAGE", "REGION", "EMAILS"),
    "destroy": ("STAGE", "REGION", "EMAILS"),
}
BUILT = ("setup", "setup-tests", ".tools/.ready", ".venv-bench/.ready", ".venv-security/.ready")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with the Makefile, in which every program only notes how it was called."""
    python = shutil.which("python3")
    for program in (".venv/bin/python", ".tools/node_modules/.bin/cdk"):
        path = tmp_path / program
        path.parent.mkdir(parents=True)
        path.write_text(STUB.format(python=python))
        path.chmod(0o700)
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def make(house: Path, target: str, *variables: str, **environment: str) -> list[list[str]]:
    """Run make and return the arguments of each program it called."""
    old = [option for name in BUILT for option in ("-o", name)]
    subprocess.run(
        ["make", "--silent", *old, target, *variables],
        cwd=house,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=False,
    )
    calls = house / "calls.jsonl"
    return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


@pytest.mark.parametrize("target", TAKEN)
@pytest.mark.parametrize("value", HOSTILE)
def test_no_variable_is_run_as_a_command(house: Path, target: str, value: str) -> None:
    given = make(house, target, *(f"{name}={value}" for name in TAKEN[target]))
    (house / "calls.jsonl").unlink()
    inherited = make(house, target, **dict.fromkeys(TAKEN[target], value))
    assert not (house / "pwned").exists()
    assert len(given) == len(inherited)
    if target != "bench":  # which only asks whether QUICK is there
        for calls in (given, inherited):
            assert any(value in argument for call in calls for argument in call)


@pytest.mark.parametrize("value", HOSTILE)
def test_the_name_of_python_is_a_name(house: Path, value: str) -> None:
    make(house, "python", f"PYTHON={value}")
    make(house, "python", PYTHON=value)
    assert not (house / "pwned").exists()


def test_files_are_names_with_spaces_between_them(house: Path) -> None:
    (call,) = make(house, "run", "FILES=a.json b.ndjson.gz", "SEED=7")
    assert call[:-1] == ["-m", "sensorctl", "run", "--seed", "7", "--", "a.json", "b.ndjson.gz"]


def test_what_is_not_given_is_not_passed(house: Path) -> None:
    (call,) = make(house, "run")
    assert call[:-1] == ["-m", "sensorctl", "run", "--"]


def test_a_deployment_is_for_the_stage_region_and_addresses_given(house: Path) -> None:
    calls = make(house, "synth", "STAGE=prod", "REGION=eu-west-1", "EMAILS=a@example.com,b@example.com")
    context = ["-c", "stage=prod", "-c", "alert_emails=a@example.com,b@example.com"]
    assert calls == [["synth", "--quiet", *context, "region=eu-west-1"]]
    (house / "calls.jsonl").unlink()
    assert make(house, "synth") == [["synth", "--quiet", "-c", "stage=dev", "region=us-east-1"]]
