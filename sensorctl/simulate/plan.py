"""What is to be sent and when: a fleet's objects or a file's, and the pace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lambdas.alert.mail.formatting import counted
from lambdas.ingest.decoding.limits import MAX_FUTURE_SKEW
from lambdas.ingest.decoding.reading import RecordError
from lambdas.ingest.decoding.values.identifiers import check_metric
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.errors import UserError
from sensorctl.options import duration as duration_of
from sensorctl.simulate.custom_fleet import custom_fleet, story_counts
from sensorctl.simulate.fleet import SentObject, simulate
from sensorctl.simulate.options import FleetOptions
from sensorctl.simulate.recorded_files import Columns, moved, objects_of, read

# What one run holds in memory; more is sent by running it again with another start.
_MOST_READINGS = 2_000_000


def fleet_objects(
    fleet: FleetOptions, stories: Mapping[str, int | None], *, thresholds: Thresholds, now: datetime
) -> list[SentObject]:
    """Return the fleet's objects in the order of time; `stories` is how many devices have each (all None: one).

    Raises UserError for what cannot be carried out.
    """
    every, duration = duration_of(fleet.every, "--every"), duration_of(fleet.duration, "--duration")
    steps = max(1, duration // every)
    if steps * fleet.devices > _MOST_READINGS:
        raise UserError(
            f"that is {steps * fleet.devices:,} readings; at most {_MOST_READINGS:,} are sent in one run, so give "
            "fewer --devices, a longer --every or a shorter --duration"
        )
    for metric in fleet.metrics:
        try:
            check_metric(metric)
        except RecordError as error:
            raise UserError(f"--metric {metric}: {error}") from None
    per_round = min(fleet.per_object, steps)
    rounds = max(1, steps // per_round)
    # Whole seconds, and the last reading not ahead of the clock.
    start = fleet.start or (now - rounds * per_round * every).replace(microsecond=0)
    counts = story_counts(stories, devices=fleet.devices)
    devices = custom_fleet(fleet, counts, thresholds=thresholds, rounds=rounds, per_round=per_round)
    objects = simulate(devices, seed=fleet.seed, start=start, rounds=rounds, every=every, per_round=per_round)
    return [sent for round_ in objects for sent in round_]


@dataclass(frozen=True, kw_only=True)
class RecordedObjects:
    """A file's objects, and a sentence about the records that are none, if there are any."""

    objects: list[SentObject]
    skipped: str | None


def file_objects(
    path: Path, columns: Columns, *, per_object: int, rebase_to: datetime | None, now: datetime
) -> RecordedObjects:
    """Return the objects of a file's readings. Raises UserError when it holds none, or when they lie in the future."""
    recorded = read(path, columns)
    readings = recorded.readings
    if rebase_to is not None:
        readings = moved(readings, newest=rebase_to)
    if readings[-1].timestamp - now > MAX_FUTURE_SKEW:
        raise UserError(
            f"the last reading would be of {readings[-1].timestamp:%Y-%m-%dT%H:%M:%SZ}, and ingest rejects what lies "
            "over a day ahead; move them with --rebase-to now"
        )
    words = counted(recorded.skipped, "record is", "records are")
    skipped = f"{words} no reading; {recorded.first_problem}" if recorded.skipped else None
    return RecordedObjects(objects=objects_of(readings, per_object=per_object), skipped=skipped)
