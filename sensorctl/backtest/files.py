"""The uploads that files of readings would have been: each reading at its own time, because a file knows no other."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from lambdas.ingest.decoding.content.gzip import too_large
from lambdas.ingest.decoding.limits import DEFAULT
from lambdas.ingest.decoding.mapping import mappings as mapping_document
from lambdas.ingest.decoding.mapping.mappings import Mappings
from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.decoding.reading import Reading
from lambdas.shared.printable import printable
from lambdas.shared.times import timestamp
from sensorctl.aws.object_keys import key_of
from sensorctl.backtest.uploads import Upload, in_order
from sensorctl.errors import UserError

_STANDARD_INPUT = "-"


@dataclass(kw_only=True)
class FileReadings:
    """The uploads by device, and how many records, or values of them, the decoder has rejected."""

    uploads: dict[str, list[Upload]] = field(default_factory=dict)
    rejected: int = 0


def read(files: Sequence[str], *, device: str, mappings: Mappings | None, now: datetime) -> FileReadings:
    """Decode files (`-` is standard input) as ingest would; keep the devices that match. Raises UserError.

    Relative times count from `now`, as those of an upload count from it.
    """
    found = FileReadings()
    by_time: dict[str, dict[tuple[datetime, str], list[Reading]]] = defaultdict(lambda: defaultdict(list))
    for name in files:
        payload, key = _payload(name, mappings=mappings, now=now)
        for batch in payload:
            found.rejected += len(batch.rejects)
            for reading in batch.readings:
                if fnmatchcase(reading.device_id, device):
                    by_time[reading.device_id][reading.timestamp, key].append(reading)
    for device_id in sorted(by_time):
        found.uploads[device_id] = in_order(
            [Upload(at, key, timestamp(at), tuple(readings)) for (at, key), readings in by_time[device_id].items()]
        )
    return found


def mappings_of(path: Path) -> Mappings:
    """Read mappings from a file. Raises UserError where it cannot be read, and DocumentError for a bad document."""
    try:
        return mapping_document.parse(path.read_bytes(), name=printable(str(path)))
    except OSError as error:
        raise UserError(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None


def _payload(name: str, *, mappings: Mappings | None, now: datetime) -> tuple[Payload, str]:
    shown = printable(name)
    if "\0" in name:
        raise UserError(f"{shown} cannot be read: no file name holds a zero byte")
    try:
        with nullcontext(sys.stdin.buffer) if name == _STANDARD_INPUT else Path(name).open("rb") as file:
            stored = file.read(DEFAULT.stored + 1)
    except OSError as error:
        raise UserError(f"{shown} cannot be read: {error.strerror or error}") from None
    if len(stored) > DEFAULT.stored:
        raise UserError(f"{shown}: {too_large(DEFAULT).problem.detail}")
    key = "" if name == _STANDARD_INPUT else key_of(Path(name))
    return Payload([stored], now=now, key=key, mappings=mappings), key
