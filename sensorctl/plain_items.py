"""DynamoDB items as plain Python values. Pure."""

from __future__ import annotations

from typing import Any

from lambdas.alert.codec import number

Attribute = dict[str, Any]


def plain(item: dict[str, Attribute]) -> dict[str, Any]:
    """Return an item's attributes as text, numbers, lists and dicts; integers stay exact.

    boto3's own TypeDeserializer raises Rounded for a number that is written with more than 38 digits, zeros included,
    as 9E+125 may be.
    """
    return {name: _value(attribute) for name, attribute in item.items()}


def _value(attribute: Attribute) -> Any:
    ((tag, value),) = attribute.items()
    match tag:
        case "N":
            return number(value)
        case "M":
            return plain(value)
        case "L":
            return [_value(member) for member in value]
        case "NULL":
            return None
        case _:
            return value
