"""Content in, JSON values out, one by one or as a stretch of many: where one record ends and the next begins.

The one grammar: records apart by any mix of white space, commas, record separators (RFC 7464) and byte order marks, or
by nothing, at the top or inside arrays. So brackets separate too; all that they add is which records make one array.
A syntax error costs the record it stands in: reading goes on where the next one can only begin.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from lambdas.ingest.decoding import strict_json
from lambdas.ingest.decoding.byte_buffer import ByteBuffer
from lambdas.ingest.decoding.limits import KIB, MIB, Limits
from lambdas.ingest.decoding.reading import RecordError, Reject
from lambdas.ingest.decoding.strict_json import SyntaxFaultError

_EXCERPT = 1 * KIB
# As much of a broken record as is looked at to see what it is.
_BEGUN = 4 * KIB
# Enough beyond the longest record to see that a value is cut off, not broken; no seam is longer.
_SLACK = 1 * KIB
# Where the last seam of a stretch is looked for first; readings are shorter.
_SEAM_WITHIN = 4 * KIB
# How much may be scanned twice; only content made for it is broken so often and so late.
_RESCAN_BUDGET = 16 * MIB

# All of these take linear time: possessive, and the look behind lets a run of separators be looked at once.
_BETWEEN = re.compile(rb"(?:[ \t\r\n,\x1e]++|\xef\xbb\xbf)*+")
_BRACKETS = re.compile(rb"(?:[\[\] \t\r\n,\x1e]++|\xef\xbb\xbf)*+")
_ONLY_BRACKETS = bytes(set(range(256)) - set(b"[]"))
_SEAM = re.compile(rb"\}(?:[ \t\r\n,\x1e]++|\xef\xbb\xbf)*+\{")
_ENDS = frozenset(b" \t\r\n,\x1e[]{\xef")
_SEAM_IN_LINE = rb"[},\x1e][ \t]*+\{"
_LINE_END = rb"(?<![ \t\r\n,\x1e])[ \t,\x1e]*+[\r\n][ \t\r\n,\x1e]*+"
_NEXT_LINE = re.compile(_LINE_END + rb"[^ \t\r\n,\x1e]")
_NEXT = re.compile(_SEAM_IN_LINE + rb"|" + _NEXT_LINE.pattern)
_NEXT_OPEN = re.compile(_SEAM_IN_LINE + rb"|" + _LINE_END + rb"(?:\xef\xbb\xbf)?[{\[]")
_INDENT = re.compile(rb"(?:\A|[\r\n])([ \t]{0,64})\Z")


class Broken:
    """Stands for a record that is no JSON; `begun` is how it begins."""

    def __init__(self, begun: bytes) -> None:
        self.begun = begun


class Splitter:
    """Gives out the values of `buffer` in order; what is none is in `rejects`, which the reader empties.

    `array` numbers the stretch between two brackets that the last value stands in, 0 at the top.
    """

    def __init__(self, buffer: ByteBuffer, *, limits: Limits) -> None:
        self._buffer = buffer
        self._limits = limits
        self._rescan_budget = _RESCAN_BUDGET
        self._depth = 0
        self._brackets = 0
        self._index = 0
        self._begin = 0
        self._too_deep = False
        self._looked_at, self._text = b"", ""
        self._unusual_numbers = self._plain = False
        self.records = 0
        self.rejects: list[Reject] = []

    @property
    def array(self) -> int:
        """Return the number of this stretch of an array, or 0 outside of any."""
        return self._brackets if self._depth else 0

    @property
    def has_arrays(self) -> bool:
        """Return whether there was a bracket between records."""
        return self._brackets > 0

    @property
    def offset(self) -> int:
        """Return how many bytes of content are used up."""
        return self._buffer.offset

    def advance(self) -> bool:
        """Use up what separates records; return whether one begins here."""
        buffer, wanted = self._buffer, self._limits.record + _SLACK
        while True:
            buffer.fill(wanted)
            buffer.at = _end(_BETWEEN, buffer)
            if len(buffer.data) - buffer.at < _SLACK and not buffer.ended:
                continue
            byte = buffer.data[buffer.at : buffer.at + 1]
            if byte not in (b"[", b"]"):
                break
            self._take_brackets()
        if not byte and self._depth and not self._too_deep:
            self._reject_here(RecordError("not_json", "an array does not end; was the upload cut short?"))
            self._depth = 0
        self._begin = buffer.at
        return byte != b""

    def block(self, size: int) -> bytes:
        """Return at most `size` bytes that seem to hold whole objects, the first of which begins here."""
        data, begin, end = self._buffer.data, self._buffer.at, self._buffer.at + size
        if self._buffer.ended and len(data) <= end:
            cut = data.rfind(b"}", begin) + 1
        else:
            cut = _last_seam(data, max(begin, end - _SEAM_WITHIN), end) or _last_seam(data, begin, end)
        return data[begin:cut]

    def take(self, block: bytes, *, records: int) -> None:
        """Use up a block that held this many records."""
        self._buffer.at += len(block)
        self._index += records
        self.records += records

    def values(self, size: int, *, most: int) -> Iterator[object]:
        """Yield the values that begin within `size` bytes, at most so many, and Broken for what is none."""
        stop = self._buffer.offset + size
        while most and self._buffer.offset < stop and self.advance():
            yield self._value()
            self._index += 1
            self.records += 1
            most -= 1

    def reject(self, error: RecordError) -> None:
        """Add a reject for the last value."""
        buffer = self._buffer
        raw = buffer.data[self._begin : min(buffer.at, self._begin + _EXCERPT)]
        self._add(error, position=self._position(), offset=buffer.dropped + self._begin, raw=raw)

    def reject_rest(self, error: RecordError) -> None:
        """Add a reject for all that follows."""
        buffer = self._buffer
        self._reject_here(error, raw=buffer.data[buffer.at : buffer.at + _EXCERPT])

    def _reject_here(self, error: RecordError, *, raw: bytes = b"") -> None:
        self._begin = self._buffer.at
        self._add(error, position=self._position(), offset=self._buffer.offset, raw=raw)

    def _add(self, error: RecordError, *, position: str, offset: int, raw: bytes) -> None:
        self.rejects.append(
            Reject(
                position=position,
                offset=offset,
                reason=error.reason,
                detail=error.detail,
                excerpt=raw,
                member=error.member,
            )
        )

    def _position(self) -> str:
        """Return where the record is: its line, and in an array its index, which is enough if there is no other."""
        if self._depth and self.records == self._index:
            return f"index {self._index}"
        line = f"line {self._buffer.line(self._begin)}"
        return f"{line}, index {self._index}" if self._depth else line

    def _take_brackets(self) -> None:
        """Use up a run of brackets; one that closes nothing, or too many in each other, is a reject."""
        buffer = self._buffer
        end = _end(_BRACKETS, buffer)
        left = run = buffer.data[buffer.at : end].translate(None, _ONLY_BRACKETS)
        for _ in range(self._limits.nesting):
            left = left.replace(b"[]", b"")
        closed = left.count(b"]")
        if (b"[]" in left or self._depth - closed + left.count(b"[") > self._limits.nesting) and not self._too_deep:
            self._too_deep = True
            self._reject_here(_too_deep(self._limits))
        elif closed > self._depth and not self._too_deep:
            self._reject_here(
                RecordError("not_json", "a ] closes no array"), raw=buffer.data[buffer.at : buffer.at + 1]
            )
        self._depth = max(self._depth - closed, 0) + left.count(b"[")
        self._index = 0
        self._brackets += len(run)
        buffer.at = end

    def _value(self) -> object:
        """Use up the value that begins here, and return it or Broken."""
        buffer, begin, data = self._buffer, self._buffer.at, self._buffer.data
        if self._looked_at is not data:
            self._look_at(data)
        try:
            value, end = self._scan(begin)
        except SyntaxFaultError as fault:
            return self._broken(fault)
        buffer.at = end
        raw = data[begin:end]
        try:
            if len(raw) > self._limits.record:
                raise self._too_large()
            if self._plain and raw.count(b"{") + raw.count(b"[") <= self._limits.nesting:
                return value
            return self._checked(raw)
        except RecordError as error:
            self.reject(error)
            return Broken(raw[:_BEGUN])

    def _scan(self, begin: int) -> tuple[object, int]:
        """Return the value at `begin` and where it ends. Raises SyntaxFaultError."""
        buffer = self._buffer
        try:
            value, end = strict_json.scan(self._text, begin, unusual_numbers=self._unusual_numbers)
        except RecursionError:
            raise SyntaxFaultError(_too_deep(self._limits), at=begin + self._limits.record) from None
        except SyntaxFaultError as fault:
            if fault.cut_off and not buffer.ended:
                raise SyntaxFaultError(self._too_large(), at=fault.at) from None
            raise
        if not isinstance(value, dict):
            if end == len(buffer.data) and not buffer.ended:
                raise SyntaxFaultError(self._too_large(), at=end)
            if end < len(buffer.data) and buffer.data[end] not in _ENDS:
                raise SyntaxFaultError(RecordError("not_json", f"Extra data (byte {end - begin})"), at=end)
        return value, end

    def _look_at(self, data: bytes) -> None:
        """Learn what is unusual about a whole stretch, so that nothing need be asked of each value."""
        self._looked_at, self._text = data, data.decode("latin-1")
        self._unusual_numbers = strict_json.has_unusual_numbers(data)
        self._plain = data.isascii() and not strict_json.may_have_surrogates(data)

    def _checked(self, raw: bytes) -> object:
        value, _ = strict_json.scan(strict_json.text_of(raw), 0, unusual_numbers=self._unusual_numbers)
        strict_json.check_surrogates(value, raw)
        if strict_json.is_deeper(value, self._limits.nesting):
            raise _too_deep(self._limits)
        return value

    def _broken(self, fault: SyntaxFaultError) -> Broken:
        """Go on where the record after the broken one can only begin."""
        buffer, error = self._buffer, fault.error
        position, offset, begun = self._position(), buffer.offset, buffer.data[buffer.at : buffer.at + _BEGUN]
        seen = buffer.dropped + fault.at
        following = self._following(fault)
        buffer.at += 1
        while (found := _search(following, buffer)) is None and not buffer.ended:
            buffer.at = max(buffer.at, len(buffer.data) - _SLACK)
            buffer.fill(_SLACK + self._limits.block)
        if found is None:
            buffer.at = len(buffer.data)
            # What is cut off has been said: no need to say that its array is too.
            self._depth = 0
        else:
            buffer.at = found.end() - 1
        begun = begun[: buffer.offset - offset]
        self._rescan_budget -= max(0, seen - buffer.offset)
        if not _is_text(begun):
            error = RecordError("bad_encoding", "it is not UTF-8 text")
        elif self._rescan_budget < 0:
            error = RecordError("not_json", "it and what follows are too broken to be read on")
            buffer.drop_rest()
            self._depth = 0
        self._add(error, position=position, offset=offset, raw=begun[:_EXCERPT])
        return Broken(begun)

    def _following(self, fault: SyntaxFaultError) -> re.Pattern[bytes]:
        """Return what matches up to and with the first byte of the record after one that is broken like this.

        That is the next line, or in this one a brace after a closed one or a comma; but where records begin lines, what
        stands in this one is part of it. Before any record was read, and where the fault is not in the first line, only
        a line that opens an object or array is the next: a record may be spread over lines, and prose is no record.
        """
        data, begin = self._buffer.data, self._buffer.at
        if fault.error.reason == "record_too_large" and (indent := _INDENT.search(data[max(begin - 66, 0) : begin])):
            return re.compile(_SEAM_IN_LINE + rb"|[\r\n]" + indent[1] + rb"[{\[]")
        one_line = data.find(b"\n", begin, fault.at) < 0 and data.find(b"\r", begin, fault.at) < 0
        if not (self.records and one_line):
            return _NEXT_OPEN
        return _NEXT_LINE if not self._depth and _INDENT.search(data[max(begin - 66, 0) : begin]) else _NEXT

    def _too_large(self) -> RecordError:
        return RecordError("record_too_large", f"a record may have at most {self._limits.record} bytes")


def _end(pattern: re.Pattern[bytes], buffer: ByteBuffer) -> int:
    """Return where a pattern that matches anything, also nothing, ends."""
    found = pattern.match(buffer.data, buffer.at)
    return found.end() if found else buffer.at


def _search(pattern: re.Pattern[bytes], buffer: ByteBuffer) -> re.Match[bytes] | None:
    """Return the first match; where there can be none, a byte search sees that much faster."""
    if pattern not in (_NEXT, _NEXT_LINE) and b"{" not in buffer.data and b"[" not in buffer.data:
        return None
    return pattern.search(buffer.data, buffer.at)


def _last_seam(data: bytes, begin: int, end: int) -> int:
    """Return where the last object in a stretch ends that another one follows, in another line if any does, or 0."""
    seams = list(_SEAM.finditer(data, begin, end))
    lines = [seam for seam in seams if b"\n" in seam[0]]
    return (lines or seams)[-1].start() + 1 if seams else 0


def _too_deep(limits: Limits) -> RecordError:
    return RecordError("not_json", f"it is nested more than {limits.nesting} deep")


def _is_text(begun: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(begun)
    except UnicodeDecodeError:
        return False
    return True
