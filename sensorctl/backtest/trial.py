"""Runs the present thresholds and new ones over a stage's readings, or over files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lambdas.alert.mail.formatting import counted
from lambdas.ingest.decoding.mapping.mappings import Mappings
from lambdas.shared.printable import printable
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl import terminal
from sensorctl.aws.connection import Connection
from sensorctl.backtest import files as readings_in_files
from sensorctl.backtest.comparison import Comparison
from sensorctl.backtest.gateways import is_in_group, silences
from sensorctl.backtest.mail import Mail
from sensorctl.backtest.simulation import mails
from sensorctl.backtest.stored import StoredDevice, StoredReadings
from sensorctl.errors import UserError
from sensorctl.options import confirm

USUAL = timedelta(days=7)
# What may be read without a question: $0.03 in us-east-1, and half an hour.
MOST_UNITS = 250_000
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Documents:
    """The rules that are in force (or stand for them), and those that are tried."""

    present: Thresholds
    new: Thresholds


@dataclass(kw_only=True)
class Trial:
    """A comparison and what it rests on; `read_units` is None where nothing was read that costs."""

    comparison: Comparison = field(default_factory=Comparison)
    readings: int = 0
    devices: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    read_units: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it for a program."""
        names = ("readings", "devices", "first_at", "last_at", "read_units")
        return {**{name: getattr(self, name) for name in names}, **self.comparison.to_json()}


def on_stage(to: Connection, documents: Documents, *, device: str, since: datetime, now: datetime, yes: bool) -> Trial:
    """Try the documents on what is stored of the devices that match, and was taken from `since` on.

    Asks before it reads more than `MOST_UNITS`, unless `yes`. Raises UserError where there is nothing to try it on.
    """
    dynamodb = to.access.client("dynamodb")
    stored = StoredReadings(dynamodb, table=to.pipeline.readings_table, since=since)
    devices = stored.devices(device)
    if not devices:
        raise UserError(f"no device {printable(device)} has reported; `sensorctl devices` lists those that have")
    estimate = stored.estimate(devices, now=now)
    if estimate.read_units > MOST_UNITS:
        of = f"{counted(estimate.readings, 'reading')} of {counted(len(devices), 'device')}"
        confirm(f"Read about {of}, which costs about {estimate.read_units:,} read units?", yes=yes)
    trial = _run(stored.read(devices), documents, total=len(devices), until=now)
    if not trial.readings:
        raise UserError(f"no reading of {printable(device)} is stored since {since:%Y-%m-%d %H:%M} UTC")
    return trial


def on_files(
    files: Sequence[str],
    documents: Documents,
    *,
    device: str,
    since: datetime | None,
    mappings: Mappings | None,
    now: datetime,
) -> Trial:
    """Try the documents on files; the last sweep is a minute after the last reading. Raises UserError."""
    found = readings_in_files.read(files, device=device, mappings=mappings, now=now)
    if found.rejected:
        rejected = counted(found.rejected, "record or value", "records or values")
        terminal.say(f"sensorctl: {rejected} left out: `sensorctl check` says why", err=True)
    devices = [
        StoredDevice(device_id=device_id, uploads=kept)
        for device_id, uploads in found.uploads.items()
        if (kept := [upload for upload in uploads if since is None or upload.at >= since])
    ]
    if not devices:
        raise UserError(f"the files hold no reading of {printable(device)}{' in that time' if since else ''}")
    last_at = max(stored.uploads[-1].at for stored in devices)
    return _run(devices, documents, total=len(devices), until=last_at + _MINUTE)


def _run(devices: Iterable[StoredDevice], documents: Documents, *, total: int, until: datetime) -> Trial:
    trial, rules = Trial(), (documents.present, documents.new)
    # Of gateways and of what is behind them the silences are judged when all of them are read.
    grouped: dict[str, tuple[list[Mail], list[Mail]]] = {}
    times: dict[str, list[datetime]] = {}
    with terminal.progress() as progress:
        task = progress.add_task("devices", total=total)
        for stored in devices:
            _count(trial, stored)
            present, new = mails(stored.device_id, stored.uploads, documents=rules, until=until)
            if any(is_in_group(stored.device_id, thresholds) for thresholds in rules):
                grouped[stored.device_id] = present, new
                times[stored.device_id] = [upload.at for upload in stored.uploads]
            else:
                trial.comparison.add(stored.device_id, now=present, new=new)
            progress.advance(task)
    silent = [silences(times, thresholds=thresholds, until=until) for thresholds in rules]
    for device_id in sorted({*grouped, *silent[0], *silent[1]}):
        present, new = grouped.get(device_id, ([], []))
        trial.comparison.add(
            device_id, now=[*present, *silent[0].get(device_id, ())], new=[*new, *silent[1].get(device_id, ())]
        )
    return trial


def _count(trial: Trial, stored: StoredDevice) -> None:
    if stored.read_units is not None:
        trial.read_units = (trial.read_units or 0) + stored.read_units
    if not stored.uploads:
        return
    trial.devices += 1
    trial.readings += sum(len(upload.readings) for upload in stored.uploads)
    first, last = stored.uploads[0].at, stored.uploads[-1].at
    trial.first_at = min(trial.first_at or first, first)
    trial.last_at = max(trial.last_at or last, last)
