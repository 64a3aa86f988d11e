"""The stretch of content that is in memory: filled from a stream of bytes, used up from the front. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lambdas.ingest.decoding.reading import RecordError

_BLANK = re.compile(rb"[ \t\r\n]*")
_BLANK_IN_LINE = re.compile(rb"[ \t\r]*")


class Window:
    """Unused content is `data[at:]`, and `dropped` bytes came before `data`.

    A stream that fails ends the content there; `failure` then says why.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.dropped = 0
        self._lines = 0
        self._lines_to = 0
        self._text: str | None = None
        self._text_from = 0
        self.data = b""
        self.at = 0
        self.ended = False
        self.failure: RecordError | None = None

    @property
    def offset(self) -> int:
        """Return how many bytes of content came before `at`."""
        return self.dropped + self.at

    @property
    def line(self) -> int:
        """Return the 1-based line that `at` is on."""
        self._lines += self.data.count(b"\n", self._lines_to, self.at)
        self._lines_to = self.at
        return self._lines + 1

    def text(self, *, afresh: bool = False) -> tuple[str, int]:
        """Return data as text, one character a byte, and which character is at `at`.

        It is good for finding where JSON values end, for nothing else. `afresh` lets go of what is before `at`: what
        reports an error in it looks at all of that.
        """
        if self._text is None or afresh:
            self._text, self._text_from = self.data[self.at :].decode("latin-1"), self.at
        return self._text, self.at - self._text_from

    def fill(self, wanted: int) -> None:
        """Hold at least `wanted` unused bytes, or all there are."""
        if self.ended or len(self.data) - self.at >= wanted:
            return
        self._lines += self.data.count(b"\n", self._lines_to, self.at)
        self.dropped += self.at
        pieces = [self.data[self.at :]]
        size = len(pieces[0])
        while size < wanted and not self.ended:
            try:
                piece = next(self._chunks, None)
            except RecordError as error:
                self.failure, piece = error, None
            if piece is None:
                self.ended = True
            else:
                pieces.append(piece)
                size += len(piece)
        self.data, self.at, self._lines_to, self._text = b"".join(pieces), 0, 0, None

    def skip_blank(self, *, in_line: bool = False) -> bytes:
        """Use up white space (RFC 8259 section 2), without line ends if `in_line`; return the byte after, or b""."""
        while True:
            found = (_BLANK_IN_LINE if in_line else _BLANK).match(self.data, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.data) or self.ended:
                return self.data[self.at : self.at + 1]
            self.fill(1)
