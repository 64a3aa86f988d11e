"""What ingest would make of files, with ingest's own decoder and no AWS."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text

from lambdas.alert.mail.formatting import counted
from lambdas.ingest.decoding.content.gzip import too_large
from lambdas.ingest.decoding.limits import DEFAULT, Limits
from lambdas.ingest.decoding.mapping import mappings as mapping_document
from lambdas.ingest.decoding.mapping.mappings import Mappings
from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.decoding.reading import Batch, Reading, Reject
from lambdas.ingest.decoding.values.numbers import number_text
from lambdas.ingest.decoding.values.timestamps import texts
from lambdas.ingest.domain.breaches import Breaches
from lambdas.ingest.domain.ownership import owned
from lambdas.shared.events import ObjectRef
from lambdas.shared.printable import printable
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl import terminal
from sensorctl.aws.object_keys import key_of
from sensorctl.check.options import CheckOptions
from sensorctl.errors import UserError
from sensorctl.options import ROOT
from sensorctl.thresholds.unjudged import Unjudged

_STANDARD_INPUT = "-"
_SOURCE = ObjectRef(bucket="", key="", version_id="")


@dataclass(kw_only=True)
class CheckedFile:
    """One file: its form, how many readings would be stored, and how many records and single values not, by reason.

    `alike` says where the rejects are that are shown, by what is wrong: the same value may be bad in every record.
    `unjudged` says which metrics have no threshold.
    """

    file: str
    form: str | None = None
    readings: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    first: str = ""
    error: str | None = None
    shown: list[Reading] = field(default_factory=list)
    refused: list[Reject] = field(default_factory=list)
    alike: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    unjudged: str = ""

    def note(self, rejects: Iterable[Reject], *, most: int) -> None:
        """Collect where rejects are, of `most` different ones; a record is never like another, a value may be."""
        for reject in rejects:
            what = (f"{reject.reason}: {reject.detail}", "" if reject.member is not None else reject.position)
            if what in self.alike or len(self.alike) < most:
                self.alike.setdefault(what, []).append(reject.position)


def check(files: Sequence[Path | str], options: CheckOptions, *, as_json: bool, limits: Limits = DEFAULT) -> int:
    """Print what is in each file (`-` is standard input): a table, or with `as_json` one JSON object a line.

    Returns 0 when every value is accepted, 1 when some are not, 2 when a file cannot be read or there is none, which
    one sentence on standard error then says. Relative and future times are judged by the clock. Raises DocumentError
    for bad mappings or thresholds, and UserError where they cannot be read.
    """
    if not files:
        terminal.say("sensorctl: check needs files, such as readings.ndjson (or - for standard input)", err=True)
        return 2
    mappings, rules = options.mappings, options.thresholds or ROOT / "thresholds.json"
    own_mappings = mapping_document.parse(_content(mappings), name=printable(str(mappings))) if mappings else None
    own_rules = Thresholds.parse(_content(rules), name=printable(str(rules)))
    checked = []
    for name in map(str, files):
        result = _check(name, options, mappings=own_mappings, thresholds=own_rules, limits=limits)
        checked.append(result)
        if result.error is not None:
            terminal.say(f"sensorctl: {result.error}", err=True)
        if as_json:
            terminal.say_json(_to_json(result, shows=options.shown > 0))
    if not as_json:
        for result in checked if options.shown else ():
            _print_shown(result)
        _print_table(checked, shows=options.shown > 0)
    if any(result.error is not None for result in checked):
        return 2
    return 1 if any(result.rejected or result.values for result in checked) else 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None


def _check(
    name: str, options: CheckOptions, *, mappings: Mappings | None, thresholds: Thresholds, limits: Limits
) -> CheckedFile:
    result, show, unjudged = CheckedFile(file=name), options.shown, Unjudged(thresholds)
    if "\0" in name:
        result.error = f"{printable(name)} cannot be read: no file name holds a zero byte"
        return result
    try:
        with nullcontext(sys.stdin.buffer) if name == _STANDARD_INPUT else Path(name).open("rb") as file:
            # All of it first: like ingest, which knows the size beforehand, refuse a large object as a whole.
            stored = file.read(limits.stored + 1)
            if len(stored) > limits.stored:
                problem = too_large(limits).problem
                result.rejected[problem.reason], result.first = 1, f"object: {problem.detail}"
                return result
            key = options.key or ("" if name == _STANDARD_INPUT else key_of(Path(name)))
            payload = Payload([stored], now=datetime.now(UTC), key=key, mappings=mappings, limits=limits)
            for batch in (_judged(owned(decoded, device_id=options.source), thresholds) for decoded in payload):
                result.readings += len(batch.readings)
                unjudged.add((reading.device_id, metric) for reading in batch.readings for metric in reading.metrics)
                result.shown += batch.readings[: show - len(result.shown)]
                result.refused += batch.rejects[: show - len(result.refused)]
                result.note(batch.rejects, most=show)
                result.rejected.update(reject.reason for reject in batch.rejects if reject.member is None)
                result.values.update(reject.reason for reject in batch.rejects if reject.member is not None)
                if batch.rejects and not result.first:
                    first = batch.rejects[0]
                    result.first = f"{first.position}: {first.detail}"
    except OSError as error:
        result.error = f"{printable(name)} cannot be read: {error.strerror or error}"
        return result
    result.unjudged = unjudged.sentence()
    result.form = f"{payload.form}, gzip" if payload.packed else payload.form
    return result


def _judged(batch: Batch, thresholds: Thresholds) -> Batch:
    """Return the batch with values outside of a rule's `valid` range moved to its rejects."""
    times = texts([reading.timestamp for reading in batch.readings])
    judged = Breaches(thresholds, source=_SOURCE, trace_id=None).evaluate(batch.readings, times)
    readings = list(batch.readings)
    for place, left_out in judged.implausible.items():
        metrics = {name: value for name, value in readings[place].metrics.items() if name not in left_out}
        readings[place] = msgspec.structs.replace(readings[place], metrics=metrics)
    stored = [reading for reading in readings if reading.metrics]
    return Batch(readings=stored, rejects=[*batch.rejects, *judged.rejects])


