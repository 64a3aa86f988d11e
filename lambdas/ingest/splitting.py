"""Where one record ends and the next begins, in sequences of JSON values (one, or one a line) and in arrays. Pure.

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

from lambdas.ingest import strict_json
from lambdas.ingest.limits import KIB, MIB, Limits
from lambdas.ingest.reading import Reason, RecordError, Reject
from lambdas.ingest.window import Window

EXCERPT = 1 * KIB
# Where the last seam of a stretch of an array is looked for; readings are shorter.
_SEAM_WITHIN = 8 * KIB
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


_find_end = json.JSONDecoder(parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing).raw_decode


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The bytes of one JSON value and where they stood: a 1-based line or 0-based index, and a byte offset."""

    number: int
    offset: int
    raw: bytes


class _ScanError(Exception):
    """A value cannot be read; `seen` is the offset up to which the scanner looked to find out."""

    def __init__(self, reason: Reason, detail: str, *, seen: int) -> None:
        self.error = RecordError(reason, detail)
        self.seen = seen


class Splitter(ABC):
    """Gives out the records of a window in order. Use `block` and `take`, or `records`, until `done`."""

    counted_in: ClassVar[str]
    # Up to and with the brace that begins the record after a broken one, and what may be the first half of that.
    _resume: ClassVar[re.Pattern[bytes]]
    _resume_cut: ClassVar[re.Pattern[bytes]]

    def __init__(self, window: Window, *, limits: Limits) -> None:
        self._window = window
        self._limits = limits
        self._patience = _PATIENCE
        self._stumbled = False
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
        except _ScanError as fault:
            begun = window.data[start : start + _BEGUN]
            window.at += 1
            return self._resumed(Record(number=number, offset=offset, raw=begun), fault)
        raw = window.data[start:end]
        window.at = end
        if not self._may_follow():
            begun = raw + window.data[window.at : window.at + EXCERPT]
            more = _ScanError("not_json", "there is more where the record should end", seen=window.offset)
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
            return window.at + _find_end(text, begin)[1] - begin
        except RecursionError:
            detail = strict_json.too_deep(self._limits.nesting).detail
            raise _ScanError("not_json", detail, seen=window.offset + self._limits.record) from None
        except json.JSONDecodeError as error:
            length = error.pos - begin
            self._stumbled = error.pos > _BEGUN
            if not window.ended and _is_cut_off(text, error.pos):
                raise _ScanError("record_too_large", self._too_large(), seen=window.offset + length) from None
            raise _ScanError("not_json", f"{error.msg} (byte {length})", seen=window.offset + length) from None

    def _resumed(self, broken: Record, fault: _ScanError) -> Reject | None:
        """Go on where the next record can only begin, and return the reject for the broken one before it."""
        window = self._window
        while (brace := self._next_brace()) is None and not window.ended:
            cut = self._resume_cut.search(window.data, max(window.at, len(window.data) - _SLACK))
            window.at = cut.start() if cut else len(window.data)
            window.fill(self._limits.block)
        window.at = brace.end() - 1 if brace else len(window.data)
        self.done = brace is None
        if self.done and window.failure:
            return None
        raw = broken.raw[: window.offset - broken.offset]
        self._patience -= max(0, fault.seen - window.offset)
        error = fault.error if _is_text(raw) else _NOT_TEXT
        if self._patience < 0:
            self.done, error = True, RecordError("not_json", "it and what follows are too broken to be read on")
        return self.reject(Record(number=broken.number, offset=broken.offset, raw=raw), error)

    def _next_brace(self) -> re.Match[bytes] | None:
        # The first look is cheap, and all that bytes which are no JSON at all need.
        has_brace = self._window.data.find(b"{", self._window.at) >= 0
        return self._resume.search(self._window.data, self._window.at) if has_brace else None

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


