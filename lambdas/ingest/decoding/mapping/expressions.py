"""JMESPath expressions: a text in, a function of a value out.

The language is that of the AWS CLI's --query (jmespath.org), by the library that botocore brings along, with five
functions of our own (`evaluation`). What takes a fixed number of steps, a path, a choice, an object of such, becomes a
Python function, several times as fast as the library's visitor, and is not counted; the visitor does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jmespath.functions import Functions
from jmespath.parser import Parser

from lambdas.ingest.decoding.mapping.evaluation import FAILURES, OWN, OWN_CALLS, Evaluation, Node

Expression = Callable[[Any, Evaluation], Any]

_LONGEST = 1_000
# The least and the most arguments of each function.
_ARGUMENTS = OWN | {
    name: (len(wanted), _LONGEST if wanted[-1].get("variadic") else len(wanted))
    for name, wanted in ((name, function["signature"]) for name, function in Functions.FUNCTION_TABLE.items())
}


class ExpressionError(ValueError):
    """A text is not an expression that can be used; the message says why."""


def compiled(text: str) -> Expression:
    """Return an expression as a function of a value and an Evaluation, which raises CostError and one of FAILURES.

    Raises ExpressionError.
    """
    if len(text) > _LONGEST:
        raise ExpressionError(f"has {len(text)} characters; at most {_LONGEST:,} are allowed")
    try:
        node = Parser().parse(text).parsed
    except FAILURES as error:
        raise ExpressionError(f"is not JMESPath ({said(error)})") from None
    _check_functions(node)
    return _function(node)


def needed(text: str) -> frozenset[str] | None:
    """Return members of which an object must have one where a good expression is true of it, or None."""
    return _needed(Parser().parse(text).parsed)


def is_true(value: object) -> bool:
    """Return whether JMESPath takes a value as true: all but null, false, and what is empty; 0 is true."""
    return bool(value) or (value is not None and value is not False and isinstance(value, int | float))


def said(error: Exception) -> str:
    """Return the first line of what an error says, without the expression and the arrow under it."""
    return str(error).partition("\n")[0].partition(", for expression")[0].rstrip(": ") or type(error).__name__


def _check_functions(node: Node) -> None:
    if node["type"] == "function_expression":
        name, given = node["value"], len(node["children"])
        if name not in _ARGUMENTS:
            known = ", ".join(sorted(_ARGUMENTS))
            raise ExpressionError(f"calls {name}(), which is no function; there are {known}")
        least, most = _ARGUMENTS[name]
        if not least <= given <= most:
            raise ExpressionError(f"gives {name}() {given} arguments; it takes {least}")
    for child in node["children"]:
        if isinstance(child, dict):
            _check_functions(child)


def _needed(node: Node) -> frozenset[str] | None:
    kind, children = node["type"], node["children"]
    if kind == "field":
        return frozenset([node["value"]])
    if kind == "and_expression":
        left, right = map(_needed, children)
        return left or right
    if kind == "or_expression":
        left, right = map(_needed, children)
        return left | right if left and right else None
    return _needed(children[0]) if kind in ("subexpression", "index_expression") else None


def _function(node: Node) -> Expression:
    make = _MAKERS.get(node["type"])
    return make(node) if make else lambda value, evaluation: evaluation.visit(node, value)


def _sequence(node: Node) -> Expression:
    if all(child["type"] == "field" for child in node["children"]):
        return _path([child["value"] for child in node["children"]])
    parts = [_function(child) for child in node["children"]]

    def sequence(value: Any, evaluation: Evaluation) -> Any:
        for part in parts:
            value = part(value, evaluation)
        return value

    return sequence


def _path(names: list[str]) -> Expression:
    """Return what most of an expression is, a field or fields of fields, in half the time."""

    def path(value: Any, evaluation: Evaluation) -> Any:
        try:
            for name in names:
                value = value.get(name)
        except AttributeError:
            return None
        return value

    return path


def _index(node: Node) -> Expression:
    at = node["value"]
    return lambda value, evaluation: value[at] if isinstance(value, list) and -len(value) <= at < len(value) else None


def _itself(node: Node) -> Expression:
    return lambda value, evaluation: value


def _literal(node: Node) -> Expression:
    literal = node["value"]
    return lambda value, evaluation: literal


def _and(node: Node) -> Expression:
    left, right = map(_function, node["children"])
    return lambda value, evaluation: right(value, evaluation) if is_true(found := left(value, evaluation)) else found


def _or(node: Node) -> Expression:
    left, right = map(_function, node["children"])
    return lambda value, evaluation: found if is_true(found := left(value, evaluation)) else right(value, evaluation)


def _not(node: Node) -> Expression:
    negated = _function(node["children"][0])
    return lambda value, evaluation: not is_true(negated(value, evaluation))


def _object(node: Node) -> Expression:
    parts = [(child["value"], _function(child["children"][0])) for child in node["children"]]
    return lambda value, evaluation: None if value is None else {name: part(value, evaluation) for name, part in parts}


def _array(node: Node) -> Expression:
    parts = [_function(child) for child in node["children"]]
    return lambda value, evaluation: None if value is None else [part(value, evaluation) for part in parts]


def _call(node: Node) -> Expression:
    name, parts = node["value"], [_function(child) for child in node["children"]]
    if name in OWN and len(parts) == 1:
        own, (part,) = OWN_CALLS[name], parts
        return lambda value, evaluation: own(evaluation, part(value, evaluation))
    return lambda value, evaluation: evaluation.call(name, [part(value, evaluation) for part in parts])


_MAKERS: dict[str, Callable[[Node], Expression]] = {
    "field": lambda node: _path([node["value"]]),
    "subexpression": _sequence,
    "index_expression": _sequence,
    "pipe": _sequence,
    "index": _index,
    "current": _itself,
    "identity": _itself,
    "literal": _literal,
    "and_expression": _and,
    "or_expression": _or,
    "not_expression": _not,
    "multi_select_dict": _object,
    "multi_select_list": _array,
    "function_expression": _call,
}
