"""The tables of docs/security.md, made from the template: who may do what, what is acknowledged, what is bundled."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from security.dependencies import Licence
from security.scanners import ROOT, Acknowledgement
from security.template import plain, readable

DOCUMENT = ROOT / "docs" / "security.md"
_POLICIES = {
    "IngestRoleDefaultPolicy": "ingest",
    "AlertRoleDefaultPolicy": "alert",
    "FanoutSweepPolicy": "the sweep's schedule",
    "DevicesPolicy": "a device",
    "FrontDoorRoleDefaultPolicy": "the front door, where it is on",
    "FrontDoorPolicy": "a producer at the front door",
}


def roles_table(template: dict[str, Any]) -> str:
    """Return who may do what to what, and when: every statement of every policy in the template."""
    rows = []
    for id, resource in template["Resources"].items():
        if resource["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            continue
        role = _POLICIES.get(plain(id), plain(id))
        for statement in readable(resource["Properties"]["PolicyDocument"]["Statement"]):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            listed = " ".join(f"`{action}`" for action in actions)
            rows.append((role, listed, f"`{_resource(statement['Resource'])}`", _condition(statement)))
    order = list(_POLICIES.values())
    rows.sort(key=lambda row: order.index(row[0]) if row[0] in order else len(order))
    return _table(("who", "may", "on", "only if"), rows)


def acknowledgements_table(stages: dict[str, list[Acknowledgement]]) -> str:
    """Return every acknowledgement of any stage: rules, resources, reason."""
    merged: dict[str, tuple[Acknowledgement, list[str]]] = {}
    for stage, acknowledged in stages.items():
        for acknowledgement in acknowledged:
            merged.setdefault(acknowledgement.reason, (acknowledgement, []))[1].append(stage)
    rows = [
        (" ".join(f"`{rule}`" for rule in known.rules), ", ".join(known.resources), known.reason, " ".join(where))
        for known, where in merged.values()
    ]
    return _table(("rules", "on", "why it is accepted", "stages"), rows)


def licences_table(licences: list[Licence]) -> str:
    """Return what the bundles carry."""
    rows = [(licence.name, licence.version, licence.licence, " ".join(licence.functions)) for licence in licences]
    return _table(("package", "version", "licence", "in the bundle of"), rows)


def with_tables(text: str, tables: dict[str, str]) -> str:
    """Return the document with each table between its `<!-- name -->` and `<!-- end -->` marks replaced."""
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"docs/security.md has no place for the table {name!r}")
        text = pattern.sub(rf"\g<1>{table.replace(chr(92), chr(92) * 2)}\g<2>", text)
    return text


def template_of(path: Path) -> dict[str, Any]:
    """Read a template."""
    template: dict[str, Any] = json.loads(path.read_text())
    return template


def _resource(text: str) -> str:
    """Shorten an ARN to the part that distinguishes one resource from another."""
    named = text.replace("${AWS::AccountId}", "<account>").replace("${AWS::Region}", "<region>")
    return re.sub(r"^arn:\$\{AWS::Partition\}:s3:::", "", named).replace("arn:${AWS::Partition}:", "")


def _condition(statement: dict[str, Any]) -> str:
    """Return a statement's conditions in words; an IfExists condition also holds where the key is not sent."""
    words = {"Null": "`{key}` is not sent", "StringNotEquals": "`{key}` is not `{value}`"}
    tests = [
        words.get(operator, "`{key}` is `{value}`").format(key=key, value=value)
        for operator, keys in statement.get("Condition", {}).items()
        for key, value in keys.items()
    ]
    return ", ".join(tests)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
