"""The stories that are played: what is uploaded when, under which thresholds and e-mail budget."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from proof.expressions import Item
from proof.pipeline import COPIES_AFTER, Upload
from proof.world import START

_METRICS = {
    "temperature": {"unit": "Cel", "warning": {"above": 70}, "critical": {"above": 85}, "clear": {"below": 65}},
    "vibration": {"unit": "m/s2", "warning": {"above": 7.1}, "critical": {"above": 11.2}, "clear": {"below": 6.5}},
    "battery": {"unit": "%EL", "warning": {"below": 20}, "critical": {"below": 5}, "clear": {"above": 25}},
}
_DOCUMENT = {"version": 1, "metrics": _METRICS}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One story. `budget` is e-mails a minute; the readings table takes `takes` items of a batch at a time.

    `several` unless there is but one upload and one event, whose order is nothing to vary. `changes` replace the
    thresholds (seconds from the start, document); copies of an event come `copies_after` so many seconds; `unreadable`
    are items that stand in the ledger from the start.
    """

    name: str
    title: str
    uploads: tuple[Upload, ...]
    budget: int = 30
    takes: int = 25
    several: bool = True
    thresholds: str = json.dumps(_DOCUMENT)
    changes: tuple[tuple[float, str], ...] = ()
    copies_after: tuple[float, ...] = COPIES_AFTER
    unreadable: tuple[Item, ...] = ()


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


def _course(device: str, *values: tuple[float, float]) -> tuple[Upload, ...]:
    """Return an upload for each temperature of a device, so many seconds after the start."""
    return tuple(
        Upload(
            key=f"incoming/{device}/{second}.json",
            body=_lines(_record(device, second=second, temperature=value)),
            after_s=after_s,
        )
        for second, (value, after_s) in enumerate(values, 1)
    )


def _there_and_back() -> Scenario:
    return Scenario(
        name="there-and-back",
        title="an alert that opens, ends, and opens again",
        uploads=_course("fan", (75.5, 0.0), (50.0, 20.0), (90.5, 130.0)),
    )


def _clocks_apart() -> Scenario:
    ahead_s = {"behind": -420, "far-ahead": 3 * 3600}
    courses = ((0.0, 92.0), (130.0, 50.0))
    return Scenario(
        name="clocks-apart",
        title="a clock minutes behind and one hours ahead: a breach and its recovery",
        uploads=tuple(
            Upload(
                key=f"incoming/clocks/{after_s:.0f}.ndjson",
                body=_lines(
                    *(
                        _record(device, second=int(after_s) + 30 + apart, temperature=value)
                        for device, apart in ahead_s.items()
                    )
                ),
                after_s=after_s,
            )
            for after_s, value in courses
        ),
    )


def _duplicates_hours_later() -> Scenario:
    return Scenario(
        name="duplicates-hours-later",
        title="two alerts that open and end; every copy of an event comes hours later",
        uploads=_course("fan", (75.5, 0.0), (50.0, 20.0), (90.5, 130.0), (40.0, 200.0)),
        copies_after=(0.0, 2 * 3600.0, 5 * 3600.0),
    )


def _thresholds_change() -> Scenario:
    raised = {"unit": "Cel", "warning": {"above": 80}, "critical": {"above": 92}, "clear": {"below": 75}}
    document = {**_DOCUMENT, "metrics": {**_METRICS, "temperature": raised}}
    return Scenario(
        name="thresholds-change",
        title="thresholds that are raised between a reading and its alert, and put back",
        uploads=_course("dryer", (77.5, 0.0), (82.0, 62.0), (95.0, 64.0), (60.0, 140.0)),
        changes=((0.3, json.dumps(document)), (70.0, json.dumps(_DOCUMENT))),
    )


def _unreadable_items() -> Scenario:
    return replace(
        _two_devices(),
        name="unreadable-items",
        title="ledger items that nobody can read stand before the good ones, in every shard that the sweep walks",
        unreadable=tuple(
            {
                "alert_key": {"S": f"unreadable#{work}-{shard}"},
                "record": {"S": "alert"},
                "version": {"S": "not a number"},
                "work": {"S": f"{work}#{shard}"},
                "due_at": {"S": "2026-11-01T00:00:00.000000Z"},
            }
            for work in ("send", "watch")
            for shard in range(4)
        ),
    )


def _sweep_with_all_parts() -> Scenario:
    return Scenario(
        name="sweep-with-all-parts",
        title="a sweep with a digest to make, alerts to look after, and a device that falls silent",
        uploads=(
            Upload(key="incoming/hall/1.ndjson", body=_lines(_record("clock", second=1, battery=90))),
            Upload(
                key="incoming/hall/2.ndjson",
                body=_lines(*(_record(f"lamp-{number}", second=330, temperature=90 + number) for number in range(3))),
                after_s=290.0,
            ),
        ),
        budget=1,
        thresholds=json.dumps({**_DOCUMENT, "silent_after": {"clock": "5m"}}),
    )


def _hostile_source() -> Scenario:
    forged = [_record(f"forged-{number}", second=number, temperature=1e9) for number in range(5)]
    honest = _record("boiler-7", second=2, temperature=92.5)
    return Scenario(
        name="hostile-source",
        title="one source forges five criticals and a bad record beside an honest device, on four e-mails a minute",
        uploads=(
            Upload(key="incoming/gateway-9/forged.ndjson", body=_lines(*forged, b"{")),
            Upload(key="incoming/boiler-7/1.json", body=_lines(honest), after_s=0.1),
            Upload(
                key="incoming/boiler-7/2.json",
                body=_lines(_record("boiler-7", second=30, temperature=50)),
                after_s=65,
            ),
        ),
        budget=4,
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
        _hostile_source(),
        _there_and_back(),
        _clocks_apart(),
        _duplicates_hours_later(),
        _thresholds_change(),
        _unreadable_items(),
        _sweep_with_all_parts(),
    )
}
