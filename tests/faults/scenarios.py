"""The stories that are played: what is uploaded when, under which thresholds and e-mail budget."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.faults.world.scenario import START, Record, Scenario, Upload

_METRICS = {
    "temperature": {"unit": "Cel", "warning": {"above": 70}, "critical": {"above": 85}, "clear": {"below": 65}},
    "vibration": {"unit": "m/s2", "warning": {"above": 7.1}, "critical": {"above": 11.2}, "clear": {"below": 6.5}},
    "battery": {"unit": "%EL", "warning": {"below": 20}, "critical": {"below": 5}, "clear": {"above": 25}},
}
_RAISED = {"unit": "Cel", "warning": {"above": 80}, "critical": {"above": 92}, "clear": {"below": 75}}


def thresholds(**changes: Any) -> str:
    """Return the document of these stories, with other members."""
    return json.dumps({"version": 1, "metrics": _METRICS, **changes})


def story(name: str, title: str, *uploads: Upload, **others: Any) -> Scenario:
    """Return a scenario under the usual thresholds."""
    return Scenario(name=name, title=title, uploads=uploads, **{"thresholds": thresholds(), **others})


def upload(key: str, *records: Record, after_s: float = 0) -> Upload:
    """Return an object with a record a line."""
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    return Upload(key=f"incoming/{key}", body=b"\n".join(lines) + b"\n", records=records, after_s=after_s)


def record(device: str, second: float, **metrics: float) -> dict[str, Any]:
    """Return a reading taken so many seconds after the minute before the start."""
    at = START - timedelta(seconds=60 - second)
    return {"device_id": device, "timestamp": at.isoformat().replace("+00:00", "Z"), "metrics": metrics}


def _uploads_of(device: str, *values: tuple[float, float]) -> list[Upload]:
    """Return an upload for each temperature of a device, so many seconds after the start."""
    return [
        upload(f"{device}/{second}.json", record(device, second, temperature=value), after_s=after_s)
        for second, (value, after_s) in enumerate(values, 1)
    ]


def _packed(plain: Upload) -> Upload:
    return replace(plain, body=gzip.compress(plain.body, mtime=0))


def _array(plain: Upload) -> Upload:
    return replace(plain, body=json.dumps(plain.records).encode())


def _mutes(version: int, *mutes: dict[str, str]) -> dict[str, Any]:
    """Return the item of the alerts table in which operators keep their mutes."""
    entries = [{"M": {name: {"S": text} for name, text in mute.items()}} for mute in mutes]
    return {"alert_key": {"S": "mutes"}, "version": {"N": str(version)}, "mutes": {"L": entries}}


_BELT_CHANGE = {
    "mute_id": "b0",
    "devices": "belt-*",
    "begin": "2026-11-22T10:00:00.000000Z",
    "until": "2026-11-22T14:00:00.000000Z",
    "by": "arn:aws:iam::123456789012:user/ada",
    "why": "belt change",
}
_TWO_DEVICES = (
    upload("pumps/1.ndjson", record("pump-a", 1, vibration=8), record("pump-b", 1, vibration=12)),
    upload("pumps/2.ndjson", record("pump-a", 2, vibration=9), record("pump-b", 2, vibration=8.5), after_s=0.1),
)
_FAN = _uploads_of("fan", (75.5, 0), (50, 20), (90.5, 130), (40, 200))
_MIXED = record("mixer-1", 1, temperature=21.5, battery=80)
_HOT = [record(f"oven-{number}", number, temperature=80 + 2 * number) for number in range(7)]
_CLOCKS = {"behind": -420, "far-ahead": 3 * 3600}

_STORIES = (
    story(
        "one-reading",
        "one critical reading",
        upload(
            "boiler-7/one reading+1.json",
            record("boiler-7", 1, temperature=92.4, humidity=40.125)
            | {"units": {"temperature": "Cel"}, "tags": {"site": "plant-2"}},
        ),
        several=False,
    ),
    story(
        "mixed-file",
        "a gzip file with good, bad, repeated and breaching records",
        _packed(
            upload(
                "line-4/mixed.ndjson.gz",
                _MIXED,
                b'{"device_id": "mixer-1", "timestamp": "yesterday", "metrics": {"temperature": 20}}',
                record("mixer-1", 2, temperature=71, battery=4.5),
                b'{"device_id": "mixer-2", "metr',
                _MIXED,
                record("mixer-2", 2, vibration=-0.001, **{"count:total": 12345678901234567890}),
                record("mixer-2", 55, vibration=True),
            )
        ),
    ),
    story(
        "several-batches",
        "56 readings in three batches, of which the table takes ten items at a time",
        _array(
            upload(
                "press/batches.json",
                *(
                    record(f"press-{number % 4}", number, temperature=60 + (20 if number in (7, 30) else number / 100))
                    for number in range(56)
                ),
            )
        ),
        batch_items_accepted=10,
    ),
    story(
        "opening-and-escalation",
        "a warning, then a critical reading of the same device",
        *_uploads_of("kiln", (75, 0), (95, 0.2)),
    ),
    story("two-devices", "two devices, each with two breaching files, racing", *_TWO_DEVICES),
    story(
        "storm",
        "seven alerts on a budget of two e-mails a minute",
        upload("ovens/1.ndjson", *_HOT[:4]),
        upload("ovens/2.ndjson", *_HOT[4:], after_s=0.1),
        variables={"EMAILS_PER_MINUTE": "2"},
    ),
    story(
        "hostile-source",
        "one source floods with forged criticals beside an honest device, on four e-mails a minute",
        upload(
            "gateway-9/forged.ndjson",
            *(record(f"forged-{number}", number, temperature=1e9) for number in range(4)),
            b"{",
        ),
        upload("boiler-7/1.json", record("boiler-7", 2, temperature=92.5), after_s=0.1),
        upload("boiler-7/2.json", record("boiler-7", 30, temperature=50), after_s=65),
        variables={"EMAILS_PER_MINUTE": "4", "NEW_ALERTS_PER_HOUR": "1"},
        honest=("boiler-7",),
    ),
    story("there-and-back", "an alert that opens, ends, and opens again", *_FAN[:3]),
    story(
        "clocks-apart",
        "a clock minutes behind and one hours ahead: a breach and its recovery",
        *(
            upload(
                f"clocks/{after_s}.ndjson",
                *(record(device, after_s + 30 + apart, temperature=value) for device, apart in _CLOCKS.items()),
                after_s=after_s,
            )
            for after_s, value in ((0, 92.0), (130, 50.0))
        ),
    ),
    # Apart by less than a lease (60 s) outlives an invocation (50 s at most): further, two could send the same e-mail.
    story(
        "function-clocks-apart",
        "an alert that opens, ends, and opens again; alert's clocks are three minutes behind, and apart",
        *_FAN[:3],
        alert_ahead_s=(-180.0, -172.0),
    ),
    story(
        "duplicates-hours-later",
        "two alerts that open and end; every copy of an event comes hours later",
        *_FAN,
        copies_after=(0.0, 2 * 3600.0, 5 * 3600.0),
    ),
    story(
        "mute-and-end",
        "a mute that begins and ends: known alerts that end and escalate under it, others that stay and that end",
        *_uploads_of("belt-known", (90, 0), (50, 130)),
        *_uploads_of("belt-worse", (75, 0.2), (95, 132)),
        *_uploads_of("belt-open", (91, 64)),
        *_uploads_of("belt-over", (80, 66), (50, 134)),
        operator=((50, _mutes(1, _BELT_CHANGE)), (250, _mutes(2))),
    ),
    story(
        "thresholds-change",
        "thresholds that are raised between a reading and its alert, and put back",
        *_uploads_of("dryer", (77.5, 0), (82, 62), (95, 64), (60, 140)),
        changes=((0.3, thresholds(metrics={**_METRICS, "temperature": _RAISED})), (70.0, thresholds())),
    ),
    story(
        "unreadable-items",
        "ledger items that nobody can read are before the good ones, in every shard that the sweep walks",
        *_TWO_DEVICES,
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
    ),
    story(
        "seen-to-by-hand",
        "an alert that goes unattended, reminds, gets worse and ends; a person acknowledges or closes it at any moment",
        *_uploads_of("still", (75.5, 0), (90.5, 185), (40, 245)),
        thresholds=thresholds(
            metrics={"temperature": {**_METRICS["temperature"], "remind_every": "60s", "escalate_after": "90s"}}
        ),
        operated=True,
    ),
    story(
        "sweep-with-all-parts",
        "a sweep with a digest to make, alerts to look after, and a device that falls silent",
        upload("hall/1.ndjson", record("clock", 1, battery=90)),
        upload(
            "hall/2.ndjson",
            *(record(f"lamp-{number}", 330, temperature=90 + number) for number in range(3)),
            after_s=290,
        ),
        variables={"EMAILS_PER_MINUTE": "1"},
        thresholds=thresholds(silent_after={"clock": "5m"}),
    ),
)
SCENARIOS = {scenario.name: scenario for scenario in _STORIES}
