"""The line that names the columns of a CSV: which of them is the device, the time, a metric in a unit."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lambdas.ingest.decoding.reading import Problem, RecordError
from lambdas.ingest.decoding.values.identifiers import check_metric

_DEVICE, _TIMESTAMP = ("device_id", "device"), ("timestamp", "time")
_DELIMITERS = (",", ";", "\t")
# Bounds what a row can cost; a reading has at most a hundred metrics, of which devices may fill different ones.
_MOST_COLUMNS = 1_000
_COLUMN = re.compile(r"(.*?)\s*(?:\[([^\[\]]+)\]|\(([^()]+)\))?")
_TITLE = re.compile(r"[^\W\d][\w .:/%°()\[\]-]{0,63}")


@dataclass(kw_only=True)
class Columns:
    """Where a header has what: `metrics` by the number of their column, `units` by metric."""

    line: str
    delimiter: str
    width: int
    device: int
    timestamp: int
    metrics: dict[int, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def units_of(self, metrics: Iterable[str]) -> dict[str, str] | None:
        """Return the units of these metrics, None if none of them has one."""
        return {name: self.units[name] for name in metrics if name in self.units} or None


def columns_of(line: str) -> Columns | Problem | None:
    """Return the columns that a header names, by the delimiter that makes most sense of it."""
    likely: list[str] = []
    for delimiter in _DELIMITERS:
        try:
            titles = [cell.strip() for cell in cells_of(line, delimiter)]
        except RecordError:
            continue
        names = [title.lower() for title in titles]
        device, timestamp = _place(names, _DEVICE), _place(names, _TIMESTAMP)
        if device is not None and timestamp is not None:
            if len(titles) > _MOST_COLUMNS:
                return Problem("too_many_metrics", f"the header has {len(titles)} columns, over {_MOST_COLUMNS}")
            columns = Columns(line=line, delimiter=delimiter, width=len(titles), device=device, timestamp=timestamp)
            for place, title in enumerate(titles):
                if title and place not in (device, timestamp):
                    _add(columns, title, place=place)
            return columns
        named = [title for title in titles if title]
        if len(named) > max(len(likely), 1) and all(map(_TITLE.fullmatch, named)):
            likely = named
    if not likely:
        return None
    shown = ", ".join(f"{title[:32]!a}" for title in likely[:8])
    return Problem(
        "not_a_reading",
        f"a CSV needs the columns device_id (or device) and timestamp (or time); its first line has {shown}",
    )


def _place(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _add(columns: Columns, title: str, *, place: int) -> None:
    """Add the column of a metric: its name, and in brackets its unit."""
    found = _COLUMN.fullmatch(title)
    name, unit = (found[1], found[2] or found[3]) if found else (title, None)
    try:
        if name in columns.metrics.values():
            raise RecordError("invalid_metric", f"the column {name[:64]!a} stands twice", member=name)
        columns.metrics[place] = check_metric(name)
    except RecordError as error:
        columns.problems.append(error.problem)
        return
    if unit:
        columns.units[name] = unit.strip()


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line. Raises RecordError (not_a_reading)."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise RecordError("not_a_reading", f"it is not a row of CSV: {error}") from None
