"""Records what the functions call on AWS, as IAM knows it: which action on which resource, and from which line."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.client import BaseClient

from tests import ROOT

SERVICES = ("dynamodb", "events", "s3", "sns", "ssm")

# Where an operation is not the action of the same name (S3 API Reference, GetObject, "Permissions").
_VERSIONED = {"GetObject": "GetObjectVersion"}


@dataclass
class Exercised:
    """(action, resource) of every call, and the places in lambdas/ that made them, as `file:line`."""

    grants: set[tuple[str, str]] = field(default_factory=set)
    places: set[str] = field(default_factory=set)


@contextmanager
def recording(monkeypatch: pytest.MonkeyPatch, resource: Callable[[str, dict[str, Any]], str]) -> Iterator[Exercised]:
    """Record every call of every client; `resource` names what one with these parameters is about."""
    exercised = Exercised()
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, params: dict[str, Any]) -> Any:
        place = _place_in_lambdas()
        if place is not None:
            service = self.meta.service_model.signing_name
            action = _VERSIONED[operation] if operation in _VERSIONED and "VersionId" in params else operation
            exercised.grants.add((f"{service}:{action}", resource(operation, params)))
            exercised.places.add(place)
        return original(self, operation, params)

    with monkeypatch.context() as recorder:
        recorder.setattr(BaseClient, "_make_api_call", call)
        yield exercised


def places_of_calls(*folders: str) -> set[str]:
    """Return every place in these folders of lambdas/ that calls a client, as `file:line` of the call's first line."""
    places = set()
    for folder in folders:
        for path in sorted((ROOT / "lambdas" / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _calls_a_client(node.func):
                    places.add(f"{path.relative_to(ROOT)}:{node.lineno}")
    return places


def _calls_a_client(called: ast.expr) -> bool:
    """Clients are attributes named after their service: `self._dynamodb.query`, `self.s3.get_object`."""
    if not isinstance(called, ast.Attribute) or not isinstance(called.value, ast.Attribute):
        return False
    return called.value.attr.lstrip("_") in SERVICES and called.attr in _methods()


@cache
def _methods() -> frozenset[str]:
    session = botocore.session.Session()
    models = (session.get_service_model(service) for service in SERVICES)
    return frozenset(xform_name(name) for model in models for name in model.operation_names)


def _place_in_lambdas() -> str | None:
    frame = sys._getframe(2)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT / "lambdas"):
            return f"{path.relative_to(ROOT)}:{_first_line(path, frame.f_lineno)}"
        frame = frame.f_back  # type: ignore[assignment]
    return None


@cache
def _first_line(path: Path, line: int) -> int:
    """Return the first line of the client call that covers `line`."""
    calls = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call) and _calls_a_client(n.func))
    return next((c.lineno for c in calls if c.lineno <= line <= (c.end_lineno or c.lineno)), line)
