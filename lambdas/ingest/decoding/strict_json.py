"""One JSON value of a text, by RFC 8259 to the letter, but for NaN and Infinity, which stand for themselves.

`json.loads` alone turns 1E400 into infinity and 1e-400 into 0 without a word, and fails in four kinds of exception.
Where a member stands twice, the last one counts, here as in msgspec (RFC 8259 section 4 leaves it to the reader).
"""

from __future__ import annotations

import json
import re

from lambdas.ingest.decoding.numbers import integer, not_finite, real
from lambdas.ingest.decoding.reading import RecordError

# An exponent of three digits, or a very long run of digits: what a double may hold only as 0 or infinity, or no integer
# at all. Byte searches, since a regular expression over all content takes forty times as long.
_SHAPE = bytes.maketrans(b"0123456789eE+-", b"0000000000ee--")
_UNUSUAL = (b"e000", b"e-000", b"0" * 200)
# No token but strings and numbers is longer.
_LONGEST_TOKEN = 16
_MAYBE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_scan = json.JSONDecoder(parse_constant=not_finite).raw_decode
_scan_numbers = json.JSONDecoder(parse_int=integer, parse_float=real, parse_constant=not_finite).raw_decode


class SyntaxFaultError(Exception):
    """No value can be read; `at` is how far the scanner looked, and `cut_off` whether it met the end of the text."""

    def __init__(self, error: RecordError, *, at: int, cut_off: bool = False) -> None:
        super().__init__(error.detail)
        self.error = error
        self.at = at
        self.cut_off = cut_off


def has_unusual_numbers(content: bytes) -> bool:
    """Return whether a decoder of doubles might read a number of `content` as another one."""
    shapes = content.translate(_SHAPE)
    return any(shape in shapes for shape in _UNUSUAL)


def scan(text: str, at: int, *, unusual_numbers: bool) -> tuple[object, int]:
    """Return the value at `at` and where it ends. Raises SyntaxFaultError, and RecursionError for deep nesting."""
    try:
        return (_scan_numbers if unusual_numbers else _scan)(text, at)
    except json.JSONDecodeError as error:
        cut_off = error.msg.startswith("Unterminated string") or error.pos > len(text) - _LONGEST_TOKEN
        fault = RecordError("not_json", f"{error.msg} (byte {error.pos - at})")
        raise SyntaxFaultError(fault, at=error.pos, cut_off=cut_off) from None


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
