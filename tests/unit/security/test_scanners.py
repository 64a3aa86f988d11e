"""A scanner that could not do its work is never one that found nothing."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from security import scanners
from security.__main__ import MOST_ACKNOWLEDGED, over_the_limit
from security.scanners import Acknowledgement, ScanError

FINDING = {"Rule": {"Id": "E3012"}, "Message": "a number is a text"}


def tool(path: Path, *, says: str = "", complains: str = "", code: int = 0) -> Path:
    """A program that prints this and ends so."""
    Path(f"{path}.out").write_text(says)
    Path(f"{path}.err").write_text(complains)
    path.write_text(f"#!/bin/sh\ncat {path}.out; cat {path}.err >&2; exit {code}\n")
    path.chmod(0o700)
    return path


def cfn_lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **how: Any) -> tuple[str, ...]:
    tool(tmp_path / "cfn-lint", **how)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return scanners.cfn_lint("dev", tmp_path / "template.json").open


def checkov(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **how: Any) -> tuple[str, ...]:
    monkeypatch.setattr(scanners, "_CHECKOV", tool(tmp_path / "checkov", **how))
    return scanners.checkov("dev", tmp_path / "template.json").open


def checked(*failed: dict[str, Any], passed: int = 1, broken: int = 0) -> str:
    summary = {"passed": passed, "failed": len(failed), "parsing_errors": broken}
    return json.dumps({"results": {"failed_checks": failed}, "summary": summary})


def test_what_cfn_lint_finds_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cfn_lint(tmp_path, monkeypatch, says="[]") == ()
    assert cfn_lint(tmp_path, monkeypatch, says=json.dumps([FINDING]), code=2) == ("E3012: a number is a text",)


@pytest.mark.parametrize(
    "how",
    [
        {"code": 1, "complains": "Traceback: ImportError"},
        {"code": 0},
        {"code": 1, "says": "[]", "complains": "Traceback: ImportError"},
        {"code": 0, "says": json.dumps([FINDING])},
        {"code": 1, "says": "no JSON", "complains": "Traceback: ImportError"},
    ],
)
def test_a_cfn_lint_that_crashed_found_nothing_out(
    how: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ScanError, match="cfn-lint failed with exit code"):
        cfn_lint(tmp_path, monkeypatch, **how)


def test_what_checkov_finds_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"check_id": "CKV_AWS_1", "resource": "Bucket", "check_name": "It is private"}
    assert checkov(tmp_path, monkeypatch, says=checked()) == ()
    assert checkov(tmp_path, monkeypatch, says=checked(failed), code=1) == ("CKV_AWS_1: Bucket (It is private)",)


@pytest.mark.parametrize(
    "how",
    [
        {"code": 2, "complains": "error: unrecognized arguments"},
        {"code": 0},
        {"code": 1, "says": checked()},
        {"code": 0, "says": checked(passed=0)},
        {"code": 0, "says": checked(broken=1)},
        {"code": 0, "says": json.dumps({"passed": 0, "failed": 0})},
    ],
)
def test_a_checkov_that_checked_nothing_passes_nothing(
    how: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ScanError, match="checkov"):
        checkov(tmp_path, monkeypatch, **how)


def test_an_assembly_that_cdk_nag_did_not_look_at_is_not_one_without_findings(tmp_path: Path) -> None:
    report = {"pluginName": "AwsSolutions", "violations": [], "suppressedViolations": []}
    (tmp_path / "validation-report.json").write_text(json.dumps({"pluginReports": [report]}))
    with pytest.raises(ScanError, match="cdk-nag did not run its rules Serverless"):
        scanners.cdk_nag("dev", tmp_path)


def test_too_many_acknowledgements_are_reported_with_their_number() -> None:
    acknowledgement = Acknowledgement(reason="r", rules=("R",), resources=("B",))
    assert over_the_limit({"dev": [acknowledgement] * MOST_ACKNOWLEDGED}) == []
    assert over_the_limit({"dev": [acknowledgement], "prod": [acknowledgement] * (MOST_ACKNOWLEDGED + 1)}) == [
        f"prod has {MOST_ACKNOWLEDGED + 1} acknowledgements; {MOST_ACKNOWLEDGED} is the most: "
        "fix what one of them is about, or raise MOST_ACKNOWLEDGED in security/__main__.py with a reason"
    ]
