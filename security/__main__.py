"""`make security`: scan every stage, print the counts, and keep the tables of docs/security.md true."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from security import dependencies, scanners
from security import page as document
from security.scanners import STAGES, Acknowledgement, Findings, ScanError

MOST_ACKNOWLEDGED = 14


def main() -> int:
    """Return 0 when nothing is open."""
    console = Console()
    findings: list[Findings] = []
    acknowledged: dict[str, list[Acknowledgement]] = {}
    tables: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, console.status("") as status:
        for stage in STAGES:
            status.update(f"synthesising {stage}")
            template = scanners.synthesise(stage, into=Path(folder) / stage)
            findings += scanners.cdk_nag(stage, template.parent)
            for scan in (scanners.cfn_lint, scanners.checkov):
                status.update(f"{scan.__name__} on {stage}")
                findings.append(scan(stage, template))
            acknowledged[stage] = scanners.acknowledgements(template)
            tables["roles"] = document.roles_table(document.template_of(template))
        status.update("pip-audit")
        audit = dependencies.audit()
    tables["acknowledgements"] = document.acknowledgements_table(acknowledged)
    tables["licences"] = document.licences_table(dependencies.licences())
    _print(console, findings, acknowledged, audit)
    stale = _refresh(tables)
    if stale:
        console.print("docs/security.md was not what the template says; its tables are rewritten: commit them.")
    too_many = over_the_limit(acknowledged)
    for sentence in too_many:
        console.print(f"[red]too many[/] {sentence}", highlight=False)
    return int(any(found.open for found in findings) or bool(audit.vulnerabilities) or stale or bool(too_many))


def over_the_limit(acknowledged: dict[str, list[Acknowledgement]]) -> list[str]:
    """Return a sentence for each stage that acknowledges more than it may."""
    return [
        f"{stage} has {len(listed)} acknowledgements; {MOST_ACKNOWLEDGED} is the most: "
        "fix what one of them is about, or raise MOST_ACKNOWLEDGED in security/__main__.py with a reason"
        for stage, listed in acknowledged.items()
        if len(listed) > MOST_ACKNOWLEDGED
    ]


def _print(
    console: Console,
    findings: list[Findings],
    acknowledged: dict[str, list[Acknowledgement]],
    audit: dependencies.Audit,
) -> None:
    table = Table("scanner", *STAGES, title="Open findings")
    for scanner in dict.fromkeys(found.scanner for found in findings):
        counts = {found.stage: len(found.open) for found in findings if found.scanner == scanner}
        table.add_row(scanner, *(str(counts[stage]) for stage in STAGES))
    table.add_row("acknowledged, with a reason", *(str(len(acknowledged[stage])) for stage in STAGES), style="dim")
    console.print(table)
    for found in findings:
        for sentence in found.open:
            console.print(f"[red]open[/] {found.stage} {found.scanner}: {sentence}", highlight=False)
    reasons = {known.reason: known for listed in acknowledged.values() for known in listed}
    for reason, known in reasons.items():
        console.print(f"[dim]acknowledged[/] {' '.join(known.rules)}: {reason}", highlight=False)
    if audit.reached:
        console.print(f"pip-audit: {len(audit.vulnerabilities)} known vulnerabilities in the bundles")
        for sentence in audit.vulnerabilities:
            console.print(f"[red]vulnerable[/] {sentence}")
    else:
        console.print(
            "pip-audit could not reach its data; where pypi.org can be reached: "
            f".venv-security/bin/{Path(dependencies.audit_command('ingest')[0]).name} "
            f"{' '.join(dependencies.audit_command('ingest')[1:])}",
            soft_wrap=True,
        )


def _refresh(tables: dict[str, str]) -> bool:
    """Write the tables into docs/security.md; return whether that changed it."""
    before = document.DOCUMENT.read_text()
    after = document.with_tables(before, tables)
    document.DOCUMENT.write_text(after)
    return after != before


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ScanError as error:
        sys.exit(str(error))
