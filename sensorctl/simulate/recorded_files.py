"""People's own CSV and JSON files as readings: columns mapped, times moved.

CSV has a header line; JSON is an array of objects or one object a line. Nested members are columns with dots between
(`metrics.temperature`). Either may be gzipped.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lambdas.ingest.decoding.reading import RecordError
from lambdas.ingest.decoding.values.identifiers import check_device_id, check_metric
from sensorctl.errors import UserError
from sensorctl.simulate.fleet import SentObject, SentReading, as_ndjson

Row = dict[str, Any]

# A native reading's own values need no mapping.
_NATIVE = "metrics."
# What is smaller is no time in seconds since 1970 (as in RFC 8428 section 4.5.3), what is greater is finer.
_LEAST_SECONDS, _MILLISECONDS, _MICROSECONDS = 2**28, 1e11, 1e14
_DECIMAL_COMMA = re.compile(r"\A\s*([+-]?\d+),(\d+)\s*\Z", re.ASCII)


class RowError(ValueError):
    """A row is not a valid reading; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column is what. No `metrics`: every other column that holds a number; `device`: the id of them all."""

    device_id: str = "device_id"
    timestamp: str = "timestamp"
    metrics: Mapping[str, str] = field(default_factory=dict)
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedReadings:
    """The readings in a file, in the order of time; how many rows were none, and what was wrong with the first."""

    readings: list[SentReading]
    skipped: int
    first_problem: str | None


def read(path: Path, columns: Columns) -> RecordedReadings:
    """Return the readings in a file. Raises UserError when it cannot be read or holds none."""
    readings: list[SentReading] = []
    skipped, problem = 0, None
    for number, row in enumerate(rows(path), 1):
        try:
            readings.append(_reading(row, columns))
        except RowError as error:
            skipped += 1
            problem = problem or f"record {number}: {error}"
    if not readings:
        raise UserError(f"{path} holds no reading{f'; {problem}' if problem else ''}")
    readings.sort(key=lambda reading: reading.timestamp)
    return RecordedReadings(readings=readings, skipped=skipped, first_problem=problem)


def rows(path: Path) -> Iterator[Row]:
    """Yield the records of a file, flattened. Raises UserError when it is neither CSV nor JSON."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if text.lstrip()[:1] in ("[", "{"):
        yield from (_flat(record) for record in _json(text, path))
    else:
        yield from _csv(text, path)


def moved(readings: Iterable[SentReading], *, newest: datetime) -> list[SentReading]:
    """Return readings that are in the order of time, moved so that the last of them was taken at `newest`."""
    held = list(readings)
    by = newest - held[-1].timestamp
    return [replace(reading, timestamp=reading.timestamp + by) for reading in held]


def objects_of(readings: Iterable[SentReading], *, per_object: int) -> list[SentObject]:
    """Return objects of one device and at most `per_object` readings each, ordered by their last reading's time."""
    held: dict[str, list[SentReading]] = {}
    objects: list[SentObject] = []
    for reading in readings:
        pack = held.setdefault(reading.device_id, [])
        pack.append(reading)
        if len(pack) == per_object:
            objects += as_ndjson(held.pop(reading.device_id), 0)
    for pack in held.values():
        objects += as_ndjson(pack, 0)
    objects.sort(key=lambda sent: sent.readings[-1].timestamp)
    # Two objects of one device may begin in the same second, and their keys must differ.
    return [replace(sent, key=f"{sent.key.removesuffix('.ndjson')}-{n}.ndjson") for n, sent in enumerate(objects, 1)]


def instant(value: object) -> datetime:
    """Return the time that a cell means, in UTC: ISO 8601 (without an offset: UTC), or seconds since 1970 or finer.

    Raises RowError.
    """
    number = _number(value)
    if number is not None:
        if number < _LEAST_SECONDS:
            raise RowError(f"the time {value!r:.40} is no time since 1970")
        unit = 1e6 if number >= _MICROSECONDS else 1e3 if number >= _MILLISECONDS else 1.0
        try:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / unit)
        except OverflowError:
            raise RowError(f"the time {value!r:.40} is after the year 9999") from None
    try:
        moment = datetime.fromisoformat(str(value).strip())
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise RowError(f"the time {value!r:.40} is neither ISO 8601 nor seconds since 1970") from None


def _reading(row: Row, columns: Columns) -> SentReading:
    if columns.timestamp not in row:
        raise RowError(f"it has no column {columns.timestamp!r}; name it with --column timestamp=...")
    device = columns.device if columns.device is not None else row.get(columns.device_id)
    if device is None:
        raise RowError(f"it has no column {columns.device_id!r}; name it with --column device_id=... or give --device")
    others = {name.removeprefix(_NATIVE): name for name in row if name not in (columns.device_id, columns.timestamp)}
    numbers = {name: _number(row.get(column)) for name, column in (columns.metrics or others).items()}
    metrics = {name: number for name, number in numbers.items() if number is not None}
    if not metrics:
        raise RowError("it has no number; name the columns with --metric name=column")
    try:
        checked = {check_metric(name): value for name, value in metrics.items()}
        device_id = check_device_id(str(device).strip())
    except RecordError as error:
        raise RowError(f"{error} (map a column to a name with --metric name=column)") from None
    return SentReading(device_id=device_id, timestamp=instant(row[columns.timestamp]), metrics=checked, units={})


def _number(value: object) -> float | None:
    """Return the finite number that a cell holds, integers as such; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value) if not isinstance(value, float) else value
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            return None
    return number if math.isfinite(number) else None


def _csv(text: str, path: Path) -> Iterator[Row]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t|", key=header.count)
    if not header.count(delimiter):
        raise UserError(f"{path} is neither JSON nor CSV: its first line names no columns")
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
        cells = {name.strip(): value for name, value in row.items() if name and value not in ("", None)}
        # Where commas are decimal, they cannot also part the columns.
        yield (
            {name: _DECIMAL_COMMA.sub(r"\1.\2", value) for name, value in cells.items()} if delimiter == ";" else cells
        )


def _json(text: str, path: Path) -> list[Any]:
    try:
        whole = json.loads(text)
        return whole if isinstance(whole, list) else [whole]
    except json.JSONDecodeError:
        pass
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            records += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise UserError(f"{path} is neither a JSON array nor one object a line: line {number}: {error}") from None
    return records


def _flat(record: Any, above: str = "") -> Row:
    if not isinstance(record, dict):
        return {above.removesuffix("."): record} if above else {}
    flat: Row = {}
    for name, value in record.items():
        flat |= _flat(value, f"{above}{name}.")
    return flat
