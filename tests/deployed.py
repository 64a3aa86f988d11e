"""What the deployment sets, read from the synthesised template of stage `dev`: tables, variables, time-outs, retries.

Synthesising takes seconds: the template is kept in .build/ beside the hash of what it is made of.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from security.template import plain
from tests import ROOT

TOPIC, NOTIFICATION_TOPIC = "alerts", "notifications"
_KEPT = ROOT / ".build" / "template.json"
_INPUTS = ("cdk.json", "mappings.json", "requirements.txt", "thresholds.json")
_CREATE_TABLE = ("TableName", "BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")
# The member of a resource that a reference to it returns.
_NAMES = {"AWS::DynamoDB::Table": "TableName", "AWS::Events::EventBus": "Name"}


def table(id: str) -> dict[str, Any]:
    """Return the CreateTable request of `Readings` or `Alerts`."""
    properties = _properties(f"Store{id}")
    return {name: properties[name] for name in _CREATE_TABLE if name in properties}


def variables(function: str) -> dict[str, str]:
    """Return the environment of `Ingest` or `Alert`, with names in place of references."""
    found: dict[str, Any] = _properties(f"{function}Function")["Environment"]["Variables"]
    return {name: value if isinstance(value, str) else _name(value["Ref"]) for name, value in found.items()}


def timeout_s(function: str) -> int:
    """Return the seconds after which Lambda stops `Ingest` or `Alert`."""
    seconds: int = _properties(f"{function}Function")["Timeout"]
    return seconds


def attempts(function: str) -> int:
    """Return how often Lambda tries an event of `Ingest` or `Alert`."""
    retries: int = _properties(f"{function}Failures")["MaximumRetryAttempts"]
    return 1 + retries


def _properties(id: str) -> Any:
    return next(body["Properties"] for name, body in _resources().items() if plain(name) == id)


def _name(logical_id: str) -> str:
    resource = _resources()[logical_id]
    if resource["Type"] == "AWS::SNS::Topic":
        return f"arn:aws:sns:us-east-1:123456789012:{NOTIFICATION_TOPIC if 'Notifications' in logical_id else TOPIC}"
    name: str = resource["Properties"][_NAMES[resource["Type"]]]
    return name


@cache
def _resources() -> dict[str, Any]:
    digest = _digest()
    kept = json.loads(_KEPT.read_text()) if _KEPT.exists() else {}
    if kept.get("digest") != digest:
        # Here, because it loads the CDK.
        from tests.infra.synthesised import synthesise  # noqa: PLC0415

        _KEPT.parent.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=_KEPT.parent) as folder:
            kept = {"digest": digest, "resources": synthesise("dev", Path(folder)).template["Resources"]}
            new = Path(folder, _KEPT.name)
            new.write_text(json.dumps(kept))
            new.replace(_KEPT)
    resources: dict[str, Any] = kept["resources"]
    return resources


def _digest() -> str:
    sources = [path for folder in ("constructs_lib", "lambdas/shared") for path in (ROOT / folder).rglob("*.py")]
    digest = hashlib.sha256()
    for path in sorted([*sources, *(ROOT / name for name in _INPUTS)]):
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
