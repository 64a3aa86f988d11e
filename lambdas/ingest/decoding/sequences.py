"""Content in, the records of a sequence of JSON values out: a single one, or one a line. Pure."""

from __future__ import annotations

import json
import re
from itertools import islice

from lambdas.ingest.decoding.byte_buffer import Window
from lambdas.ingest.decoding.limits import KIB, Limits
from lambdas.ingest.decoding.reading import Reject
from lambdas.ingest.decoding.splitter import Record, ScanError, Splitter, find_end

# How many lines that look like an object are read to learn whether there is one, and how much of a good block.
_LINES_TRIED = 16
_LOOKED_AT = 4 * KIB


class Sequence(Splitter):
    """JSON values one after the other: a single one, pretty-printed or not, or one a line.

    `}` line end `{` is never inside a valid value, so that is where blocks are cut. After a broken value the next line
    is the next record where some line nearby is one; else (pretty-printed, or no JSON at all) the next that begins with
    `{`, so that an object which nobody can read is one reject and not one a line. What is too large may be indented
    over many lines; the next record after it is not.
    """

    counted_in = "line"
    _resume_cut = re.compile(rb"\n[ \t\r]*\Z")
    _next_line = re.compile(rb"\n[ \t\r]*[^ \t\r\n]")
    _next_brace = re.compile(rb"\n[ \t\r]*\{")
    _next_at_margin = re.compile(rb"\n\{")
    _whole_line = re.compile(rb"^[ \t]*(\{.*\})[ \t\r]*$", re.MULTILINE)

    def __init__(self, window: Window, *, limits: Limits) -> None:
        super().__init__(window, limits=limits)
        self._at_margin = True
        self._looked_from = -1

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
        self._look_for_a_line(self._window.at, self._window.at + _LOOKED_AT)
        self._window.at = self._cut
        self.done = self._window.ended and self._cut == len(self._window.data)

    def _step(self) -> Record | Reject | None:
        self.done = not self._window.skip_blank()
        at = self._window.at
        self._at_margin = self._window.data[max(at - 1, 0) : at] in (b"", b"\n")
        return None if self.done else self._value()

    def _resume(self, fault: ScanError) -> re.Pattern[bytes]:
        if fault.error.reason == "record_too_large" and self._at_margin:
            return self._next_at_margin
        if self._looked_from != self._window.dropped:
            self._looked_from = self._window.dropped
            self._look_for_a_line(0, len(self._window.data))
        return self._next_line if self._resumes_anywhere else self._next_brace

    def _look_for_a_line(self, begin: int, end: int) -> None:
        """Learn, once and for all, whether records are lines."""
        content = self._window.data
        if not self._resumes_anywhere and content.find(b"}", begin, end) >= 0:
            lines = islice(self._whole_line.finditer(content, begin, end), _LINES_TRIED)
            self._resumes_anywhere = any(_is_json(line[1]) for line in lines)

    def _may_follow(self) -> bool:
        return self._window.skip_blank(in_line=True) in (b"", b"\n", b"{")


def _is_json(line: bytes) -> bool:
    try:
        return find_end(line.decode("latin-1"))[1] == len(line)
    except (json.JSONDecodeError, RecursionError):
        return False
