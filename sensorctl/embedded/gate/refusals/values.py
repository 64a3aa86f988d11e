"""What DynamoDB refuses of attribute values, and how it counts their size."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sensorctl.embedded.gate.refusals.refused import refuse_if

_DIGITS, _HIGHEST, _LOWEST = 38, 125, -130


def check_value(value: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError for a number, a set or a name that DynamoDB cannot hold."""
    ((kind, held),) = value.items()
    if kind == "N":
        _check_number(held)
    elif kind in ("SS", "NS", "BS"):
        # DynamoDB Developer Guide, "Supported data types and naming rules": empty sets are not allowed.
        refuse_if(not held, "a set may not be empty")
        refuse_if(len(set(held)) < len(held), "a set contains duplicates")
        for member in held if kind == "NS" else ():
            _check_number(member)
    elif kind == "L":
        for member in held:
            check_value(member)
    elif kind == "M":
        check_members(held)


def check_members(members: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError for what an item or a map cannot hold."""
    for name, value in members.items():
        # DynamoDB Developer Guide, "Supported data types and naming rules": at least one character, below 64 KB.
        refuse_if(not 0 < len(name.encode()) < 64 * 1024, f"attribute name {name[:40]!r} is empty or too long")
        check_value(value)


def size(members: Mapping[str, Any]) -> int:
    """Return the size of an item in bytes (DynamoDB Developer Guide, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _size(value) for name, value in members.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return len(held.strip("-0.")) // 2 + 1
    if kind == "B":
        return len(held) * 3 // 4  # base64 on the wire
    if kind == "L":
        return 3 + sum(1 + _size(member) for member in held)
    if kind == "M":
        return 3 + len(held) + size(held)
    return 1 if kind in ("BOOL", "NULL") else sum(_size({kind[0]: member}) for member in held)


def _check_number(text: Any) -> None:
    """Follow DynamoDB Developer Guide, "Constraints": 38 digits, magnitude from 1E-130 to 9.99...E+125, or zero."""
    refuse_if(not isinstance(text, str), f"a number goes over the wire as text, not as {text!r}", code=_SERIALIZATION)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    refuse_if(not number.is_finite(), f"the parameter cannot be converted to a numeric value: {text}")
    if number:
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        refuse_if(len(digits) > _DIGITS, "more than 38 significant digits in a number")
        refuse_if(number.adjusted() > _HIGHEST, "number overflow: magnitude larger than the supported range")
        refuse_if(number.adjusted() < _LOWEST, "number underflow: magnitude smaller than the supported range")


_SERIALIZATION = "SerializationException"
