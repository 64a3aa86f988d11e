"""Stored bytes in, content out: gzip is known by its first two bytes, and unpacked no further than the limit. Pure.

RFC 1952: a file is one or more members, each with its own checksum; zero bytes may pad the end.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from lambdas.ingest.decoding.limits import KIB, MIB, Limits
from lambdas.ingest.decoding.reading import RecordError

_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
# Each member's end copies what is left of the input, and each costs a decompressor: small slices and a bound on members
# keep 64 MiB of empty members from taking a minute.
_SLICE = 16 * KIB
_MAX_MEMBERS = 100_000


class Unpacker:
    """Iterates over content; `packed` and `stored` (bytes taken so far) may be read afterwards.

    Raises RecordError (object_too_large, bad_gzip) where the content ends, after everything before that was given out.
    """

    def __init__(self, chunks: Iterable[bytes], *, limits: Limits) -> None:
        self._chunks = chunks
        self._limits = limits
        self.packed = False
        self.stored = 0

    def __iter__(self) -> Iterator[bytes]:
        chunks = _with_head(self._counted())
        head = next(chunks, b"")
        self.packed = head.startswith(_MAGIC)
        whole = chain([head], chunks)
        yield from self._unpacked(whole) if self.packed else whole

    def _counted(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.stored += len(chunk)
            if self.stored > self._limits.stored:
                raise too_large(self._limits)
            yield chunk

    def _unpacked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        given = 0
        for piece in _with_head(_inflate(chunks, step=self._limits.block)):
            if given == 0 and piece.startswith(_MAGIC):
                raise RecordError("bad_gzip", "the gzip holds another gzip; pack the readings once")
            yield piece[: self._limits.unpacked - given]
            given += len(piece)
            if given > self._limits.unpacked:
                raise RecordError(
                    "object_too_large", f"the gzip unpacks to over {_size(self._limits.unpacked)}; upload it in parts"
                )


def too_large(limits: Limits) -> RecordError:
    """Return the error for an object that is longer than it may be, as it is stored."""
    return RecordError("object_too_large", f"the object is over {_size(limits.stored)}; upload it in parts")


def _with_head(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Give out the same bytes, the first time as many as a magic number needs."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_MAGIC):
            break
    yield head
    yield from chunks


def _inflate(chunks: Iterator[bytes], *, step: int) -> Iterator[bytes]:
    """Unpack at most `step` bytes at a time, so that no chunk can ask for more memory than that."""
    member, members = zlib.decompressobj(_GZIP), 1
    for packed in _sliced(chunks):
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
                raise RecordError("bad_gzip", f"the gzip is damaged ({_cause(error)})") from None
            # zlib may have taken in all its input and still hold output back once `step` is reached.
            more = len(piece) == step and not member.eof
            pending = member.unused_data if member.eof else member.unconsumed_tail
            yield piece
    if not member.eof:
        raise RecordError("bad_gzip", "the gzip ends too early; was the upload cut short?")


def _sliced(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            yield chunk[start : start + _SLICE]


def _cause(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]


def _size(limit: int) -> str:
    return f"{limit // MIB} MiB" if limit >= MIB else f"{limit} bytes"
