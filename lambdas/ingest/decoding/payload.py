"""One object's bytes in, batches of readings and rejects out, in order and in bounded memory. Pure; no AWS SDK import.

The form is decided from content alone: gzip or not by the first two bytes, then an array (of native readings or of
SenML records) or a sequence (one reading, or one a line) by the first byte that is not blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Protocol

from lambdas.ingest.decoding import senml, strict_json
from lambdas.ingest.decoding.arrays import Array
from lambdas.ingest.decoding.byte_buffer import Window
from lambdas.ingest.decoding.gzip import Unpacker
from lambdas.ingest.decoding.limits import DEFAULT, Limits
from lambdas.ingest.decoding.native import NativeReader
from lambdas.ingest.decoding.reading import Batch, Form, Reading, RecordError, Reject
from lambdas.ingest.decoding.sequences import Sequence
from lambdas.ingest.decoding.splitter import EXCERPT, Record, Splitter

_BOM = b"\xef\xbb\xbf"
_CAREFUL = 8
# Never inside an array: after one of its elements comes a comma. So this is a sequence whose first record is broken.
_LINES = re.compile(rb"\}[ \t\r]*\n[ \t\r\n]*\{")


class _Reader(Protocol):
    def block(self, block: bytes, *, lines: bool) -> tuple[list[Reading], int] | None: ...

    def record(self, raw: bytes) -> Reading | None: ...


class Payload:
    """Iterates once over the content of an object.

    `now` is when the object was uploaded: what is relative, or too far ahead, is so on every delivery. During and after
    the iteration `form`, `packed` and `stored_bytes` tell what was found. Whatever the bytes are, the iteration ends;
    only what `chunks` itself raises is raised.
    """

    def __init__(self, chunks: Iterable[bytes], *, now: datetime, limits: Limits = DEFAULT) -> None:
        self._unpacker = Unpacker(chunks, limits=limits)
        self._window = Window(iter(self._unpacker))
        self._now = now
        self._limits = limits
        self._reader: _Reader = NativeReader(now=now, limits=limits)
        self._settled = False
        self._base_missed = False
        self._records = 0
        self._rejected = 0
        self._careful_to = 0
        self.form: Form = "empty"

    @property
    def packed(self) -> bool:
        """Tell whether the object is gzip."""
        return self._unpacker.packed

    @property
    def stored_bytes(self) -> int:
        """Return how many bytes of the object were taken."""
        return self._unpacker.stored

    def __iter__(self) -> Iterator[Batch]:
        splitter = self._splitter()
        while splitter is not None and not splitter.done:
            if self._room() <= 0 and self._window.skip_blank() not in (b"", b"]"):
                yield Batch(rejects=[self._too_many(splitter)])
                return
            yield self._batch(splitter)
        if self._window.failure is not None:
            yield Batch(rejects=[self._whole(self._window.failure)])
        elif splitter is None:
            yield Batch(rejects=[self._whole(RecordError("not_json", "the object is empty"))])

    def _splitter(self) -> Splitter | None:
        window = self._window
        window.fill(self._limits.block)
        if window.data.startswith(_BOM):
            window.at = len(_BOM)
        first = window.skip_blank()
        if not first:
            return None
        if first == b"[" and not _LINES.search(window.data, window.at):
            window.at += 1
            self.form = "array"
            return Array(window, limits=self._limits)
        self.form = "object"
        return Sequence(window, limits=self._limits)

    def _batch(self, splitter: Splitter) -> Batch:
        size = self._limits.block if self._window.offset >= self._careful_to else self._limits.block // _CAREFUL
        block = splitter.block(size)
        fast = None if block is None else self._reader.block(block, lines=self.form in ("object", "ndjson"))
        if fast is not None and fast[1] <= self._room():
            batch = Batch(readings=fast[0])
            splitter.take(fast[1])
            self._records += fast[1]
            self._settled = True
        elif size == self._limits.block:
            # Most of it may be good: look for the bad part in smaller blocks.
            self._careful_to = self._window.offset + size
            return self._batch(splitter)
        else:
            batch = self._one_by_one(splitter, size)
        if self.form == "object" and self._records > 1:
            self.form = "ndjson"
        return batch

    def _room(self) -> int:
        """Return how many more records will be read."""
        return min(self._limits.records - self._records, self._limits.rejects - self._rejected)

    def _one_by_one(self, splitter: Splitter, size: int) -> Batch:
        readings: list[Reading] = []
        rejects: list[Reject] = []
        for found in islice(splitter.records(size), max(self._room(), 1)):
            self._records += 1
            if isinstance(found, Reject):
                self._missed(found.excerpt)
                rejects.append(found)
                continue
            try:
                self._settle(found)
                reading = self._reader.record(found.raw)
            except RecordError as error:
                if not self._settled:
                    self._missed(found.raw)
                rejects.append(splitter.reject(found, error))
            else:
                readings += [] if reading is None else [reading]
        self._rejected += len(rejects)
        return Batch(readings=readings, rejects=rejects)

    def _settle(self, record: Record) -> None:
        """Decide by the first record that shows it whether an array is a SenML pack. Raises RecordError."""
        if self._settled or self.form != "array":
            return
        value = strict_json.parse(record.raw, nesting=self._limits.nesting)
        if senml.is_record(value):
            self.form = "senml"
            self._reader = senml.SenmlReader(now=self._now, limits=self._limits, base_missed=self._base_missed)
        self._settled = isinstance(value, dict) and (self.form == "senml" or "device_id" in value)

    def _missed(self, begun: bytes) -> None:
        """Take note of a record of an array that could not be read: it may have held base fields of a pack."""
        if isinstance(self._reader, senml.SenmlReader):
            self._reader.missed(begun)
        else:
            self._base_missed = self._base_missed or senml.may_set_base(begun)

    def _too_many(self, splitter: Splitter) -> Reject:
        return Reject(
            position=f"{splitter.counted_in} {splitter.number}",
            offset=self._window.offset,
            reason="too_many_records",
            detail=f"an object may have {self._limits.records} records, {self._limits.rejects} of them bad; "
            "what follows was not read",
            excerpt=self._window.data[self._window.at : self._window.at + EXCERPT],
        )

    def _whole(self, error: RecordError) -> Reject:
        return Reject(
            position="object", offset=self._window.offset, reason=error.reason, detail=error.detail, excerpt=b""
        )
