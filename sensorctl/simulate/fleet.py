"""A fleet of devices, as files to upload: seeded, and knowing what it sent.

A seed, a start and the thresholds in force give rounds of uploads (one round is one minute of device time), each with
the readings it holds and what should be rejected, from which `expectations` derives what the pipeline must do.
"""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

EVERY = timedelta(seconds=5)
PER_ROUND = 12
ROUNDS = 10
# More than half of the e-mails that may leave in a minute of the embedded AWS: one source gets no more.
STORM_DEVICES = tuple(f"cell-{number:02}" for number in range(1, 17))
BEACON = "beacon-4"
# Of the first oven's alert somebody takes care, of the second's nobody; the mixer is being worked on.
OVENS = ("oven-1", "oven-2")
MIXER = "mixer-1"
# They have no way to the cloud but their gateway.
TANKS = ("tank-1", "tank-2", "tank-3", "tank-4")
GATEWAY = "gateway-9"
_UNITS = {"temperature": "Cel", "humidity": "%RH", "vibration": "m/s2", "battery": "%EL"}

Signal = Callable[[float, random.Random], float]


@dataclass(frozen=True, kw_only=True)
class SentReading:
    """One reading as the device meant it; `timestamp` in UTC. `units` None are those usual for the metrics."""

    device_id: str
    timestamp: datetime
    metrics: dict[str, float]
    units: dict[str, str] | None = None

    def to_json(self) -> dict[str, object]:
        """Return the native form."""
        exact = "microseconds" if self.timestamp.microsecond % 1000 else "milliseconds"
        native: dict[str, object] = {
            "device_id": self.device_id,
            "timestamp": self.timestamp.isoformat(timespec=exact).replace("+00:00", "Z"),
            "metrics": self.metrics,
        }
        units = self.known_units()
        return {**native, "units": units} if units else native

    def known_units(self) -> dict[str, str]:
        """Return the unit of each metric that has one."""
        usual = {metric: _UNITS[metric] for metric in self.metrics if metric in _UNITS}
        return usual if self.units is None else self.units


@dataclass(frozen=True, kw_only=True)
class SentObject:
    """One object: its key below the landing prefix, its bytes, and the good readings in it.

    `rejects` counts its bad records by reason, `bad_values` the single bad values.
    """

    key: str
    body: bytes
    readings: tuple[SentReading, ...]
    rejects: dict[str, int] = field(default_factory=dict)
    bad_values: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SimulatedDevice:
    """A device: how its metrics move with the share of the run that has passed (0 to 1), and how the readings
    of a round become objects."""

    name: str
    signals: dict[str, Signal]
    pack: Callable[[list[SentReading], int], list[SentObject]]


def fleet() -> list[SimulatedDevice]:
    """Return the twenty devices of `make run` that report all along; five of them have a story."""
    storied = [
        SimulatedDevice(name="pump-3", signals={"temperature": _hovering, "vibration": _steady(3)}, pack=as_ndjson),
        SimulatedDevice(
            name="boiler-7", signals={"temperature": _overheating, "humidity": _steady(40)}, pack=as_ndjson
        ),
        SimulatedDevice(
            name="dryer-2", signals={"temperature": _steady(58), "humidity": _steady(30)}, pack=as_ndjson_twice
        ),
        SimulatedDevice(
            name="gateway-5", signals={"temperature": _steady(31), "humidity": _steady(45)}, pack=with_corruption
        ),
        SimulatedDevice(name="chiller-1", signals={"temperature": _steady(7), "humidity": _steady(55)}, pack=as_gzip),
    ]
    freezers = [
        SimulatedDevice(name=f"freezer-{number}", signals={"temperature": _steady(-21)}, pack=as_array)
        for number in (1, 2, 3)
    ]
    quiet = [
        SimulatedDevice(
            name=f"press-{number:02}",
            signals={"temperature": _steady(30 + 2 * number), "humidity": _steady(50), "vibration": _steady(2)},
            pack=as_array if number % 3 == 0 else as_ndjson,
        )
        for number in range(1, 13)
    ]
    return storied + freezers + quiet


def simulate(
    devices: list[SimulatedDevice],
    *,
    seed: int,
    start: datetime,
    rounds: int = ROUNDS,
    every: timedelta = EVERY,
    per_round: int = PER_ROUND,
) -> Iterator[list[SentObject]]:
    """Yield the uploads of each round. The same seed and start give the same bytes."""
    chances = {device.name: random.Random(f"{seed}/{device.name}") for device in devices}  # noqa: S311 not a secret
    for number in range(rounds):
        uploads: list[SentObject] = []
        for device in devices:
            readings = []
            for step in range(number * per_round, (number + 1) * per_round):
                share = step / (rounds * per_round)
                metrics = {
                    metric: round(signal(share, chances[device.name]), 2) for metric, signal in device.signals.items()
                }
                readings.append(SentReading(device_id=device.name, timestamp=start + step * every, metrics=metrics))
            uploads += device.pack(readings, number)
        yield uploads


def beacon_upload(*, at: datetime) -> SentObject:
    """Return one reading of the beacon, which falls silent after it."""
    return one_temperature(BEACON, 21.0, at=at)


def one_temperature(device: str, value: float, *, at: datetime) -> SentObject:
    """Return one reading of one device."""
    second = at.replace(microsecond=0)
    return as_ndjson([SentReading(device_id=device, timestamp=second, metrics={"temperature": value})], 0)[0]


