"""The stories that are played: what is uploaded when, under which thresholds and e-mail budget."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from proof.pipeline import Upload
from proof.world import START

_DOCUMENT = {
    "version": 1,
    "metrics": {
        "temperature": {"unit": "Cel", "warning": {"above": 70}, "critical": {"above": 85}, "clear": {"below": 65}},
        "vibration": {"unit": "m/s2", "warning": {"above": 7.1}, "critical": {"above": 11.2}, "clear": {"below": 6.5}},
        "battery": {"unit": "%EL", "warning": {"below": 20}, "critical": {"below": 5}, "clear": {"above": 25}},
    },
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One story. `budget` is e-mails a minute; the readings table takes `takes` items of a batch at a time.

    `several` unless there is but one upload and one event, whose order is nothing to vary.
    """

    name: str
    title: str
    uploads: tuple[Upload, ...]
    budget: int = 30
    takes: int = 25
    several: bool = True

    @property
    def thresholds(self) -> str:
        """Return the thresholds document."""
        return json.dumps(_DOCUMENT)


def _record(device: str, *, second: int, **metrics: float) -> dict[str, Any]:
    at = START - timedelta(seconds=60 - second)
    return {"device_id": device, "timestamp": at.isoformat().replace("+00:00", "Z"), "metrics": metrics}


def _lines(*records: dict[str, Any] | bytes) -> bytes:
    return (
        b"\n".join(record if isinstance(record, bytes) else json.dumps(record).encode() for record in records) + b"\n"
    )


def _one_reading() -> Scenario:
    reading = {
        **_record("boiler-7", second=1, temperature=92.4, humidity=40.125),
        "units": {"temperature": "Cel"},
        "tags": {"site": "plant-2"},
    }
    return Scenario(
        name="one-reading",
        title="one critical reading",
        uploads=(Upload(key="incoming/boiler-7/one reading+1.json", body=json.dumps(reading, indent=1).encode()),),
        several=False,
    )


def _mixed_file() -> Scenario:
    good = _record("mixer-1", second=1, temperature=21.5, battery=80)
    lines = _lines(
        good,
        b'{"device_id": "mixer-1", "timestamp": "yesterday", "metrics": {"temperature": 20}}',
        _record("mixer-1", second=2, temperature=71, battery=4.5),
        b'{"device_id": "mixer-2", "metr',
        good,
        _record("mixer-2", second=2, vibration=-0.001, **{"count:total": 12345678901234567890}),
        b'{"device_id": "mixer-2", "timestamp": "2026-11-22T10:00:00Z", "metrics": {"vibration": true}}',
    )
    return Scenario(
        name="mixed-file",
        title="a gzip file with good, bad, repeated and breaching records",
        uploads=(Upload(key="incoming/line-4/mixed.ndjson.gz", body=gzip.compress(lines, mtime=0)),),
    )


def _several_batches() -> Scenario:
    records = [
        _record(f"press-{number % 4}", second=number, temperature=60 + (20 if number in (7, 30) else number / 100))
        for number in range(56)
    ]
    return Scenario(
        name="several-batches",
        title="56 readings in three batches, of which the table takes ten items at a time",
        uploads=(Upload(key="incoming/press/batches.json", body=json.dumps(records).encode()),),
        takes=10,
    )


def _opening_and_escalation() -> Scenario:
    return Scenario(
        name="opening-and-escalation",
        title="a warning, then a critical reading of the same device",
        uploads=(
            Upload(key="incoming/kiln/1.json", body=_lines(_record("kiln", second=1, temperature=75))),
            Upload(key="incoming/kiln/2.json", body=_lines(_record("kiln", second=2, temperature=95)), after_s=0.2),
        ),
    )


def _two_devices() -> Scenario:
    both = _lines(_record("pump-a", second=1, vibration=8), _record("pump-b", second=1, vibration=12))
    again = _lines(_record("pump-a", second=2, vibration=9), _record("pump-b", second=2, vibration=8.5))
    return Scenario(
        name="two-devices",
        title="two devices, each with two breaching files, racing",
        uploads=(
            Upload(key="incoming/pumps/1.ndjson", body=both),
            Upload(key="incoming/pumps/2.ndjson", body=again, after_s=0.1),
        ),
    )


def _storm() -> Scenario:
    hot = [_record(f"oven-{number}", second=number, temperature=80 + 2 * number) for number in range(7)]
    return Scenario(
        name="storm",
        title="seven alerts on a budget of two e-mails a minute",
        uploads=(
            Upload(key="incoming/ovens/1.ndjson", body=_lines(*hot[:4])),
            Upload(key="incoming/ovens/2.ndjson", body=_lines(*hot[4:]), after_s=0.1),
        ),
        budget=2,
    )


def _there_and_back() -> Scenario:
    values = ((1, 75.5, 0.0), (2, 50.0, 20.0), (3, 90.5, 130.0))
    return Scenario(
        name="there-and-back",
        title="an alert that opens, ends, and opens again",
        uploads=tuple(
            Upload(
                key=f"incoming/fan/{second}.json",
                body=_lines(_record("fan", second=second, temperature=value)),
                after_s=after_s,
            )
            for second, value, after_s in values
        ),
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _one_reading(),
        _mixed_file(),
        _several_batches(),
        _opening_and_escalation(),
        _two_devices(),
        _storm(),
        _there_and_back(),
    )
}
