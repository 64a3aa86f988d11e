"""Evaluates DynamoDB expressions on items, as far as the functions use them.

Grammar and semantics: DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions" and "Using
update expressions". Known are alternatives in parentheses joined by AND; anything else raises, so that a new expression
can never be taken for true.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
Request = Mapping[str, Any]

_OPERAND = r"[#:]?\w+(?:\.#?\w+)*"
_BETWEEN = re.compile(rf"({_OPERAND}) BETWEEN ({_OPERAND}) AND ({_OPERAND})")
_EXISTENCE = re.compile(rf"attribute_(not_)?exists\(({_OPERAND})\)")
_COMPARISON = re.compile(rf"({_OPERAND}) (<=|>=|<>|=|<|>) ({_OPERAND})")
_VERB = re.compile(r"\b(ADD|SET|REMOVE|DELETE) ")
_OPERATORS = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "<>": operator.ne,
}  # fmt: skip


class UnknownExpressionError(NotImplementedError):
    """The functions use an expression that this part of the grammar does not know; extend it."""


def holds(text: str, item: Item, request: Request) -> bool:
    """Return whether an item meets a condition. Raises UnknownExpressionError."""
    return all(any(term(item, request) for term in terms) for terms in _alternatives(text))


def updated(text: str, item: Item, request: Request) -> Item:
    """Return the item after an update of the form `ADD a :x, b :y SET c = :z`. Raises UnknownExpressionError."""
    result = dict(item)
    parts = _VERB.split(text)[1:]
    for verb, actions in zip(parts[::2], parts[1::2], strict=True):
        for action in actions.strip().split(", "):
            found = re.fullmatch(r"(#?\w+)( =)? (:\w+)", action)
            if found is None or (verb, found[2]) not in (("ADD", None), ("SET", " =")):
                raise UnknownExpressionError(f"update expression {text!r}")
            name, value = _name(found[1], request), request["ExpressionAttributeValues"][found[3]]
            if verb == "ADD":
                value = {"N": str(Decimal(item.get(name, {"N": "0"})["N"]) + Decimal(value["N"]))}
            result[name] = value
    return result


def projected(text: str, item: Item, request: Request) -> Item:
    """Return what a projection expression leaves of an item."""
    result: Item = {}
    for path in text.split(","):
        names = [_name(name, request) for name in path.strip().split(".")]
        found = _resolve(item, names)
        if found is not None:
            place = result
            for name in names[:-1]:
                place = place.setdefault(name, {"M": {}})["M"]
            place[names[-1]] = found
    return result


Term = Callable[[Item, Request], bool]


@lru_cache(maxsize=64)
def _alternatives(text: str) -> list[list[Term]]:
    clauses = _BETWEEN.sub(r"\1 >= \2 AND \1 <= \3", text).split(" AND ")
    return [
        [_term(term) for term in (clause[1:-1].split(" OR ") if clause[0] == "(" else [clause])] for clause in clauses
    ]


def _term(text: str) -> Term:
    if found := _EXISTENCE.fullmatch(text):
        absent, path = bool(found[1]), found[2]
        return lambda item, request: (_value(path, item, request) is None) is absent
    if found := _COMPARISON.fullmatch(text):
        left, sign, right = found.groups()
        return lambda item, request: _compare(sign, _value(left, item, request), _value(right, item, request))
    raise UnknownExpressionError(f"condition {text!r}")


def _name(name: str, request: Request) -> str:
    found: str = request["ExpressionAttributeNames"][name] if name[0] == "#" else name
    return found


def _value(operand: str, item: Item, request: Request) -> Any:
    if operand[0] == ":":
        return request["ExpressionAttributeValues"][operand]
    return _resolve(item, [_name(name, request) for name in operand.split(".")])


def _resolve(item: Item, names: list[str]) -> Any:
    """Return the attribute value at a path, or None."""
    found = item.get(names[0])
    for name in names[1:]:
        found = found.get("M", {}).get(name) if found is not None else None
    return found


def _compare(sign: str, left: Any, right: Any) -> bool:
    """Compare two attribute values; what is absent, or of another type, compares to nothing."""
    if left is None or right is None or left.keys() != right.keys():
        return sign == "<>" and left is not None and right is not None
    if "S" in left:
        return bool(_OPERATORS[sign](left["S"].encode(), right["S"].encode()))
    return bool(_OPERATORS[sign](Decimal(left["N"]), Decimal(right["N"])))