def gateway_upload(*, at: datetime) -> SentObject:
    """Return an object of the gateway, with a reading of each tank behind it."""
    second = at.replace(microsecond=0)
    readings = [SentReading(device_id=tank, timestamp=second, metrics={"temperature": 18.5}) for tank in TANKS]
    (upload,) = as_ndjson(readings, 0)
    return replace(upload, key=f"{GATEWAY}/{second:%Y-%m-%dT%H-%M-%S}.ndjson")


def storm(*, at: datetime) -> SentObject:
    """Return one object in which every cell of a production line is far too hot in the same second."""
    second = at.replace(microsecond=0)
    cells = enumerate(STORM_DEVICES, 1)
    readings = [
        SentReading(device_id=cell, timestamp=second, metrics={"temperature": 90 + n / 10}) for n, cell in cells
    ]
    return as_ndjson(readings, 0)[0]


# How values move. `share` runs from 0 to 1 over the whole run.


def _steady(level: float) -> Signal:
    def value(share: float, chance: random.Random) -> float:
        return level + 0.8 * math.sin(share * 9) + chance.uniform(-0.5, 0.5)

    return value


# Minute by minute: quiet, over 70 from the fourth, over 85 from the sixth, under 65 again from the ninth.
_BOILER = (60, 62, 66, 72, 78, 88, 90, 80, 63, 60)


def _overheating(share: float, chance: random.Random) -> float:
    return _BOILER[int(share * len(_BOILER))] + chance.uniform(-0.5, 0.5)


def _hovering(share: float, chance: random.Random) -> float:
    """Around 70, over and under it many times a minute."""
    return 70 + 1.5 * math.sin(share * 400) + chance.uniform(-0.2, 0.2)


# How the readings of a round become objects.


def as_ndjson(readings: list[SentReading], number: int) -> list[SentObject]:
    """One object, a reading a line."""
    return [SentObject(key=_key(readings, "ndjson"), body=_lines(readings), readings=tuple(readings))]


def as_array(readings: list[SentReading], number: int) -> list[SentObject]:
    """One object, a JSON array."""
    body = json.dumps([reading.to_json() for reading in readings]).encode()
    return [SentObject(key=_key(readings, "json"), body=body, readings=tuple(readings))]


def as_gzip(readings: list[SentReading], number: int) -> list[SentObject]:
    """One object, gzipped lines; no date in the gzip header, so that the same seed gives the same bytes."""
    body = gzip.compress(_lines(readings), mtime=0)
    return [SentObject(key=_key(readings, "ndjson.gz"), body=body, readings=tuple(readings))]


def as_senml(readings: list[SentReading], number: int) -> list[SentObject]:
    """One object, a SenML pack (RFC 8428): base name and time, and a record for each value, which is a reading each."""
    first = readings[0]
    single = [
        replace(reading, metrics={metric: value}) for reading in readings for metric, value in reading.metrics.items()
    ]
    records = []
    for reading in single:
        ((metric, value),) = reading.metrics.items()
        unit = {"u": unit} if (unit := reading.known_units().get(metric)) else {}
        after = (reading.timestamp - first.timestamp).total_seconds()
        records.append({"n": metric, **unit, "v": value, "t": after})
    records[0] = {"bn": f"{first.device_id}:", "bt": first.timestamp.timestamp(), **records[0]}
    return [SentObject(key=_key(readings, "senml.json"), body=json.dumps(records).encode(), readings=tuple(single))]


def as_ndjson_twice(readings: list[SentReading], number: int) -> list[SentObject]:
    """The same lines under two keys: a device that did not hear that its first upload had arrived."""
    (first,) = as_ndjson(readings, number)
    return [first, SentObject(key=_key(readings, "retry.ndjson"), body=first.body, readings=first.readings)]


def with_corruption(readings: list[SentReading], number: int) -> list[SentObject]:
    """Good lines; in the second round half of them spoilt, and a wholly unreadable object in the third and fourth."""
    (good,) = as_ndjson(readings, number)
    if number == 1:
        return [_spoilt(readings)]
    if number in _UNREADABLE:
        ending, body, reason = _UNREADABLE[number]
        return [good, SentObject(key=_key(readings, ending), body=body, readings=(), rejects={reason: 1})]
    return [good]


_UNREADABLE = {
    2: ("cut-off.ndjson.gz", b"\x1f\x8b\x08\x00 a gzip header and then nothing that unpacks", "bad_gzip"),
    3: ("firmware.bin", b"\x00\x01\x02 not a reading in any form \xff\xfe", "bad_encoding"),
}


def _spoilt(readings: list[SentReading]) -> SentObject:
    half = len(readings) // 2
    whole = {"device_id": readings[0].device_id, "timestamp": "2026-01-01T00:00:00Z", "metrics": {"temperature": 31}}
    bad = [
        f'{{"device_id": "{readings[0].device_id}", "timest',
        json.dumps({**whole, "timestamp": "yesterday"}),
        json.dumps({**whole, "metrics": {"temperature": "hot"}}),
        json.dumps({**whole, "metrics": {}}),
    ]
    lines = _lines(readings[:half]) + "".join(f"{line}\n" for line in bad).encode() + _lines(readings[half:])
    return SentObject(
        key=_key(readings, "spoilt.ndjson"),
        body=lines,
        readings=tuple(readings),
        # A reading with one value, and that one bad, is a bad record too.
        rejects={"not_json": 1, "invalid_timestamp": 1, "no_metrics": 2},
        bad_values={"invalid_value": 1},
    )


def _key(readings: list[SentReading], ending: str) -> str:
    first = readings[0]
    return f"{first.device_id}/{first.timestamp:%Y-%m-%dT%H-%M-%S}.{ending}"


def _lines(readings: list[SentReading]) -> bytes:
    return b"".join(json.dumps(reading.to_json()).encode() + b"\n" for reading in readings)
