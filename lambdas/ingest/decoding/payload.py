"""One object's bytes in, batches of readings and rejects out, in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from lambdas.ingest.decoding import senml
from lambdas.ingest.decoding.byte_buffer import ByteBuffer
from lambdas.ingest.decoding.gzip import Unpacker
from lambdas.ingest.decoding.limits import DEFAULT, Limits
from lambdas.ingest.decoding.native import NativeReader
from lambdas.ingest.decoding.numbers import described
from lambdas.ingest.decoding.reading import Batch, Form, Reading, RecordError, Reject
from lambdas.ingest.decoding.splitter import Broken, Splitter

# A stretch that is not good as a whole is tried again in so many parts, since most of it may be.
_PARTS = 8


class Payload:
    """Iterates once over the content of an object.

    `now` is when the object was uploaded: what is relative, or too far ahead, is so on every delivery. During and after
    the iteration `form`, `packed` and `stored_bytes` say what was found. Whatever the bytes are, the iteration ends;
    only what `chunks` itself raises is raised.
    """

    def __init__(self, chunks: Iterable[bytes], *, now: datetime, limits: Limits = DEFAULT) -> None:
        self._unpacker = Unpacker(chunks, limits=limits)
        self._splitter = Splitter(ByteBuffer(iter(self._unpacker)), limits=limits)
        self._native = NativeReader(now=now, limits=limits)
        self._senml = senml.SenmlReader(now=now)
        self._limits = limits
        self._in_parts_to = 0
        self._bad_records = 0
        self._bad_values = 0

    @property
    def form(self) -> Form:
        """Return what the content looked like, for people."""
        if self._senml.records:
            return "senml"
        if self._splitter.has_arrays:
            return "array"
        if self._splitter.records > 1:
            return "ndjson"
        return "object" if self._splitter.records else "empty"

    @property
    def packed(self) -> bool:
        """Return whether the object is gzip."""
        return self._unpacker.packed

    @property
    def stored_bytes(self) -> int:
        """Return how many bytes of the object were taken."""
        return self._unpacker.stored

    def __iter__(self) -> Iterator[Batch]:
        try:
            while self._splitter.advance():
                yield self._batch()
                if self._room() <= 0 and self._splitter.advance():
                    self._splitter.reject_rest(self._too_many())
                    break
            if self.form == "empty" and not self._splitter.rejects:
                raise RecordError("not_json", "the object is empty")
            if rejects := self._taken_rejects():
                yield Batch(rejects=rejects)
        except RecordError as error:
            whole = Reject(position="object", offset=0, reason=error.reason, detail=error.detail, excerpt=b"")
            yield Batch(rejects=[whole])

    def _batch(self) -> Batch:
        """Read about a block: stretches of native readings at once where they are good, else record by record."""
        splitter, readings = self._splitter, list[Reading]()
        stop = splitter.offset + self._limits.block
        while splitter.offset < stop and self._room() > 0 and splitter.advance():
            size = self._limits.record
            in_parts = splitter.offset < self._in_parts_to
            block = splitter.block(size // _PARTS if in_parts else size)
            found = self._native.block(block) if block else None
            if found is not None and len(found) <= self._room():
                splitter.take(block, records=len(found))
                readings += found
            elif not in_parts:
                self._in_parts_to = splitter.offset + size
            else:
                self._one_by_one(size // _PARTS, readings)
        return Batch(readings=readings, rejects=self._taken_rejects())

    def _one_by_one(self, size: int, readings: list[Reading]) -> None:
        splitter = self._splitter
        problems: list[RecordError] = []
        for value in splitter.values(size, most=self._room()):
            if isinstance(value, Broken):
                self._senml.broken(value.begun, array=splitter.array)
                continue
            try:
                reading = self._read(value, problems)
                if reading is not None:
                    readings.append(reading)
            except RecordError as error:
                problems.append(error)
            if problems:
                for problem in problems:
                    splitter.reject(problem)
                problems.clear()

    def _read(self, record: object, problems: list[RecordError]) -> Reading | None:
        """Return what a record says; each says by itself what it is. Raises RecordError."""
        if not isinstance(record, dict):
            raise RecordError("not_a_reading", f"it is {described(record)}, not an object")
        if "metrics" in record:
            return self._native.record(record, problems)
        # Where mappings.json is asked: after the native form, and before those that are known by single members alone.
        if not record or "device_id" in record:
            return self._native.record(record, problems)
        if senml.is_record(record):
            return self._senml.record(record, problems, array=self._splitter.array)
        members = ", ".join(f"{name[:32]!a}" for name in list(record)[:5])
        raise RecordError(
            "not_a_reading",
            f"it is an object with the members {members}, and device_id is none of them: describe it in mappings.json",
        )

    def _room(self) -> int:
        """Return how many more records will be read."""
        limits = self._limits
        bad = sum(reject.member is None for reject in self._splitter.rejects)
        return min(
            limits.records - self._splitter.records,
            limits.rejects - self._bad_records - bad,
            limits.values - self._bad_values - (len(self._splitter.rejects) - bad),
        )

    def _taken_rejects(self) -> list[Reject]:
        rejects, self._splitter.rejects = self._splitter.rejects, []
        bad = sum(reject.member is None for reject in rejects)
        self._bad_records += bad
        self._bad_values += len(rejects) - bad
        return rejects

    def _too_many(self) -> RecordError:
        limits = self._limits
        return RecordError(
            "too_many_records",
            f"an object may have {limits.records} records, {limits.rejects} of them bad, "
            f"and {limits.values} bad values; what follows was not read",
        )
