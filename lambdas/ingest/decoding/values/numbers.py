"""Numbers in records: read, checked, and written as one canonical text.

DynamoDB keeps up to 38 significant digits, 0 or 1E-130 to 9.99...E+125 in size (DynamoDB Developer Guide, "Supported
data types and naming rules", Number). A number without fraction or exponent is an integer and kept exactly; any other
one is the nearest IEEE double, as RFC 8259 section 6 lets readers expect, and kept as that double's shortest text, so
that reading it back gives the equal value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from math import isinf
from typing import TypeGuard

from lambdas.ingest.decoding.reading import RecordError
from lambdas.shared.numbers import LARGEST, SMALLEST, is_storable

# All integers within these are storable.
_ORDINARY = 10**38
# No integer that DynamoDB keeps is longer, and Python refuses to read over 4,300 digits.
_LONGEST_INTEGER = 400
_INTEGER = re.compile(r"[-+]?\d++", re.ASCII)
_REAL = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?", re.ASCII)


@dataclass(frozen=True)
class Unusable:
    """Stands for a number that cannot be used: `literal` is NaN or Infinity, or empty where it is out of range."""

    literal: str = ""


OUT_OF_RANGE = Unusable()
not_finite = Unusable


def integer(text: str) -> int | Unusable:
    """Return the integer that a literal means, or OUT_OF_RANGE."""
    return int(text) if len(text) <= _LONGEST_INTEGER else OUT_OF_RANGE


def real(text: str) -> float | Unusable:
    """Return the double that a literal means, or OUT_OF_RANGE where that would be infinity, or 0 for what is not."""
    value = float(text)
    if value == 0:
        return OUT_OF_RANGE if text.lower().partition("e")[0].strip("+-0.") else value
    return OUT_OF_RANGE if isinf(value) else value


def from_text(text: str) -> int | float | Unusable | None:
    """Return the number that a text is, or None."""
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return integer(text)
    return real(text) if _REAL.fullmatch(text) else None


def check_value(value: object, name: str) -> int | float:
    """Return the number of a metric: a number, a boolean as 1 or 0, or a number as text.

    Raises RecordError (invalid_value, value_out_of_range); `name` is the metric.
    """
    if type(value) is float and SMALLEST <= abs(value) <= LARGEST:
        return value
    if type(value) is int and -_ORDINARY < value < _ORDINARY:
        return value
    found = from_text(value) if isinstance(value, str) else value
    if isinstance(found, int | float) and is_storable(found):
        return int(found) if isinstance(found, bool) else found
    if isinstance(found, int | float) or found == OUT_OF_RANGE:
        raise RecordError(
            "value_out_of_range",
            f"{name[:64]} cannot be kept: a number is 0 or 1e-130 to 9.9e125 in size, an integer has at most 38 digits",
            member=name,
        )
    raise RecordError("invalid_value", f"{name[:64]} is {described(value)}, not a number", member=name)


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether `value` is a JSON number that Python can hold; a boolean is not."""
    # The exact type, and no union made in each call: this is asked of every number that is read one by one.
    return type(value) is int or type(value) is float


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


def described(value: object) -> str:
    """Return what a JSON value is, for the owner of a record."""
    if isinstance(value, str):
        return f"the text {value[:32]!a}"
    if isinstance(value, Unusable) and value.literal:
        return value.literal
    return _KINDS.get(type(value), "a number")


_KINDS = {type(None): "null", bool: "a boolean", list: "an array", dict: "an object"}
