"""What the function bundles are made of: known vulnerabilities, and licences."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from security.scanners import ROOT, ScanError

FUNCTIONS = ("ingest", "alert")
_AUDIT = ROOT / ".venv-security" / "bin" / "pip-audit"
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \\]+)", re.MULTILINE)
_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Known vulnerabilities, one sentence each; `reached` is False when PyPI did not answer."""

    reached: bool
    vulnerabilities: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Licence:
    """One bundled distribution."""

    name: str
    version: str
    licence: str
    functions: tuple[str, ...]


def audit_command(function: str) -> list[str]:
    """Return the command that audits a function's pinned dependencies."""
    return [str(_AUDIT), "--disable-pip", "--require-hashes", "-r", f"lambdas/{function}/requirements.txt"]


def audit() -> Audit:
    """Ask PyPI's vulnerability data about everything bundled."""
    found: set[str] = set()
    for function in FUNCTIONS:
        command = [*audit_command(function), "--format", "json", "--progress-spinner", "off"]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_SECONDS)
            answer = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, json.JSONDecodeError):
            return Audit(reached=False, vulnerabilities=())
        if not answer["dependencies"]:
            raise ScanError(f"pip-audit looked at nothing: {done.stderr.strip()[-500:]}")
        # It skips what it could not look up, and still exits with 0.
        if any("skip_reason" in dependency for dependency in answer["dependencies"]):
            return Audit(reached=False, vulnerabilities=())
        found |= {
            f"{dependency['name']} {dependency['version']}: {known['id']}"
            for dependency in answer["dependencies"]
            for known in dependency.get("vulns", [])
        }
    return Audit(reached=True, vulnerabilities=tuple(sorted(found)))


def licences() -> list[Licence]:
    """Return the licence of each bundled distribution, as its own metadata states it."""
    pinned: dict[str, tuple[str, list[str]]] = {}
    for function in FUNCTIONS:
        for name, version in _PINNED.findall(_requirements(function).read_text()):
            pinned.setdefault(name, (version, []))[1].append(function)
    return [
        Licence(name=name, version=version, licence=_licence(distribution(name)), functions=tuple(functions))
        for name, (version, functions) in sorted(pinned.items())
    ]


def _requirements(function: str) -> Path:
    return ROOT / "lambdas" / function / "requirements.txt"


def _licence(of: Distribution) -> str:
    metadata: dict[str, Any] = of.metadata.json
    classified = [
        line.rpartition(" :: ")[2] for line in metadata.get("classifier", []) if line.startswith("License ::")
    ]
    return str(metadata.get("license_expression") or ", ".join(classified) or metadata.get("license") or "not stated")
