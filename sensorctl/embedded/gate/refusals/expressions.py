"""What DynamoDB refuses of expressions, before it looks at any item."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sensorctl.embedded.gate.refusals.refused import refuse_if

_EXPRESSIONS = (
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
    "ConditionExpression",
    "UpdateExpression",
)
_PLACEHOLDER = re.compile(r"[#:]\w+")
_BETWEEN = re.compile(r"\bBETWEEN\s+(:\w+)\s+AND\s+(:\w+)", re.IGNORECASE)
_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\b", re.IGNORECASE)


def check_expressions(params: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError for placeholders that do not match, and for a BETWEEN whose bounds are reversed."""
    text = " ".join(params[name] for name in _EXPRESSIONS if name in params)
    used = set(_PLACEHOLDER.findall(text))
    given: set[str] = set()
    for name in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        # DynamoDB API Reference, "Query": neither may be empty, or be given without an expression.
        refuse_if(name in params and not params[name], f"{name} must not be empty")
        given |= params.get(name, {}).keys()
    # DynamoDB Developer Guide, "Expression attribute names (aliases)" and "Using expression attribute values".
    refuse_if(given - used, f"values or names unused in expressions: {sorted(given - used)}")
    refuse_if(used - given, f"an expression uses what is not defined: {sorted(used - given)}")
    values = params.get("ExpressionAttributeValues", {})
    for low, high in _BETWEEN.findall(text):
        # DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions"; the message is the
        # service's own: it is answered while the expression is parsed, items or none.
        refuse_if(
            _is_above(values[low], values[high]),
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            f"lower bound operand: {values[low]}, upper bound operand: {values[high]}",
        )


def updated_attributes(params: Mapping[str, Any]) -> set[str]:
    """Return the top-level attributes that an update expression changes."""
    names = params.get("ExpressionAttributeNames", {})
    parts = _CLAUSE.split(params.get("UpdateExpression", ""))
    found = set()
    for clause, text in zip(parts[1::2], parts[2::2], strict=True):
        for action in text.split(","):
            target, equals, _ = action.partition("=")
            if equals or clause.upper() != "SET":  # a comma may also separate the arguments of a function
                name = re.split(r"[\s.\[]", target.strip())[0]
                found.add(names.get(name, name))
    return found


def _is_above(low: Mapping[str, Any], high: Mapping[str, Any]) -> bool:
    ((kind, first),), ((other, second),) = low.items(), high.items()
    if kind != other:
        return False
    return Decimal(first) > Decimal(second) if kind == "N" else str(first).encode() > str(second).encode()
