"""Frozen dataclasses <-> DynamoDB attribute values, by their type hints. Pure; no AWS SDK import.

str is S (also datetimes, as RFC 3339), numbers are N (timedeltas in seconds), dataclasses and dicts are M, tuples are
L; what is None is left out, and members that a class does not know are ignored.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, TypeVar

from lambdas.shared.numbers import is_storable
from lambdas.shared.times import timestamp

Attribute = dict[str, Any]
T = TypeVar("T")
_NUMBERS = (int, float, timedelta, float | int)


def to_map(value: Any) -> dict[str, Attribute]:
    """Return the members of a dataclass as attribute values."""
    members = ((field.name, getattr(value, field.name)) for field in fields(value))
    return {name: to_attribute(member) for name, member in members if member is not None}


def to_attribute(value: Any) -> Attribute:
    """Return one attribute value. Raises TypeError or ValueError for what no record can hold."""
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
        case timedelta():
            attribute = {"N": repr(value.total_seconds())}
        case tuple():
            attribute = {"L": [to_attribute(member) for member in value]}
        case dict():
            attribute = {"M": {name: to_attribute(member) for name, member in value.items()}}
        case _ if is_dataclass(value):
            attribute = {"M": to_map(value)}
        case _:
            raise TypeError(f"a ledger record cannot hold a {type(value).__name__}")
    return attribute


def from_map(kind: type[T], attributes: dict[str, Attribute]) -> T:
    """Return a `kind` (a dataclass) made of the attribute values that it knows; what may be None and is absent is None.

    Raises TypeError where something else is absent that has no default.
    """
    members: dict[str, Any] = {}
    for name, (hint, optional) in _hints(typing.cast(Hashable, kind)).items():
        if name in attributes:
            members[name] = _from_attribute(hint, attributes[name])
        elif optional:
            members[name] = None
    return kind(**members)


def _from_attribute(hint: Any, attribute: Attribute) -> Any:
    ((tag, value),) = attribute.items()
    if typing.get_origin(hint) is Literal and value not in typing.get_args(hint):
        raise ValueError(f"{value!r:.80} is not one of {typing.get_args(hint)}")
    if tag == "N":
        if hint in (str, datetime):
            raise TypeError(f"a number stands for a {hint.__name__}")
        return timedelta(seconds=float(value)) if hint is timedelta else number(value)
    if tag == "S":
        if hint in _NUMBERS:
            raise TypeError(f"the text {value!r:.80} stands for a number")
        return datetime.fromisoformat(value).astimezone(UTC) if hint is datetime else value
    if tag == "L":
        (member, _) = typing.get_args(hint)
        return tuple(_from_attribute(member, each) for each in value)
    if is_dataclass(hint):
        return from_map(typing.cast("type[Any]", hint), value)
    (_, member) = typing.get_args(hint)
    return {name: _from_attribute(member, each) for name, each in value.items()}


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


@cache
def _hints(kind: Hashable) -> dict[str, tuple[Any, bool]]:
    """Return each field's type without its None, and whether it may be None."""
    return {name: _bare(hint) for name, hint in typing.get_type_hints(typing.cast("type", kind)).items()}


def _bare(hint: Any) -> tuple[Any, bool]:
    is_union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    members = typing.get_args(hint) if is_union else (hint,)
    kept = [member for member in members if member is not types.NoneType]
    # Numbers stay a union: their attribute says which they are.
    return (kept[0] if len(kept) == 1 else hint), len(kept) < len(members)
