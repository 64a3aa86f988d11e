"""CSV with a header (RFC 4180): lines in, readings out; many rows at once by the native reader, or one with reasons.

Cells are apart by commas, semicolons or tabs; where they are not by commas, a comma in a number is its decimal point.
A row is one line: a line break inside quotes ends it. What the header does not name costs its column alone, once.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, chain, compress
from operator import itemgetter

import msgspec

from lambdas.ingest.decoding.content import strict_json
from lambdas.ingest.decoding.content.byte_buffer import ByteBuffer
from lambdas.ingest.decoding.csv.header import Columns, cells_of, columns_of
from lambdas.ingest.decoding.limits import KIB, MAX_METRICS, Limits
from lambdas.ingest.decoding.native import NativeReader
from lambdas.ingest.decoding.reading import Problem, Reading, RecordError, Rejects
from lambdas.ingest.decoding.values import timestamps

_BOM = "\ufeff"
_EXCERPT = 1 * KIB
_SLACK = 1 * KIB
# Of a time since 1970 in digits.
_LONGEST = 20

_BLANK = re.compile(rb"(?:\xef\xbb\xbf|[ \t]*+[\r\n])*+")
_ENDS = re.compile(rb"[\r\n]*+")
_END = re.compile(rb"[\r\n]")
_NO_JSON = re.compile(rb"(?![ \t]*+[{\[\x1e])[^\r\n]++")
# What could end a string or a number of JSON, or mean another character there.
_SPECIAL = bytes(set(range(32)) - set(b"\t\r\n")) + b"\\{}[]\x7f"


def recognised(buffer: ByteBuffer, rejects: Rejects, *, native: NativeReader, limits: Limits) -> Rows | Problem | None:
    """Return the rows behind the header that begins the content, what is wrong with it, or None if this is not CSV."""
    buffer.fill(limits.record + _SLACK)
    before = _BLANK.match(buffer.data, buffer.at)
    found = _NO_JSON.match(buffer.data, before.end() if before else 0)
    if found is None or len(found[0]) > limits.record:
        return None
    try:
        columns = columns_of(found[0].decode())
    except UnicodeDecodeError:
        return None
    if isinstance(columns, Columns):
        rows = Rows(buffer, columns, rejects, native=native, limits=limits)
        rows.take_header(found.start(), found[0])
        return rows
    return columns


class Rows:
    """Reads the rows of `buffer`; what is bad in them is added to `rejects`."""

    def __init__(
        self, buffer: ByteBuffer, columns: Columns, rejects: Rejects, *, native: NativeReader, limits: Limits
    ) -> None:
        self._buffer = buffer
        self._columns = columns
        self._rejects = rejects
        self._native = native
        self._limits = limits
        self._picked = itemgetter(columns.device, columns.timestamp, *columns.metrics)
        self._usual = _usual_row(columns)
        # Whether a stretch had unusual rows, so that the next ones are not tried as a whole.
        self._has_unusual = False
        self.records = 0

    def take_header(self, at: int, line: bytes) -> None:
        """Use up the header; a column that it misnames is a reject."""
        for problem in self._columns.problems:
            self._reject(problem, at=at, line=line)
        self._buffer.at = at + len(line)

    def advance(self) -> bool:
        """Use up ends of lines; return whether a row begins here."""
        buffer = self._buffer
        while True:
            buffer.fill(self._limits.record + _SLACK)
            found = _ENDS.match(buffer.data, buffer.at)
            buffer.at = found.end() if found else buffer.at
            if buffer.at < len(buffer.data) or buffer.ended:
                return buffer.at < len(buffer.data)

    def readings(self, *, most: int) -> list[Reading]:
        """Read the lines of a stretch, at most so many."""
        block = self._block()
        if not block:
            self._skip_line()
            return []
        lines = block.splitlines(keepends=True)
        if len(lines) > most:
            lines = lines[:most]
            block = b"".join(lines)
        found = None if self._has_unusual else self._at_once(block)
        if found is None:
            self._has_unusual = True
            found = self._one_by_one(lines)
        else:
            self.records += len(found)
        self._buffer.at += len(block)
        return found

    def reject_rest(self, problem: Problem) -> None:
        """Add a reject for all that follows."""
        buffer = self._buffer
        self._reject(problem, at=buffer.at, line=buffer.data[buffer.at : buffer.at + _EXCERPT])

    def _block(self) -> bytes:
        """Return whole lines that begin here, as much as a record may have; none where the first line has more."""
        data, begin = self._buffer.data, self._buffer.at
        end = begin + self._limits.record
        if self._buffer.ended and len(data) <= end:
            return data[begin:]
        cut = data.rfind(b"\n", begin, end) + 1
        if not cut:
            cut = data.rfind(b"\r", begin, end) + 1
            cut += data[cut : cut + 1] == b"\n" if cut else 0
        return data[begin:cut]

    def _skip_line(self) -> None:
        buffer, limit = self._buffer, self._limits.record
        self.records += 1
        problem = Problem("record_too_large", f"a row may have at most {limit} bytes")
        self._reject(problem, at=buffer.at, line=buffer.data[buffer.at : buffer.at + _EXCERPT])
        while not (found := _END.search(buffer.data, buffer.at)) and not buffer.ended:
            buffer.at = len(buffer.data)
            buffer.fill(self._limits.block)
        buffer.at = found.start() if found else len(buffer.data)

    def _at_once(self, block: bytes) -> list[Reading] | None:
        """Return the readings of rows in which nothing is unusual, made by way of the native form; else None."""
        if (
            len(self._columns.metrics) > MAX_METRICS
            or not block.isascii()
            or len(block.translate(None, _SPECIAL)) < len(block)
        ):
            return None
        lines, columns = block.decode().splitlines(), self._columns
        try:
            if b'"' not in block:
                rows = [line.split(columns.delimiter) for line in lines if line]
            else:
                rows = list(csv.reader(lines, delimiter=columns.delimiter, strict=True))
                if len(rows) != len(lines) or any('"' in cell for cell in chain.from_iterable(rows)):
                    return None
            if not rows or max(map(len, rows)) > columns.width:
                return None
            picked = [self._picked(row) for row in rows]
            if picked[0][1].isdecimal():
                picked = [(row[0], _from_epoch(row[1]), *row[2:]) for row in picked]
        except (csv.Error, IndexError, RecordError):
            return None
        if columns.delimiter != "," and b"," in block:
            picked = [(*row[:2], *[cell.replace(",", ".") for cell in row[2:]]) for row in picked]
        whole = self._template(columns.metrics.values())
        records = [whole % tuple(row) if all(row) else self._without_empty_cells(*row) for row in picked]
        return self._native.block("\n".join(records).encode())

    def _template(self, metrics: Iterable[str]) -> str:
        """Return the native form of a row that has these metrics, with %s for each of its cells."""
        numbers = ",".join([f'"{metric}":%s' for metric in metrics])
        units = self._columns.units_of(metrics)
        units_text = f',"units":{msgspec.json.encode(units).decode()}'.replace("%", "%%") if units else ""
        return f'{{"device_id":"%s","timestamp":"%s","metrics":{{{numbers}}}{units_text}}}'

    def _without_empty_cells(self, device: str, timestamp: str, *cells: str) -> str:
        metrics = [metric for metric, cell in zip(self._columns.metrics.values(), cells, strict=True) if cell]
        return self._template(metrics) % (device, timestamp, *filter(None, cells))

    def _one_by_one(self, lines: list[bytes]) -> list[Reading]:
        """Read lines some of which are unusual; the usual ones still at once, if nothing else is wrong with them."""
        is_usual = [self._usual.fullmatch(line) is not None for line in lines]
        at_once = iter(self._at_once(b"".join(compress(lines, is_usual))) or ())
        readings: list[Reading] = []
        problems: list[Problem] = []
        starts = accumulate(map(len, lines), initial=self._buffer.at)
        for line, at, usual in zip(lines, starts, is_usual, strict=False):
            if line.isspace():
                continue
            self.records += 1
            if usual and (reading := next(at_once, None)) is not None:
                readings.append(reading)
                continue
            try:
                readings += self._reading(line, problems)
            except RecordError as error:
                problems.append(error.problem)
            for problem in problems:
                self._reject(problem, at=at, line=line)
            problems.clear()
        return readings

    def _reading(self, line: bytes, problems: list[Problem]) -> list[Reading]:
        """Return the reading of a row, or none if it is the header once more. Raises RecordError."""
        columns = self._columns
        text = strict_json.text_of(line).rstrip("\r\n").removeprefix(_BOM)
        if text == columns.line:
            return []
        cells = [cell.strip() for cell in cells_of(text, columns.delimiter)]
        if any(cells[columns.width :]):
            raise RecordError("not_a_reading", f"it has {len(cells)} cells, and the header {columns.width}")
        cells += [""] * (columns.width - len(cells))
        metrics = {name: cells[place] for place, name in columns.metrics.items() if cells[place]}
        if columns.delimiter != ",":
            metrics = {name: cell.replace(",", ".") for name, cell in metrics.items()}
        record: dict[str, object] = {
            "device_id": cells[columns.device] or None,
            "timestamp": cells[columns.timestamp] or None,
            "metrics": metrics,
            "units": columns.units_of(metrics),
        }
        return [self._native.record(record, problems)]

    def _reject(self, problem: Problem, *, at: int, line: bytes) -> None:
        position, excerpt = f"line {self._buffer.line(at)}", line[:_EXCERPT].rstrip(b"\r\n")
        self._rejects.add(problem, position=position, offset=self._buffer.dropped + at, excerpt=excerpt)


def _usual_row(columns: Columns) -> re.Pattern[bytes]:
    """Return what matches a line whose metrics are JSON's numbers or absent."""
    delimiter = columns.delimiter.encode()
    any_cell = rb'[^"\r\n%b]*+' % delimiter
    number = rb"(?:-?(?:0|[1-9]\d*+)(?:[.%b]\d++)?)?" % (b"" if delimiter == b"," else b",")
    cells = [number if place in columns.metrics else any_cell for place in range(columns.width)]
    return re.compile(delimiter.join(cells) + rb"[\r\n]*+")


@lru_cache(maxsize=10_000)
def _from_epoch(text: str) -> str:
    """Return the RFC 3339 text of a time since 1970. Raises RecordError."""
    return timestamps.texts([timestamps.parse(int(text) if text.isdecimal() and len(text) < _LONGEST else text)])[0]
