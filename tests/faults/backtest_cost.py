"""What a backtest of a million readings takes: `python -m tests.faults.backtest_cost` prints it, for docs/alerts.md.

A hundred devices report once a minute for a week, each from another hour of a daily curve, whose peak is out of bounds
for so many of a hundred readings. Two documents are tried, with limits that differ by a degree.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.backtest.trial import Documents, on_files

DEVICES, MINUTES = 100, 10_000
START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = 24 * 60
# The share of a day for which the sine of a curve is above this is what is out of bounds, in percent.
OUT_OF_BOUNDS = (1, 10)


def _document(limit: float) -> Thresholds:
    rule = {"warning": {"above": limit}, "clear": {"below": limit - 3}}
    return Thresholds.parse(json.dumps({"version": 1, "metrics": {"temperature": rule}, "silent_after": {"*": "15m"}}))


def _write(path: Path) -> None:
    chance = random.Random(1)  # noqa: S311
    with path.open("w") as file:
        for device in range(DEVICES):
            for minute in range(MINUTES):
                at = START + timedelta(minutes=minute)
                value = 50 + 20 * math.sin(2 * math.pi * (minute + 60 * device) / DAY) + chance.random()
                reading = f'{{"device_id": "boiler-{device}", "timestamp": "{at:%Y-%m-%dT%H:%M:%SZ}", '
                file.write(f'{reading}"temperature": {value:.2f}}}\n')


def main() -> None:
    """Print a line for each share: readings, e-mails under each document, and the seconds of CPU that it took."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, "first.ndjson"), Path(folder, "second.ndjson")]
        _write(files[0])
        lines = files[0].read_text().splitlines(keepends=True)
        for file, half in zip(files, (lines[: len(lines) // 2], lines[len(lines) // 2 :]), strict=True):
            file.write_text("".join(half))
        for share in OUT_OF_BOUNDS:
            limit = 50.5 + 20 * math.cos(math.pi * share / 100)
            documents = Documents(present=_document(limit), new=_document(limit - 1))
            began = time.process_time()
            trial = on_files(
                [str(file) for file in files], documents, device="*", since=None, mappings=None, now=datetime.now(UTC)
            )
            took = time.process_time() - began
            now, new = trial.comparison.now.total(), trial.comparison.new.total()
            print(f"{share} %: {trial.readings:,} readings, {now:,} and {new:,} e-mails, {took:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
