"""Where one record ends and the next begins: what sequences of JSON values and arrays have in common. Pure.

`block()` guesses: a stretch that very likely holds whole records, for a decoder that will notice if it does not.
`records()` knows: it finds each value with the JSON scanner of the standard library, and after one that is broken it
goes on where the next record can only begin, so that a bad record costs no good one.
"""

from __future__ import annotations

import codecs
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lambdas.ingest.decoding import strict_json
from lambdas.ingest.decoding.byte_buffer import Window
from lambdas.ingest.decoding.limits import KIB, MIB, Limits
from lambdas.ingest.decoding.reading import Reason, RecordError, Reject

EXCERPT = 1 * KIB
# As much of a broken record as is looked at to tell what it is.
_BEGUN = 4 * KIB
# Enough beyond the longest record to see that a value is cut off, not broken.
_SLACK = 1 * KIB
# How much may be scanned twice; only content made for it is broken so often and so late.
_PATIENCE = 16 * MIB
# Possessive, so that a long string takes no memory for ways back.
_UNFINISHED_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+\\?\Z', re.DOTALL)
_LONGEST_TOKEN = 16


def _nothing(_: str) -> None:
    """Stand in for a number: where it ends is all that is asked."""


find_end = json.JSONDecoder(parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing).raw_decode


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The bytes of one JSON value and where they stood: a 1-based line or 0-based index, and a byte offset."""

    number: int
    offset: int
    raw: bytes


class ScanError(Exception):
    """A value cannot be read; `seen` is the offset up to which the scanner looked to find out."""

    def __init__(self, reason: Reason, detail: str, *, seen: int) -> None:
        self.error = RecordError(reason, detail)
        self.seen = seen


class Splitter(ABC):
    """Gives out the records of a window in order. Use `block` and `take`, or `records`, until `done`."""

    counted_in: ClassVar[str]
    # What may be the first half of a match of `_resume`.
    _resume_cut: ClassVar[re.Pattern[bytes]]

    def __init__(self, window: Window, *, limits: Limits) -> None:
        self._window = window
        self._limits = limits
        self._patience = _PATIENCE
        self._stumbled = False
        # Whether the record after a broken one may begin with anything but a brace.
        self._resumes_anywhere = False
        self.done = False

    @property
    @abstractmethod
    def number(self) -> int:
        """Return the line or index of the record that begins here."""

    @abstractmethod
    def block(self, size: int) -> bytes | None:
        """Return a stretch of at most about `size` bytes that seems to hold whole records, or None."""

    @abstractmethod
    def take(self, records: int) -> None:
        """Use up the last block, which held this many records."""

    @abstractmethod
    def _step(self) -> Record | Reject | None:
        """Use up what is next; return None where that is no record."""

    @abstractmethod
    def _resume(self, fault: ScanError) -> re.Pattern[bytes]:
        """Return what matches up to and with the first byte of the record after one that is broken like this."""

    @abstractmethod
    def _may_follow(self) -> bool:
        """Tell whether what comes after a value may, and use up what separates it from the next."""

    def records(self, size: int) -> Iterator[Record | Reject]:
        """Give out, one by one, what begins within `size` bytes."""
        stop = self._window.offset + size
        while not self.done and self._window.offset < stop:
            found = self._step()
            if found is not None:
                yield found

    def reject(self, record: Record, error: RecordError) -> Reject:
        """Return the reject for `record`."""
        return Reject(
            position=f"{self.counted_in} {record.number}",
            offset=record.offset,
            reason=error.reason,
            detail=error.detail,
            excerpt=record.raw[:EXCERPT],
        )

    def _ends_within(self, size: int) -> bool:
        """Tell whether no more than `size` bytes of content are left."""
        self._window.fill(size + 1)
        return self._window.ended and len(self._window.data) - self._window.at <= size

    @abstractmethod
    def _last_seam(self, block: bytes, begin: int, end: int) -> int: ...

    def _hops(self, block: bytes) -> bool:
        """Tell whether no record of a block can be too large: from seam to seam it is never that far."""
        at = 0
        while len(block) - at > self._limits.record:
            at = self._last_seam(block, at + 1, at + self._limits.record)
            if at < 0:
                return False
        return True

    def _value(self) -> Record | Reject | None:
        """Use up the value that begins here. None: it is cut off because the content is, which is said elsewhere."""
        window, number, offset = self._window, self.number, self._window.offset
        window.fill(self._limits.record + _SLACK)
        start = window.at
        try:
            end = self._scan()
        except ScanError as fault:
            begun = window.data[start : start + _BEGUN]
            window.at += 1
            return self._resumed(Record(number=number, offset=offset, raw=begun), fault)
        raw = window.data[start:end]
        window.at = end
        if not self._may_follow():
            begun = raw + window.data[window.at : window.at + EXCERPT]
            more = ScanError("not_json", "there is more where the record should end", seen=window.offset)
            return self._resumed(Record(number=number, offset=offset, raw=begun), more)
        record = Record(number=number, offset=offset, raw=raw)
        if len(raw) > self._limits.record:
            return self.reject(record, RecordError("record_too_large", self._too_large()))
        return record

    def _scan(self) -> int:
        """Return where in `window.data` the value that begins at `window.at` ends."""
        window = self._window
        text, begin = window.text(afresh=self._stumbled)
        self._stumbled = False
        try:
            return window.at + find_end(text, begin)[1] - begin
        except RecursionError:
            detail = strict_json.too_deep(self._limits.nesting).detail
            raise ScanError("not_json", detail, seen=window.offset + self._limits.record) from None
        except json.JSONDecodeError as error:
            length = error.pos - begin
            self._stumbled = error.pos > _BEGUN
            if not window.ended and _is_cut_off(text, error.pos):
                raise ScanError("record_too_large", self._too_large(), seen=window.offset + length) from None
            raise ScanError("not_json", f"{error.msg} (byte {length})", seen=window.offset + length) from None

    def _resumed(self, broken: Record, fault: ScanError) -> Reject | None:
        """Go on where the next record can only begin, and return the reject for the broken one before it."""
        window = self._window
        while (first := self._first_of_next(fault)) is None and not window.ended:
            cut = self._resume_cut.search(window.data, max(window.at, len(window.data) - _SLACK))
            window.at = cut.start() if cut else len(window.data)
            window.fill(self._limits.block)
        window.at = first.end() - 1 if first else len(window.data)
        self.done = first is None
        if self.done and window.failure:
            return None
        raw = broken.raw[: window.offset - broken.offset]
        self._patience -= max(0, fault.seen - window.offset)
        error = fault.error if _is_text(raw) else _NOT_TEXT
        if self._patience < 0:
            self.done, error = True, RecordError("not_json", "it and what follows are too broken to be read on")
        return self.reject(Record(number=broken.number, offset=broken.offset, raw=raw), error)

    def _first_of_next(self, fault: ScanError) -> re.Match[bytes] | None:
        window = self._window
        # A cheap first look, and all that bytes which are no JSON at all need.
        if not self._resumes_anywhere and b"{" not in window.data:
            return None
        return self._resume(fault).search(window.data, window.at)

    def _too_large(self) -> str:
        return f"a record may have at most {self._limits.record} bytes"


def _is_cut_off(text: str, at: int) -> bool:
    return at > len(text) - _LONGEST_TOKEN or _UNFINISHED_STRING.match(text, at) is not None


_NOT_TEXT = RecordError("bad_encoding", "it is not UTF-8 text")


def _is_text(begun: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(begun)
    except UnicodeDecodeError:
        return False
    return True