class Sequence(Splitter):
    """JSON values one after the other: a single one, pretty-printed or not, or one a line.

    `}` line end `{` is never inside a valid value, so that is where blocks are cut; after a broken value, the next
    line that starts with `{` is the next record.
    """

    counted_in = "line"
    _resume = re.compile(rb"\n[ \t\r]*\{")
    _resume_cut = re.compile(rb"\n[ \t\r]*\Z")

    @property
    def number(self) -> int:
        """Return the line."""
        return self._window.line

    def block(self, size: int) -> bytes | None:
        """Return whole lines."""
        window = self._window
        self._cut = len(window.data)
        if not self._ends_within(size):
            self._cut = self._last_seam(window.data, window.at, window.at + size) + 1
        block = window.data[window.at : self._cut]
        return block if block and self._hops(block) else None

    def _last_seam(self, block: bytes, begin: int, end: int) -> int:
        """Return where the last line in a stretch ends that another record follows, or -1."""
        return max(block.rfind(b"}\n{", begin, end), block.rfind(b"}\r\n{", begin, end))

    def take(self, records: int) -> None:
        """Use up the last block."""
        self._window.at = self._cut
        self.done = self._window.ended and self._cut == len(self._window.data)

    def _step(self) -> Record | Reject | None:
        self.done = not self._window.skip_blank()
        return None if self.done else self._value()

    def _may_follow(self) -> bool:
        return self._window.skip_blank(in_line=True) in (b"", b"\n", b"{")


class Array(Splitter):
    """The elements of one JSON array, whose opening bracket has been used up.

    A comma before `{` is never inside a reading, so that is where blocks are cut and where the next record begins
    after a broken one. (It can be inside a member that readings do not have; then the guess is wrong and costs time.)
    """

    counted_in = "index"
    _resume = re.compile(rb",[ \t\r\n]*\{")
    _resume_cut = re.compile(rb",[ \t\r\n]*\Z")
    _seam = re.compile(rb"\}[ \t\r\n]*(,)[ \t\r\n]*\{")

    def __init__(self, window: Window, *, limits: Limits) -> None:
        super().__init__(window, limits=limits)
        self._index = 0
        self._after_comma = False

    @property
    def number(self) -> int:
        """Return the index."""
        return self._index

    def block(self, size: int) -> bytes | None:
        """Return whole elements, with the commas between them."""
        window = self._window
        self._final = self._ends_within(size)
        if self._final:
            rest = window.data[window.at :].rstrip(b" \t\r\n")
            self._cut = len(window.data)
            if not rest.endswith(b"]") or (self._after_comma and not rest[:-1].strip()):
                return None
            return rest[:-1] if self._hops(rest) else None
        self._cut = self._last_seam(window.data, window.at, window.at + size)
        block = window.data[window.at : max(self._cut, window.at)]
        return block if block and self._hops(block) else None

    def _last_seam(self, block: bytes, begin: int, end: int) -> int:
        """Return where the last comma in a stretch is that is between braces, or -1."""
        seams = self._seam.finditer(block, max(begin, end - _SEAM_WITHIN), end)
        return max((seam.start(1) for seam in seams), default=-1)

    def take(self, records: int) -> None:
        """Use up the last block."""
        self._index += records
        self.done = self._final
        self._after_comma = not self._final
        self._window.at = self._cut + self._after_comma

    def _step(self) -> Record | Reject | None:
        byte = self._window.skip_blank()
        if byte == b"," or (byte == b"]" and self._after_comma):
            return self._missing(comma=byte == b",")
        if byte in (b"]", b""):
            return self._ended(closed=byte == b"]")
        found = self._value()
        self._index += 1
        return found

    def _may_follow(self) -> bool:
        byte = self._window.skip_blank()
        self._after_comma = byte == b","
        self._window.at += self._after_comma
        return byte in (b",", b"]", b"")

    def _missing(self, *, comma: bool) -> Reject:
        here = Record(number=self._index, offset=self._window.offset, raw=b"")
        reject = self.reject(here, RecordError("not_json", "there is nothing before or after a comma"))
        self._index += 1
        self._window.at += comma
        self._after_comma = comma
        return reject

    def _ended(self, *, closed: bool) -> Reject | None:
        self.done = True
        self._window.at += closed
        more = self._window.skip_blank()
        if closed and more:
            # Perhaps not the end of the array, but of one inside a broken record.
            extra = self._here()
            self._index += 1
            error = _ScanError("not_json", "there is more after the end of the array", seen=self._window.offset)
            return self._resumed(extra, error)
        if closed or self._window.failure:
            return None
        return self.reject(self._here(), RecordError("not_json", "the array does not end; was the upload cut short?"))

    def _here(self) -> Record:
        begun = self._window.data[self._window.at : self._window.at + EXCERPT]
        return Record(number=self._index, offset=self._window.offset, raw=begun)
