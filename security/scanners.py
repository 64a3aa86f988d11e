"""What each scanner finds in one stage's cloud assembly: open findings, and the acknowledgements with their reasons."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdas.shared.names import stack_name
from security.template import plain

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("dev", "prod")
_NAG_RULES = frozenset(("AwsSolutions", "Serverless"))
_CHECKOV = ROOT / ".venv-security" / "bin" / "checkov"


class ScanError(RuntimeError):
    """A scanner could not do its work; the message is for people."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a scanner finds open, one sentence each."""

    scanner: str
    stage: str
    open: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """One reason, the rules it answers, and what it is about."""

    reason: str
    rules: tuple[str, ...]
    resources: tuple[str, ...]


def synthesise(stage: str, *, into: Path) -> Path:
    """Write the stage's assembly with the front door, which adds to it; return its template. Raises ScanError."""
    command = [sys.executable, "app.py", "-o", str(into), "-cbundle=host", f"-cstage={stage}", "-cfront_door=firehose"]
    emails = "-calert_emails=ops@example.com"
    done = subprocess.run([*command, emails], cwd=ROOT, capture_output=True, text=True, check=False)
    template = into / f"{stack_name(stage)}.template.json"
    if not template.exists():
        raise ScanError(f"{stage} was not synthesised: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return template


def cdk_nag(stage: str, assembly: Path) -> list[Findings]:
    """Read what cdk-nag found while the app was synthesised. Raises ScanError when it was not enabled."""
    reports = _validation(assembly)
    if missing := _NAG_RULES - {report["pluginName"] for report in reports}:
        raise ScanError(f"cdk-nag did not run its rules {', '.join(sorted(missing))} on {stage}.")
    return [
        Findings(
            scanner=f"cdk-nag {report['pluginName']}",
            stage=stage,
            open=tuple(
                f"{violation['ruleName']}: {construct['constructPath']}"
                for violation in report["violations"]
                for construct in violation["violatingConstructs"]
            ),
        )
        for report in reports
        if report["pluginName"] in _NAG_RULES
    ]


def cfn_lint(stage: str, template: Path) -> Findings:
    """Run cfn-lint. Raises ScanError when it cannot be run."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", str(template)]
    found = _json(command, findings=lambda answer: answer)
    sentences = (f"{match['Rule']['Id']}: {match['Message']}" for match in found)
    return Findings(scanner="cfn-lint", stage=stage, open=tuple(sentences))


def checkov(stage: str, template: Path) -> Findings:
    """Run checkov. Raises ScanError when it cannot be run."""
    command = [str(_CHECKOV), "-f", str(template), "--framework", "cloudformation", "-o", "json", "--quiet"]
    answer = _json(
        [*command, "--skip-download"], findings=lambda answer: answer.get("results", {}).get("failed_checks")
    )
    counts = answer.get("summary", {})
    if counts.get("parsing_errors") or not counts.get("passed", 0) + counts.get("failed", 0):
        raise ScanError(f"checkov checked nothing of {template.name}, or could not read all of it.")
    failed = answer["results"]["failed_checks"]
    sentences = (f"{check['check_id']}: {check['resource']} ({check['check_name']})" for check in failed)
    return Findings(scanner="checkov", stage=stage, open=tuple(sentences))


def acknowledgements(template: Path) -> list[Acknowledgement]:
    """Return what is acknowledged in an assembly, by reason."""
    rules: dict[str, set[str]] = defaultdict(set)
    resources: dict[str, set[str]] = defaultdict(set)
    stack = template.name.removesuffix(".template.json")
    for report in _validation(template.parent):
        for finding in report["suppressedViolations"]:
            rules[finding["reason"]].add(finding["ruleName"].split("[")[0])
            paths = (construct["constructPath"] for construct in finding["violatingConstructs"])
            resources[finding["reason"]].update(_named(path, stack) for path in paths)
    for id, resource in json.loads(template.read_text())["Resources"].items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            rules[skip["comment"]].add(skip["id"])
            resources[skip["comment"]].add(plain(id))
    return [
        Acknowledgement(reason=reason, rules=tuple(sorted(rules[reason])), resources=tuple(sorted(resources[reason])))
        for reason in sorted(rules, key=lambda reason: sorted(rules[reason]))
    ]


def _named(path: str, stack: str) -> str:
    """Return the logical id's readable part, which the CDK makes of a construct's path."""
    return "".join(part for part in path.removeprefix(f"{stack}/").split("/") if part not in ("Default", "Resource"))


def _validation(assembly: Path) -> list[dict[str, Any]]:
    report = json.loads((assembly / "validation-report.json").read_text())
    reports: list[dict[str, Any]] = report["pluginReports"]
    return reports


def _json(command: list[str], *, findings: Callable[[Any], Any]) -> Any:
    """Return a scanner's answer; its exit code must agree with whether it has `findings`. Raises ScanError.

    Both end with 0 if and only if they found nothing (cfn-lint, "Exit Codes"; checkov, "Hard and soft fail"); a crash
    ends with 1, like checkov's findings, and may have printed an empty answer before.
    """
    if not Path(command[0]).exists():
        raise ScanError(f"{Path(command[0]).name} is not installed; run `make security`, which installs it.")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
        if bool(findings(answer)) == bool(done.returncode):
            return answer
    except json.JSONDecodeError:
        pass
    why = (done.stderr or done.stdout).strip()[-500:]
    raise ScanError(f"{Path(command[0]).name} failed with exit code {done.returncode}: {why}")
