"""One object's bytes in, batches of readings and rejects out, in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from lambdas.ingest.decoding import senml
from lambdas.ingest.decoding.content.byte_buffer import ByteBuffer
from lambdas.ingest.decoding.content.gzip import Unpacker
from lambdas.ingest.decoding.content.splitter import Broken, Splitter
from lambdas.ingest.decoding.csv.rows import Rows, recognised
from lambdas.ingest.decoding.limits import DEFAULT, Limits
from lambdas.ingest.decoding.mapping.mappings import Mappings
from lambdas.ingest.decoding.mapping.reader import MappingReader
from lambdas.ingest.decoding.native import NativeReader
from lambdas.ingest.decoding.reading import Batch, Form, Problem, Reading, RecordError, Rejects
from lambdas.ingest.decoding.values.numbers import described

# A stretch that is not good as a whole is tried again in so many parts, since most of it may be.
_PARTS = 8


class Payload:
    """Iterates once over the content of an object.

    `now` is when the object was uploaded: what is relative, or too far ahead, is so on every delivery. Mappings may ask
    for its `key`; they are those of mappings.json unless others are given. During and after the iteration `form`,
    `packed` and `stored_bytes` say what was found. Whatever the bytes are, the iteration ends; only what `chunks`
    itself raises is raised.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        now: datetime,
        key: str = "",
        mappings: Mappings | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        self._unpacker = Unpacker(chunks, limits=limits)
        self._buffer = ByteBuffer(iter(self._unpacker))
        self._rejects = Rejects()
        self._splitter = Splitter(self._buffer, self._rejects, limits=limits)
        self._source: Splitter | Rows = self._splitter
        self._native = NativeReader(now=now, limits=limits)
        self._senml = senml.SenmlReader(now=now)
        self._mapping = MappingReader(self._native, key=key, mappings=mappings, now=now, limits=limits)
        self._limits = limits
        self._in_parts_to = 0
        # Mappings may make several readings of a record; these are all but the first of each.
        self._extra_readings = 0

    @property
    def form(self) -> Form:
        """Return what the content looked like, for people."""
        if isinstance(self._source, Rows):
            return "csv"
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
            self._look_for_header()
            while self._source.advance():
                yield self._batch()
                if self._room() <= 0 and self._source.advance():
                    self._source.reject_rest(self._too_many())
                    break
            if self.form == "empty" and not self._rejects.records:
                raise RecordError("not_json", "the object is empty")
        except RecordError as error:
            self._rejects.add(error.problem, position="object", offset=0, excerpt=b"")
        if rejects := self._rejects.take():
            yield Batch(rejects=rejects)

    def _look_for_header(self) -> None:
        found = recognised(self._buffer, self._rejects, native=self._native, limits=self._limits)
        if isinstance(found, Rows):
            self._source = found
        elif found is not None and self._splitter.advance():
            self._splitter.skip(found)

    def _batch(self) -> Batch:
        """Read about a block: stretches of native readings at once where they are good, else record by record."""
        if isinstance(self._source, Rows):
            return Batch(readings=self._source.readings(most=self._room()), rejects=self._rejects.take())
        splitter, readings = self._splitter, list[Reading]()
        stop = splitter.offset + self._limits.block
        while splitter.offset < stop and self._room() > 0 and splitter.advance():
            size = self._limits.record
            in_parts = splitter.offset < self._in_parts_to
            block = splitter.block(size // _PARTS if in_parts else size)
            found = (self._native.block(block) or self._mapping.block(block)) if block else None
            if found is not None and len(found) <= self._room():
                splitter.take(block, records=len(found))
                readings += found
            elif not in_parts:
                self._in_parts_to = splitter.offset + size
            else:
                self._one_by_one(size // _PARTS, readings)
        return Batch(readings=readings, rejects=self._rejects.take())

    def _one_by_one(self, size: int, readings: list[Reading]) -> None:
        splitter = self._splitter
        problems: list[Problem] = []
        for value in splitter.values(size, most=self._room()):
            try:
                if isinstance(value, dict):
                    self._read(value, readings, problems)
                elif isinstance(value, Broken):
                    self._senml.broken(value.begun, array=splitter.array)
                else:
                    raise RecordError("not_a_reading", f"it is {described(value)}, not an object")
            except RecordError as error:
                problems.append(error.problem)
            if problems:
                for problem in problems:
                    splitter.reject(problem)
                problems.clear()

    def _read(self, record: dict[str, object], readings: list[Reading], problems: list[Problem]) -> None:
        """Add what a record says to `readings`; each says by itself what it is. Raises RecordError."""
        if (mapped := self._mapping.readings(record, problems, size=self._splitter.size)) is not None:
            self._extra_readings += max(len(mapped) - 1, 0)
            readings += mapped
            return
        if not record or "device_id" in record or "metrics" in record:
            readings.append(self._native.record(record, problems))
            return
        if senml.is_record(record):
            if (reading := self._senml.record(record, problems, array=self._splitter.array)) is not None:
                readings.append(reading)
            return
        members = ", ".join(f"{name[:32]!a}" for name in list(record)[:5])
        raise RecordError(
            "not_a_reading",
            f"it is an object with the members {members}, and device_id is none of them: describe it in mappings.json",
        )

    def _room(self) -> int:
        """Return how many more records will be read."""
        limits, rejects = self._limits, self._rejects
        return min(
            limits.records - self._source.records - self._extra_readings,
            limits.rejects - rejects.records,
            limits.values - rejects.values,
        )

    def _too_many(self) -> Problem:
        limits = self._limits
        return Problem(
            "too_many_records",
            f"an object may have {limits.records} records, {limits.rejects} of them bad, "
            f"and {limits.values} bad values; what follows was not read",
        )
