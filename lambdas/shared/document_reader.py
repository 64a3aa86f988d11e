"""Reads what an operator writes, thresholds or mappings: each error names the file, the member and the fix."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn, TypeGuard


class DocumentError(ValueError):
    """The document cannot be used; the message names the file, the path, the value and the rule it broke."""


class DocumentReader:
    """What the checks of every document share; `name` is the file's, and stands first in each message."""

    error: type[DocumentError] = DocumentError

    def __init__(self, name: str) -> None:
        self._name = name

    def _json(self, document: str | bytes) -> object:
        try:
            text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
            return json.loads(text, object_pairs_hook=self._unique, parse_constant=_refuse_constant)
        except DocumentError:
            raise
        except RecursionError:
            self._fail("is nested too deeply")
        except ValueError as error:
            self._fail(f"is not JSON ({error})")

    def _version_1(self, top: dict[str, Any]) -> None:
        version = top.get("version")
        if not is_number(version) or version != 1:
            self._fail(f"version must be 1, not {shown(version)}")

    def _members(self, value: object, *, path: str, known: Iterable[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(f"{path or 'the document'} must be a JSON object, not {shown(value)}")
        for member in value:
            if member not in known:
                self._fail(f"{_join(path, member)} is unknown; known here: {', '.join(known)}")
        return value

    def _unique(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        members: dict[str, object] = {}
        for member, value in pairs:
            if member in members:
                self._fail(f"{shown(member)} stands twice in one object; keep one of the two")
            members[member] = value
        return members

    def _fail(self, message: str) -> NoReturn:
        raise self.error(f"{self._name}: {message}")


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value of a document is a number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: object) -> str:
    """Return a value of a document as JSON, cut to what a message can hold."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse_constant(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not a JSON number")


def _join(path: str, member: str) -> str:
    text = json.dumps(member)[1:-1][:60]
    return f"{path}.{text}" if path else text
