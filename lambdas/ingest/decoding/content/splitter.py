"""Content in, JSON values out, one by one or as a stretch of many: where one record ends and the next begins.

The one grammar: records apart by any mix of white space, commas, record separators (RFC 7464) and byte order marks, or
by nothing, at the top or inside arrays. So brackets separate too; all that they add is which records make one array.
A syntax error costs the record it stands in: reading goes on where the next one can only begin.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

from lambdas.ingest.decoding.content import strict_json
from lambdas.ingest.decoding.content.byte_buffer import ByteBuffer
from lambdas.ingest.decoding.limits import KIB, MIB, Limits
from lambdas.ingest.decoding.reading import Problem, RecordError, Rejects

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
    """Stands for a record that is not JSON; `begun` is how it begins."""

    def __init__(self, begun: bytes) -> None:
        self.begun = begun


class Splitter:
    """Yields the values of `buffer` in order; what is not JSON is added to `rejects`.

    `array` numbers the stretch between two brackets that the last value stands in, 0 at the top.
    """

    def __init__(self, buffer: ByteBuffer, rejects: Rejects, *, limits: Limits) -> None:
        self._buffer = buffer
        self._rejects = rejects
        self._limits = limits
        self._wanted = limits.record + _SLACK
        self._rescan_budget = _RESCAN_BUDGET
        self._depth = 0
        self._brackets = 0
        self._index = 0
        self._begin = 0
        self._too_deep = False
        self._inspected, self._text = b"", ""
        self._scan = strict_json.scan
        self._plain = False
        self.records = 0

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

    @property
    def size(self) -> int:
        """Return how many bytes the last value has."""
        return self._buffer.at - self._begin

    def advance(self) -> bool:
        """Use up what separates records; return whether one begins here."""
        buffer, wanted = self._buffer, self._wanted
        if buffer.data[buffer.at : buffer.at + 2] == b",{" and len(buffer.data) - buffer.at > wanted:
            # What most often separates records in an array, without the search for all else.
            buffer.at += 1
            self._begin = buffer.at
            return True
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
            self._reject_here(Problem("not_json", "an array does not end; was the upload cut short?"))
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
        """Yield the values that begin within `size` bytes, at most so many, and Broken for what is not JSON."""
        stop = self._buffer.offset + size
        buffer = self._buffer
        while most and buffer.dropped + buffer.at < stop and self.advance():
            yield self._value()
            self._index += 1
            self.records += 1
            most -= 1

    def skip(self, problem: Problem) -> None:
        """Reject what begins here, and go on where a record can only begin."""
        self._broken(problem, at=self._buffer.at)
        self.records += 1

    def reject(self, problem: Problem) -> None:
        """Add a reject for the last value."""
        self._add(problem, end=self._buffer.at)

    def reject_rest(self, problem: Problem) -> None:
        """Add a reject for all that follows."""
        self._reject_here(problem, size=_EXCERPT)

    def _reject_here(self, problem: Problem, *, size: int = 0) -> None:
        self._begin = self._buffer.at
        self._add(problem, end=self._begin + size)

    def _add(self, problem: Problem, *, end: int) -> None:
        begin, buffer = self._begin, self._buffer
        excerpt = buffer.data[begin : min(end, begin + _EXCERPT)]
        self._rejects.add(problem, position=self._position(), offset=buffer.dropped + begin, excerpt=excerpt)

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
            self._reject_here(Problem("not_json", "a ] closes no array"), size=1)
        self._depth = max(self._depth - closed, 0) + left.count(b"[")
        self._index = 0
        self._brackets += len(run)
        buffer.at = end

    def _value(self) -> object:
        """Use up the value that begins here, and return it or Broken."""
        buffer, begin, data = self._buffer, self._begin, self._buffer.data
        if self._inspected is not data:
            self._inspect(data)
        try:
            value, end = self._scan(self._text, begin)
        except json.JSONDecodeError as error:
            return self._broken(self._syntax_error(error), at=error.pos)
        except RecursionError:
            return self._broken(_too_deep(self._limits), at=begin + self._limits.record)
        if type(value) is not dict:
            if end == len(data) and not buffer.ended:
                return self._broken(self._too_large(), at=end)
            if end < len(data) and data[end] not in _ENDS:
                return self._broken(Problem("not_json", f"Extra data (byte {end - begin})"), at=end)
        buffer.at = end
        limits = self._limits
        if (
            self._plain
            and end - begin <= limits.record
            and data.count(b"{", begin, end) + data.count(b"[", begin, end) <= limits.nesting
        ):
            return value
        return self._checked(value, data[begin:end])

    def _checked(self, value: object, raw: bytes) -> object:
        """Return the value of a record that may break a limit or the encoding, or Broken."""
        if len(raw) > self._limits.record:
            return self._refused(self._too_large(), raw)
        if strict_json.is_deeper(value, self._limits.nesting):
            return self._refused(_too_deep(self._limits), raw)
        try:
            value, _ = self._scan(strict_json.text_of(raw), 0)
            strict_json.check_surrogates(value, raw)
        except RecordError as error:
            return self._refused(error.problem, raw)
        return value

    def _inspect(self, data: bytes) -> None:
        """Learn what is unusual about a whole stretch, so that nothing need be asked of each value."""
        self._inspected, self._text = data, data.decode("latin-1")
        self._scan = strict_json.scan_unusual_numbers if strict_json.has_unusual_numbers(data) else strict_json.scan
        self._plain = data.isascii() and not strict_json.may_have_surrogates(data)

    def _syntax_error(self, error: json.JSONDecodeError) -> Problem:
        if strict_json.is_cut_off(error) and not self._buffer.ended:
            return self._too_large()
        return Problem("not_json", f"{error.msg} (byte {error.pos - self._begin})")

    def _refused(self, problem: Problem, raw: bytes) -> Broken:
        self.reject(problem)
        return Broken(raw[:_BEGUN])

    def _broken(self, problem: Problem, *, at: int) -> Broken:
        """Go on where the record after the broken one can only begin; `at` is how far it was looked at."""
        buffer = self._buffer
        position, offset, begun = self._position(), buffer.offset, buffer.data[buffer.at : buffer.at + _BEGUN]
        seen = buffer.dropped + at
        following = self._following(problem, at=at)
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
            problem = Problem("bad_encoding", "it is not UTF-8 text")
        elif self._rescan_budget < 0:
            problem = Problem("not_json", "it and what follows are too broken to be read on")
            buffer.drop_rest()
            self._depth = 0
        self._rejects.add(problem, position=position, offset=offset, excerpt=begun[:_EXCERPT])
        return Broken(begun)

    def _following(self, problem: Problem, *, at: int) -> re.Pattern[bytes]:
        """Return what matches up to and with the first byte of the record after one that is broken like this.

        That is the next line, or in this one a brace after a closed one or a comma; but where records begin lines, what
        stands in this one is part of it. Before any record was read, and where the fault is not in the first line, only
        a line that opens an object or array is the next: a record may be spread over lines, and prose is not one.
        """
        data, begin = self._buffer.data, self._buffer.at
        if problem.reason == "record_too_large" and (indent := _INDENT.search(data[max(begin - 66, 0) : begin])):
            return re.compile(rb"[\r\n]" + indent[1] + rb"[{\[]")
        one_line = data.find(b"\n", begin, at) < 0 and data.find(b"\r", begin, at) < 0
        if not (self.records and one_line):
            return _NEXT_OPEN
        return _NEXT_LINE if not self._depth and _INDENT.search(data[max(begin - 66, 0) : begin]) else _NEXT

    def _too_large(self) -> Problem:
        return Problem("record_too_large", f"a record may have at most {self._limits.record} bytes")


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


def _too_deep(limits: Limits) -> Problem:
    return Problem("not_json", f"it is nested more than {limits.nesting} deep")


def _is_text(begun: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(begun)
    except UnicodeDecodeError:
        return False
    return True