def _to_json(result: CheckedFile, *, shows: bool) -> dict[str, Any]:
    document = {
        **{name: getattr(result, name) for name in ("file", "form", "readings", "error")},
        "rejected": dict(sorted(result.rejected.items())),
        "values_rejected": dict(sorted(result.values.items())),
    }
    if shows:
        document["first_readings"] = [msgspec.to_builtins(reading) for reading in result.shown]
        document["first_rejects"] = [
            {name: getattr(reject, name) for name in ("position", "member", "reason", "detail")}
            for reject in result.refused
        ]
    return document


def _print_shown(result: CheckedFile) -> None:
    terminal.say(f"{printable(result.file)}:")
    for reading, time in zip(result.shown, texts([reading.timestamp for reading in result.shown]), strict=True):
        units = reading.units or {}
        metrics = ", ".join(
            f"{name} {number_text(value)} {units.get(name, '')}".rstrip() for name, value in reading.metrics.items()
        )
        tags = "".join(f" {name}={value}" for name, value in (reading.tags or {}).items())
        terminal.say(printable(f"  {reading.device_id}  {time}  {metrics}{' ' + tags if tags else ''}"))
    terminal.say_if_cut(len(result.shown), result.readings, more="--first shows more")
    for (what, _), places in result.alike.items():
        times = f"{len(places):,} times, the first at " if len(places) > 1 else ""
        terminal.say(printable(f"  {times}{places[0]}: {what}"))
    rejects = result.rejected.total() + result.values.total()
    terminal.say_if_cut(sum(map(len, result.alike.values())), rejects, more="--first shows more")
    terminal.say("")


def _print_table(checked: Sequence[CheckedFile], *, shows: bool) -> None:
    def row(result: CheckedFile) -> list[str | Text]:
        rejected = ", ".join(
            [f"{count} {reason}" for reason, count in sorted(result.rejected.items())]
            + [f"{counted(count, 'value')} {reason}" for reason, count in sorted(result.values.items())]
        )
        style = "red" if result.error or rejected else ""
        outcome = Text(rejected or ("unreadable" if result.error else "none"), style=style)
        return [result.file, result.form or "-", f"{result.readings:,}", outcome]

    columns = ("file", "form", "readings", "rejected")
    terminal.console().print(terminal.table(columns, map(row, checked), right=("readings",), whole=columns[1:3]))
    for result in checked if not shows else ():
        if result.first:
            terminal.say(printable(f"{result.file}: first {result.first}"))
    for result in checked:
        if result.unjudged:
            terminal.say(printable(f"{result.file}: {result.unjudged}."))
