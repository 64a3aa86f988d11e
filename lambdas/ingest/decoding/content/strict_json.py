"""One JSON value of a text, by RFC 8259 to the letter, but for NaN and Infinity, which stand for themselves.

`json.loads` alone turns 1E400 into infinity and 1e-400 into 0 without a word, and fails in four kinds of exception.
Where a member stands twice, the last one counts, here as in msgspec (RFC 8259 section 4 leaves it to the reader).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from lambdas.ingest.decoding.reading import RecordError
from lambdas.ingest.decoding.values.numbers import integer, not_finite, real

# An exponent of three digits, or a very long run of digits: what a double may hold only as 0 or infinity, or no integer
# at all. Byte searches, since a regular expression over all content takes forty times as long.
_SHAPE = bytes.maketrans(b"0123456789eE+-", b"0000000000ee--")
_UNUSUAL = (b"e000", b"e-000", b"0" * 200)
# No token but strings and numbers is longer.
_LONGEST_TOKEN = 16
_MAYBE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

Scan = Callable[[str, int], tuple[object, int]]
# Each returns the value at a place in a text, and where it ends; raises JSONDecodeError, and RecursionError where
# nesting is deep. The second keeps what has_unusual_numbers() is about, and takes longer.
scan: Scan = json.JSONDecoder(parse_constant=not_finite).raw_decode
scan_unusual_numbers: Scan = json.JSONDecoder(parse_int=integer, parse_float=real, parse_constant=not_finite).raw_decode


def has_unusual_numbers(content: bytes) -> bool:
    """Return whether a decoder of doubles might read a number of `content` as another one."""
    shapes = content.translate(_SHAPE)
    return any(shape in shapes for shape in _UNUSUAL)


def is_cut_off(error: json.JSONDecodeError) -> bool:
    """Return whether it was the end of the text that ended a value too early."""
    return error.msg.startswith("Unterminated string") or error.pos > len(error.doc) - _LONGEST_TOKEN


def text_of(raw: bytes) -> str:
    """Return the text of one value. Raises RecordError (bad_encoding)."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RecordError("bad_encoding", f"byte {error.start} is not UTF-8") from None


def may_have_surrogates(content: bytes) -> bool:
    """Return whether `content` has an escape that may be half of a surrogate pair."""
    return _MAYBE_SURROGATE.search(content) is not None


def check_surrogates(value: object, raw: bytes) -> None:
    r"""Refuse half of a surrogate pair (\ud83d alone), which no UTF-8 can hold. Raises RecordError (bad_encoding)."""
    if may_have_surrogates(raw):
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise RecordError("bad_encoding", "half of a surrogate pair stands alone in a string") from None


def is_deeper(value: object, levels: int) -> bool:
    """Return whether objects and arrays stand in each other more than `levels` deep."""
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_deeper(member, levels - 1) for member in members)
