"""DynamoDB expressions, as far as the functions use them: text in, a predicate or an update out. Pure.

Grammar and semantics: DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions" and "Using
update expressions". Anything outside of this small part raises, so that a new expression can never be taken for true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = dict[str, Any]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),.]|[#:]?\w+)")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class UnknownExpressionError(NotImplementedError):
    """The functions use an expression that this part of the grammar does not know; extend it."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What `#names` and `:values` in an expression stand for."""

    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


Operand = Callable[[Item, Scope], Any]
Predicate = Callable[[Item, Scope], bool]


def holds(text: str, item: Item, scope: Scope) -> bool:
    """Tell whether an item meets a condition. Raises UnknownExpressionError."""
    return _predicate(text)(item, scope)


def updated(text: str, item: Item, scope: Scope) -> Item:
    """Return the item after an update of the form `ADD a :x, b :y SET c = :z`. Raises UnknownExpressionError."""
    tokens = _tokens(text)
    result = dict(item)
    verb = ""
    while tokens:
        if tokens[0] in ("ADD", "SET"):
            verb = tokens.pop(0)
        elif tokens[0] == ",":
            tokens.pop(0)
        name = scope.names.get(tokens[0], tokens[0])
        tokens.pop(0)
        if verb == "SET" and tokens[0] == "=":
            tokens.pop(0)
        elif verb != "ADD":
            raise UnknownExpressionError(f"update expression {text!r}")
        value = scope.values[tokens.pop(0)]
        if verb == "ADD":
            value = {"N": str(Decimal(item.get(name, {"N": "0"})["N"]) + Decimal(value["N"]))}
        result[name] = value
    return result


def projected(text: str, item: Item, scope: Scope) -> Item:
    """Return what a projection expression leaves of an item."""
    result: Item = {}
    for path in text.split(","):
        names = [scope.names.get(name, name) for name in path.strip().split(".")]
        found = _resolve(item, names)
        if found is None:
            continue
        place = result
        for name in names[:-1]:
            place = place.setdefault(name, {"M": {}})["M"]
        place[names[-1]] = found
    return result


@lru_cache(maxsize=64)
def _predicate(text: str) -> Predicate:
    parser = _Parser(text)
    predicate = parser.either()
    if parser.tokens:
        raise UnknownExpressionError(f"condition {text!r}: {parser.tokens[0]!r} is not expected")
    return predicate


class _Parser:
    """Recursive descent over `OR`, `AND`, parentheses, comparisons, BETWEEN and the two functions on existence."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.tokens = _tokens(text)

    def either(self) -> Predicate:
        parts = [self._both()]
        while self._took("OR"):
            parts.append(self._both())
        return lambda item, scope: any(part(item, scope) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._single()]
        while self._took("AND"):
            parts.append(self._single())
        return lambda item, scope: all(part(item, scope) for part in parts)

    def _single(self) -> Predicate:
        if self._took("("):
            inner = self.either()
            self._expect(")")
            return inner
        for function, wanted in (("attribute_exists", True), ("attribute_not_exists", False)):
            if self._took(function):
                return self._existence(wanted)
        return self._comparison(self._operand())

    def _existence(self, wanted: bool) -> Predicate:
        self._expect("(")
        path = self._operand()
        self._expect(")")
        return lambda item, scope: (path(item, scope) is not None) is wanted

    def _comparison(self, left: Operand) -> Predicate:
        if self._took("BETWEEN"):
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            return lambda item, scope: (
                _compare(">=", left(item, scope), low(item, scope))
                and _compare("<=", left(item, scope), high(item, scope))
            )
        operator = self._next()
        if operator not in _COMPARED:
            raise UnknownExpressionError(f"condition {self._text!r}: {operator!r}")
        right = self._operand()
        return lambda item, scope: _compare(operator, left(item, scope), right(item, scope))

    def _operand(self) -> Operand:
        names = [self._next()]
        if names[0].startswith(":"):
            value = names[0]
            return lambda _item, scope: scope.values[value]
        while self._took("."):
            names.append(self._next())
        return lambda item, scope: _resolve(item, [scope.names.get(name, name) for name in names])

    def _next(self) -> str:
        if not self.tokens:
            raise UnknownExpressionError(f"condition {self._text!r} ends too early")
        return self.tokens.pop(0)

    def _took(self, token: str) -> bool:
        taken = bool(self.tokens) and self.tokens[0] == token
        if taken:
            self.tokens.pop(0)
        return taken

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise UnknownExpressionError(f"condition {self._text!r}: {token!r} is missing")


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise UnknownExpressionError(f"expression {text!r}, from {text[at:]!r} on")
        tokens.append(found[1])
        at = found.end()
    return tokens


def _resolve(item: Item, names: list[str]) -> Any:
    """Return the attribute value at a path, or None."""
    found = item.get(names[0])
    for name in names[1:]:
        found = found.get("M", {}).get(name) if found is not None else None
    return found


def _compare(operator: str, left: Any, right: Any) -> bool:
    """Compare two attribute values; what is absent, or of another type, compares to nothing."""
    if left is None or right is None or left.keys() != right.keys():
        return operator == "<>" and left is not None and right is not None
    ((kind, first),), ((_, second),) = left.items(), right.items()
    if kind not in ("S", "N"):
        raise UnknownExpressionError(f"a comparison of type {kind}")
    if kind == "N":
        return _COMPARED[operator](Decimal(first), Decimal(second))
    return _COMPARED[operator](first.encode(), second.encode())
