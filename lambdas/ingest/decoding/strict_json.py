"""One record's bytes in, its JSON value out, by RFC 8259 to the letter. Pure.

`json.loads` alone takes NaN and Infinity, fails in four kinds of exception, and turns 1E400 into infinity and 1e-400
into 0 without a word. Where a member stands twice, the last one counts, here as in msgspec (RFC 8259 section 4 leaves
it to the reader).
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from lambdas.ingest.decoding.numbers import OUT_OF_RANGE, OutOfRange
from lambdas.ingest.decoding.reading import RecordError

# No integer that DynamoDB keeps is longer, and Python refuses to read over 4,300 digits.
_LONGEST_INTEGER = 400
# A literal that a double can only hold as 0.
_UNDERFLOW = re.compile(rb"[eE]-0*[0-9]{3}|0{300}")
_MAYBE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(raw: bytes, *, nesting: int) -> object:
    """Return the value; numbers that nothing can hold stand in it as OUT_OF_RANGE.

    Raises RecordError: bad_encoding, or not_json (also for nesting deeper than `nesting`).
    """
    try:
        value = _decode(raw.decode())
        if _MAYBE_SURROGATE.search(raw):
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeDecodeError as error:
        raise RecordError("bad_encoding", f"byte {error.start} is not UTF-8") from None
    except UnicodeEncodeError:
        raise RecordError("bad_encoding", "half of a surrogate pair stands alone in a string") from None
    except RecursionError:
        raise too_deep(nesting) from None
    except ValueError as error:
        raise RecordError("not_json", str(error)) from None
    if _is_deeper(value, nesting):
        raise too_deep(nesting)
    return value


def may_underflow(block: bytes) -> bool:
    """Tell whether a decoder of doubles might read a number that is not 0 as 0."""
    return _UNDERFLOW.search(block) is not None


def too_deep(nesting: int) -> RecordError:
    """Return the error for a record nested deeper than `nesting`."""
    return RecordError("not_json", f"it is nested more than {nesting} deep")


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)


def _integer(text: str) -> int | OutOfRange:
    return int(text) if len(text) <= _LONGEST_INTEGER else OUT_OF_RANGE


def _real(text: str) -> float | OutOfRange:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return OUT_OF_RANGE
    mantissa = text.lower().partition("e")[0]
    return OUT_OF_RANGE if value == 0 and mantissa.strip("-0.") else value


def _refuse(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not JSON")


_decode = json.JSONDecoder(parse_int=_integer, parse_float=_real, parse_constant=_refuse).decode
