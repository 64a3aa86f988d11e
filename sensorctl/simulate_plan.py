"""What is to be sent and when: a fleet's objects or a file's, and the pace. Pure but for reading the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lambdas.ingest.decoding.identifiers import check_metric
from lambdas.ingest.decoding.limits import MAX_FUTURE_SKEW
from lambdas.ingest.decoding.reading import RecordError
from lambdas.shared.thresholds import Thresholds
from sensorctl.errors import UserError
from sensorctl.simulate_fleet import cast, ordered_fleet
from sensorctl.simulate_replay import Columns, moved, read, uploads
from sensorctl.simulator import Upload, simulate

# What one run holds in memory; more is sent by running it again with another start.
_MOST_READINGS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class FleetOrder:
    """A fleet to simulate: `stories` is how many devices have each (all None: one); `start` None: it ends now."""

    devices: int
    every: timedelta
    duration: timedelta
    per_object: int
    seed: int
    metrics: Sequence[str]
    stories: Mapping[str, int | None]
    start: datetime | None = None


def fleet_uploads(order: FleetOrder, *, thresholds: Thresholds, now: datetime) -> list[Upload]:
    """Return the fleet's objects in the order of time. Raises UserError when the order cannot be carried out."""
    steps = max(1, order.duration // order.every)
    if steps * order.devices > _MOST_READINGS:
        raise UserError(
            f"that is {steps * order.devices:,} readings; at most {_MOST_READINGS:,} are sent in one run, so give "
            "fewer --devices, a longer --every or a shorter --duration"
        )
    for metric in order.metrics:
        try:
            check_metric(metric)
        except RecordError as error:
            raise UserError(f"--metric {metric}: {error.detail}") from None
    per_round = min(order.per_object, steps)
    rounds = max(1, steps // per_round)
    # Whole seconds, and the last reading not ahead of the clock.
    start = order.start or (now - rounds * per_round * order.every).replace(microsecond=0)
    fleet = ordered_fleet(
        cast(order.stories, devices=order.devices),
        devices=order.devices,
        metrics=order.metrics,
        thresholds=thresholds,
        rounds=rounds,
        per_round=per_round,
        seed=order.seed,
    )
    told = simulate(fleet, seed=order.seed, start=start, rounds=rounds, every=order.every, per_round=per_round)
    return [upload for round_ in told for upload in round_]


@dataclass(frozen=True, kw_only=True)
class FileUploads:
    """A file's objects, and a sentence about the records that are none, if there are any."""

    uploads: list[Upload]
    skipped: str | None


def file_uploads(
    path: Path, columns: Columns, *, per_object: int, rebase_to: datetime | None, now: datetime
) -> FileUploads:
    """Return the objects of a file's readings. Raises UserError when it holds none, or when they lie in the future."""
    found = read(path, columns)
    readings = found.readings if rebase_to is None else moved(found.readings, newest=rebase_to)
    if readings[-1].timestamp - now > MAX_FUTURE_SKEW:
        raise UserError(
            f"the last reading would be of {readings[-1].timestamp:%Y-%m-%dT%H:%M:%SZ}, and ingest rejects what lies "
            "over a day ahead; move them with --rebase-to now"
        )
    skipped = f"{found.skipped} records are no reading; {found.first_problem}" if found.skipped else None
    return FileUploads(uploads=uploads(readings, per_object=per_object), skipped=skipped)
