"""Records <-> DynamoDB items, by their type hints: msgspec checks what is read, and names the member that is wrong.

str is S (also datetimes, as RFC 3339), numbers are N, dataclasses and dicts are M, tuples are L; what is None is left
out, and members that a class does not know are ignored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from lambdas.shared.numbers import is_storable
from lambdas.shared.times import timestamp

Attribute = dict[str, Any]
T = TypeVar("T")


def to_map(record: Any) -> dict[str, Attribute]:
    """Return the members of a dataclass as attribute values."""
    members: dict[str, Attribute] = to_attribute(record)["M"]
    return members


def to_attribute(value: Any) -> Attribute:
    """Return one attribute value. Raises TypeError or ValueError for what no record can hold."""
    return _attribute(msgspec.to_builtins(value, builtin_types=(datetime,)))


def _attribute(value: Any) -> Attribute:
    attribute: Attribute
    match value:
        case str():
            attribute = {"S": value}
        case int() | float() if not isinstance(value, bool):
            if not is_storable(value):
                raise ValueError(f"a ledger record cannot hold the number {value!r:.80}")
            attribute = {"N": repr(value)}
        case datetime():
            attribute = {"S": timestamp(value)}
        case list() | tuple():
            attribute = {"L": [_attribute(member) for member in value]}
        case dict():
            attribute = {"M": {name: _attribute(member) for name, member in value.items() if member is not None}}
        case _:
            raise TypeError(f"a ledger record cannot hold a {type(value).__name__}")
    return attribute


def from_map(kind: type[T], attributes: dict[str, Attribute]) -> T:
    """Return a `kind` made of the attribute values that it knows. Raises ValueError, naming the wrong member."""
    try:
        return msgspec.convert(plain(attributes), kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def plain(attributes: dict[str, Attribute]) -> dict[str, Any]:
    """Return attribute values as text, numbers, lists and dicts; integers stay exact.

    boto3's own TypeDeserializer raises Rounded for a number that is written with more than 38 digits, zeros included,
    as 9E+125 may be.
    """
    return {name: _plain(attribute) for name, attribute in attributes.items()}


def _plain(attribute: Attribute) -> Any:
    ((tag, value),) = attribute.items()
    if tag == "N":
        return number(value)
    if tag == "M":
        return plain(value)
    return [_plain(member) for member in value] if tag == "L" else value


def number(text: str) -> float | int:
    """Return the value of an N attribute."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def size(item: dict[str, Attribute]) -> int:
    """Return the bytes of an item, at most (DynamoDB Developer Guide, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _size(attribute) for name, attribute in item.items())


def _size(attribute: Attribute) -> int:
    ((tag, value),) = attribute.items()
    if tag == "M":
        return 3 + len(value) + size(value)
    if tag == "L":
        return 3 + sum(1 + _size(member) for member in value)
    return 21 if tag == "N" else len(value.encode())
