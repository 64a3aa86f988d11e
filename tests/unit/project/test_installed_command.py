"""The `sensorctl` that `make setup` installs beside this Python."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from tests import ROOT

COMMAND = Path(sys.executable).parent / "sensorctl"


def test_it_runs_from_any_folder_and_takes_no_code_from_there(tmp_path: Path) -> None:
    for package in ("sensorctl", "lambdas"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('imported from the current folder')\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    result = subprocess.run(
        [COMMAND, "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert "Usage: sensorctl" in result.stdout


def test_it_is_installed_as_pyproject_names_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = distribution(project["name"])

    assert installed.version == project["version"]
    assert {script.name: script.value for script in installed.entry_points} == project["scripts"]
