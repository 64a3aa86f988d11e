"""`python -m bench.hostile`: the worst files that fit the limits, and the CPU and memory that decoding each takes.

The bar is 10 s of CPU and 256 MB of memory for each; it exits with 1 where one is missed.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.child import peak_kib
from lambdas.ingest.decoding.limits import MIB
from lambdas.ingest.decoding.payload import Payload

_NOW = datetime(2026, 11, 25, 17, tzinfo=UTC)
_CHUNK = 64 * 1024
_CPU_S, _MEMORY_MB = 10.0, 256.0
_RECORD = b'{"device_id":"d-%d","timestamp":"2026-11-25T15:45:08Z","metrics":{"t":21.5}%b}\n'


def _full(unit: bytes) -> bytes:
    return unit * (64 * MIB // len(unit))


def _structure_in_text() -> bytes:
    return b"".join(_RECORD % (number, b',"note":"' + b"},{" * 20 + b'"') for number in range(250_000))


def _senml(*, bad: bool) -> bytes:
    pack = [b'{"bn":"pump:","bt":1795621508,"n":"t0","v":1}']
    for number in range(1, 1_000_000):
        value = b'"x"' if bad and number % 12 == 0 else b"%d" % (number % 90)
        pack.append(b'{"n":"t%d","t":%d,"v":%b}' % (number % 7, number // 70, value))
    return b"[" + b",".join(pack) + b"]"


def _csv(*, bad: bool) -> bytes:
    rows = [b"device_id,timestamp,temperature [Cel],humidity (%RH),pressure [hPa],battery [%EL]\n"]
    for number in range(1_000_000):
        cell = b"none" if bad and number % 20 == 0 else b"%d.5" % (number % 90)
        rows.append(
            b"boiler-%05d,2026-11-25T15:45:08.000Z,%b,%d.25,1013.25,97.125\n" % (number % 20_000, cell, number % 80)
        )
    return b"".join(rows)


FILES: dict[str, Callable[[], bytes]] = {
    "five million lines of one digit": lambda: b"1\n" * 5_000_000,
    "64 MiB of [": lambda: _full(b"["),
    "64 MiB of {},": lambda: _full(b"{},"),
    "64 MiB of NaN,": lambda: _full(b"NaN,"),
    "},{ in the texts of 250,000 records": _structure_in_text,
    "a million SenML records": lambda: _senml(bad=False),
    "a million SenML records, one in twelve bad": lambda: _senml(bad=True),
    "64 MiB of CSV, a million rows": lambda: _csv(bad=False),
    "the same, a bad cell in one of twenty": lambda: _csv(bad=True),
}


def measure(path: Path) -> tuple[float, float, int, int]:
    """Decode a file in this process, which has done nothing else: seconds of CPU, megabytes, readings, rejects."""
    before = peak_kib()
    readings = rejects = 0
    began = time.process_time()
    with path.open("rb") as file:
        for batch in Payload(iter(lambda: file.read(_CHUNK), b""), now=_NOW):
            readings += len(batch.readings)
            rejects += len(batch.rejects)
    seconds = time.process_time() - began
    return seconds, (peak_kib() - before) / 1024, readings, rejects


def main() -> int:
    """Measure each file in a process of its own and print the table."""
    table = Table("file", "CPU, s", "memory, MB", "readings", "rejects", box=None)
    missed = False
    for name, content in FILES.items():
        with tempfile.NamedTemporaryFile() as file, multiprocessing.get_context("spawn").Pool(1) as pool:
            file.write(content())
            file.flush()
            seconds, megabytes, readings, rejects = pool.apply(measure, (Path(file.name),))
        bad = seconds > _CPU_S or megabytes > _MEMORY_MB
        missed |= bad
        cells = (f"{seconds:.1f}", f"{megabytes:.0f}", f"{readings:,}", f"{rejects:,}")
        table.add_row(name, *cells, style="red" if bad else "")
    Console().print(table)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
