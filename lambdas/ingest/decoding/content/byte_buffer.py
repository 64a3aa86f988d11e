"""The stretch of content that is in memory: filled from a stream of bytes, used up from the front."""

from __future__ import annotations

from collections.abc import Iterator


class ByteBuffer:
    """Unused content is `data[at:]`, and `dropped` bytes came before `data`; `ended` is set once nothing follows it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._lines = 0
        self._lines_to = 0
        self.dropped = 0
        self.data = b""
        self.at = 0
        self.ended = False

    @property
    def offset(self) -> int:
        """Return how many bytes of content came before `at`."""
        return self.dropped + self.at

    def line(self, at: int) -> int:
        """Return the 1-based line that `data[at]` is on; `at` never goes back. A lone carriage return ends a line."""
        data, begin = self.data, self._lines_to
        self._lines += data.count(b"\n", begin, at)
        if data.find(b"\r", begin, at) >= 0:
            self._lines += data.count(b"\r", begin, at) - data.count(b"\r\n", begin, at)
        self._lines_to = at
        return self._lines + 1

    def fill(self, wanted: int) -> None:
        """Hold at least `wanted` unused bytes, or all there are. Raises what the stream raises."""
        if self.ended or len(self.data) - self.at >= wanted:
            return
        self.line(self.at)
        self.dropped += self.at
        pieces = [self.data[self.at :]]
        size = len(pieces[0])
        while size < wanted and not self.ended:
            piece = next(self._chunks, None)
            self.ended = piece is None
            pieces.append(piece or b"")
            size += len(pieces[-1])
        self.data, self.at, self._lines_to = b"".join(pieces), 0, 0

    def drop_rest(self) -> None:
        """Use up all there is, without reading it."""
        self.at, self.ended = len(self.data), True
