"""Content in, the records of one JSON array out: its elements. Pure."""

from __future__ import annotations

import re

from lambdas.ingest.decoding.byte_buffer import Window
from lambdas.ingest.decoding.limits import KIB, Limits
from lambdas.ingest.decoding.reading import RecordError, Reject
from lambdas.ingest.decoding.splitter import EXCERPT, Record, ScanError, Splitter

# Where the last seam of a stretch is looked for; readings are shorter.
_SEAM_WITHIN = 8 * KIB


class Array(Splitter):
    """The elements of one JSON array, whose opening bracket has been used up.

    A comma before `{` is never inside a reading, so that is where blocks are cut and where the next record begins
    after a broken one. (It can be inside a member that readings do not have; then the guess is wrong and costs time.)
    """

    counted_in = "index"
    _resume_cut = re.compile(rb",[ \t\r\n]*\Z")
    _next_brace = re.compile(rb",[ \t\r\n]*\{")
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

    def _resume(self, fault: ScanError) -> re.Pattern[bytes]:
        return self._next_brace

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
            error = ScanError("not_json", "there is more after the end of the array", seen=self._window.offset)
            return self._resumed(extra, error)
        if closed or self._window.failure:
            return None
        return self.reject(self._here(), RecordError("not_json", "the array does not end; was the upload cut short?"))

    def _here(self) -> Record:
        begun = self._window.data[self._window.at : self._window.at + EXCERPT]
        return Record(number=self._index, offset=self._window.offset, raw=begun)
