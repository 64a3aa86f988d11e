"""`sensorctl check`: what ingest would make of files, with ingest's own decoder and no AWS."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from lambdas.ingest.decoding.gzip import too_large
from lambdas.ingest.decoding.limits import DEFAULT
from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.ownership import owned
from lambdas.shared.printable import printable
from sensorctl import terminal

_STANDARD_INPUT = "-"


@dataclass(kw_only=True)
class Checked:
    """One file: its form, how many readings would be stored, and how many records and single values not, by reason."""

    file: str
    form: str | None = None
    readings: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    first: str = ""
    error: str | None = None


def check(files: Sequence[Path | str], json_output: bool, *, source: str | None = None) -> int:
    """Print what is in each file: a table, or with `json_output` one JSON object a line.

    `-` is standard input. With `source` the files are judged as if that device had uploaded them to a stage where each
    speaks for itself alone. Returns 0 when every value is accepted, 1 when some are not, 2 when a file cannot be read
    or there is none, which one sentence on standard error then says. Relative and future times are judged by the clock.
    """
    if not files:
        terminal.say("sensorctl: check needs files, such as readings.ndjson (or - for standard input)", err=True)
        return 2
    now = datetime.now(UTC)
    checked = []
    for name in map(str, files):
        result = _check(name, now=now, source=source)
        checked.append(result)
        if result.error is not None:
            terminal.say(f"sensorctl: {result.error}", err=True)
        if json_output:
            terminal.say(_json_line(result))
    if not json_output:
        _print_table(checked)
    if any(result.error is not None for result in checked):
        return 2
    return 1 if any(result.rejected or result.values for result in checked) else 0


def _check(name: str, *, now: datetime, source: str | None) -> Checked:
    result = Checked(file=name)
    if "\0" in name:
        result.error = f"{printable(name)} cannot be read: no file name holds a zero byte"
        return result
    try:
        with nullcontext(sys.stdin.buffer) if name == _STANDARD_INPUT else Path(name).open("rb") as file:
            # All of it first: like ingest, which knows the size beforehand, refuse a large object as a whole.
            stored = file.read(DEFAULT.stored + 1)
            if len(stored) > DEFAULT.stored:
                error = too_large(DEFAULT)
                result.rejected[error.reason], result.first = 1, f"object: {error.detail}"
                return result
            payload = Payload([stored], now=now)
            for batch in (owned(decoded, device_id=source) for decoded in payload):
                result.readings += len(batch.readings)
                result.rejected.update(reject.reason for reject in batch.rejects if reject.member is None)
                result.values.update(reject.reason for reject in batch.rejects if reject.member is not None)
                if batch.rejects and not result.first:
                    first = batch.rejects[0]
                    result.first = f"{first.position}: {first.detail}"
    except OSError as error:
        result.error = f"{printable(name)} cannot be read: {error.strerror or error}"
        return result
    result.form = f"{payload.form}, gzip" if payload.packed else payload.form
    return result


def _json_line(result: Checked) -> str:
    return json.dumps(
        {
            "file": result.file,
            "form": result.form,
            "readings": result.readings,
            "rejected": dict(sorted(result.rejected.items())),
            "values_rejected": dict(sorted(result.values.items())),
            "error": result.error,
        }
    )


def _print_table(checked: Sequence[Checked]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("file", "form", "readings", "rejected", "first reject"):
        table.add_column(column, justify="right" if column == "readings" else "left", overflow="fold")
    for result in checked:
        rejected = ", ".join(
            [f"{count} {reason}" for reason, count in sorted(result.rejected.items())]
            + [f"{count} values {reason}" for reason, count in sorted(result.values.items())]
        )
        style = "red" if result.error or rejected else ""
        table.add_row(
            Text(printable(result.file)),
            Text(result.form or "-"),
            Text(str(result.readings)),
            Text(rejected or ("unreadable" if result.error else "none"), style=style),
            Text(printable(result.first)),
        )
    terminal.console().print(table)
