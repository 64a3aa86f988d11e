"""Numbers as DynamoDB can keep them: which values are storable, and the one text of each. Pure.

DynamoDB keeps up to 38 significant digits, 0 or 1E-130 to 9.99...E+125 in size (DynamoDB Developer Guide, "Supported
data types and naming rules", Number). A JSON number without fraction or exponent is an integer and kept exactly; any
other one is the nearest IEEE double, as RFC 8259 section 6 lets readers expect, and kept as that double's shortest
text, so that reading it back gives the equal value.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeGuard

from lambdas.ingest.decoding.reading import RecordError
from lambdas.shared.numbers import is_storable


class OutOfRange:
    """Stands for a JSON number that no double or no 400-digit integer holds; see `strict_json`."""


OUT_OF_RANGE = OutOfRange()


def check_value(value: object, name: str) -> int | float:
    """Return `value` if it is a number that DynamoDB can keep. Raises RecordError; `name` is the metric."""
    if isinstance(value, bool) or not isinstance(value, int | float | OutOfRange):
        raise RecordError("invalid_value", f"{name} is {_kind(value)}, not a number")
    if isinstance(value, OutOfRange) or not is_storable(value):
        raise RecordError(
            "value_out_of_range",
            f"{name} cannot be kept: a number is 0 or 1e-130 to 9.9e125 in size, an integer has at most 38 digits",
        )
    return value


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether `value` is a JSON number that Python can hold; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_text(value: int | float) -> str:
    """Return the decimal text of a storable value: the same for 1 and 1.0, and `0` for -0.0."""
    text = repr(value)
    if isinstance(value, int):
        return text
    if text.endswith(".0"):
        return "0" if value == 0 else text[:-2]
    if "e+" in text:
        return str(int(Decimal(text)))
    return text


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
