"""Stored bytes in, content out. What begins with gzip's magic number is verified whole before any of it is given out.

RFC 1952: a file is one or more members, each with its own checksum and length (section 2.3.1); zero bytes may pad the
end. A damaged member unpacks to anything, also to readings that nobody sent, so nothing of such an object counts. It is
unpacked twice: the compressed bytes, which are bounded, stay in memory, and the content never does.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from lambdas.ingest.decoding.limits import KIB, MIB, Limits
from lambdas.ingest.decoding.reading import RecordError

_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
# Each member's end copies what is left of the input, and each costs a decompressor: small slices and a bound on members
# keep 64 MiB of empty members from taking a minute.
_SLICE = 16 * KIB
_MAX_MEMBERS = 100_000


class Unpacker:
    """Iterates over the content of an object; `packed` and `stored` (bytes taken so far) may be read afterwards.

    Raises RecordError: bad_gzip before anything is given out, object_too_large before that too if it is gzip.
    """

    def __init__(self, chunks: Iterable[bytes], *, limits: Limits) -> None:
        self._chunks = chunks
        self._limits = limits
        self.packed = False
        self.stored = 0

    def __iter__(self) -> Iterator[bytes]:
        head = b""
        stored = self._counted()
        while len(head) < len(_MAGIC) and (chunk := next(stored, None)) is not None:
            head += chunk
        self.packed = head.startswith(_MAGIC)
        if not self.packed:
            yield head
            yield from stored
            return
        packed = [head, *stored]
        self._verify(packed)
        yield from _inflate(packed, step=self._limits.block)

    def _counted(self) -> Iterator[bytes]:
        for chunk in _sliced(self._chunks, self._limits.block):
            self.stored += len(chunk)
            if self.stored > self._limits.stored:
                raise too_large(self._limits)
            yield chunk

    def _verify(self, packed: list[bytes]) -> None:
        head, size = b"", 0
        for piece in _inflate(packed, step=self._limits.block):
            head = head + piece if len(head) < len(_MAGIC) else head
            size += len(piece)
            if size > self._limits.unpacked:
                limit = _size(self._limits.unpacked)
                raise RecordError("object_too_large", f"the gzip unpacks to over {limit}; upload it in parts")
        if head.startswith(_MAGIC):
            raise RecordError("bad_gzip", "the gzip holds another gzip; pack the readings once")


def too_large(limits: Limits) -> RecordError:
    """Return the error for an object that is longer than it may be, as it is stored."""
    return RecordError("object_too_large", f"the object is over {_size(limits.stored)}; upload it in parts")


def _inflate(chunks: Iterable[bytes], *, step: int) -> Iterator[bytes]:
    """Unpack at most `step` bytes at a time, so that no chunk can ask for more memory than that."""
    member, members = zlib.decompressobj(_GZIP), 1
    for packed in _sliced(chunks, _SLICE):
        pending, more = packed, False
        while pending or more:
            if member.eof:
                pending = pending.lstrip(b"\0")
                if not pending:
                    break
                member, members = zlib.decompressobj(_GZIP), members + 1
                if members > _MAX_MEMBERS:
                    raise RecordError("bad_gzip", f"the gzip has over {_MAX_MEMBERS} members; pack the readings in one")
            try:
                piece = member.decompress(pending, step)
            except zlib.error as error:
                cause = str(error).rpartition(": ")[2]
                raise RecordError("bad_gzip", f"the gzip is damaged ({cause})") from None
            # zlib may have taken in all its input and still hold output back once `step` is reached.
            more = len(piece) == step and not member.eof
            pending = member.unused_data if member.eof else member.unconsumed_tail
            yield piece
    if not member.eof:
        raise RecordError("bad_gzip", "the gzip ends too early; was the upload cut short?")


def _sliced(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def _size(limit: int) -> str:
    return f"{limit // MIB} MiB" if limit >= MIB else f"{limit} bytes"
