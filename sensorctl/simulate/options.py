"""What `sensorctl simulate` takes: a fleet with stories or a recorded file, and where to send it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sensorctl.errors import UserError
from sensorctl.options import instant

_COLUMNS = ("device_id", "timestamp")

_fleet = partial(typer.Option, rich_help_panel="The fleet")
_story = partial(typer.Option, min=0, rich_help_panel="Its stories")
_recorded = partial(typer.Option, rich_help_panel="Your own file")
_sending = partial(typer.Option, rich_help_panel="Where to, and how fast")


@dataclass(frozen=True, kw_only=True)
class FleetOptions:
    """A fleet to simulate; without a `start` it ends now."""

    devices: Annotated[int, _fleet(min=1, help="How many devices.")] = 10
    every: Annotated[str, _fleet(help="Between two readings of a device.")] = "10s"
    duration: Annotated[str, _fleet(help="How long they report, by their time.")] = "30m"
    per_object: Annotated[
        int, _fleet("--per-object", "--batch", min=1, help="Readings that a device gathers into one object.")
    ] = 12
    seed: Annotated[int, _fleet(help="Same seed, start and thresholds, same bytes.")] = 1
    start: Annotated[
        datetime | None, instant("Time of the first reading; else the last is now.", rich_help_panel="The fleet")
    ] = None
    metric: Annotated[
        list[str] | None, _fleet(help="What is measured; of your own file name=column. May be repeated.")
    ] = None

    @property
    def metrics(self) -> list[str]:
        """What is measured."""
        return self.metric or ["temperature"]


@dataclass(frozen=True, kw_only=True)
class StoryOptions:
    """How many devices have each story (all None: one), in the order in which devices are assigned to them."""

    drift: Annotated[int | None, _story(help="So many devices rise slowly to critical.")] = None
    spike: Annotated[int | None, _story(help="So many are out of bounds in single readings.")] = None
    flap: Annotated[int | None, _story(help="So many hover around the limit of warning.")] = None
    silence: Annotated[int | None, _story(help="So many fall silent after 40 % of the time.")] = None
    duplicates: Annotated[int | None, _story(help="So many send every object twice.")] = None
    corrupt: Annotated[int | None, _story(help="So many send broken lines and files.")] = None
    gzip: Annotated[int | None, _story(help="So many send gzip.")] = None
    senml: Annotated[int | None, _story(help="So many send SenML.")] = None


@dataclass(frozen=True, kw_only=True)
class RecordedOptions:
    """A file of readings, instead of a fleet."""

    file: Annotated[Path | None, _recorded(help="A CSV or JSON file, instead of a fleet.")] = None
    column: Annotated[
        list[str] | None, _recorded(help="device_id=machine or timestamp=ts: what your columns are called.")
    ] = None
    device: Annotated[str | None, _recorded(help="The device id of every record, where no column holds it.")] = None
    rebase_to: Annotated[str | None, _recorded(help="Move all in time, the last to now or an instant.")] = None

    def newest(self, *, now: datetime) -> datetime | None:
        """Return the instant to move the last reading to (without an offset: UTC). Raises UserError."""
        if self.rebase_to is None or self.rebase_to == "now":
            return now if self.rebase_to else None
        try:
            at = datetime.fromisoformat(self.rebase_to)
        except ValueError:
            raise UserError(
                f"--rebase-to {self.rebase_to}: give now or an instant such as 2026-11-22T10:00:00Z"
            ) from None
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)

    def columns(self) -> dict[str, str]:
        """Return what the columns of device and time are called, and the device. Raises UserError for any other."""
        columns = pairs_of(self.column or (), "--column")
        unknown = [name for name in columns if name not in _COLUMNS]
        if unknown:
            raise UserError(
                f"--column {unknown[0]}=...: only device_id and timestamp are columns; metrics are given with --metric"
            )
        return {**columns, **({"device": self.device} if self.device is not None else {})}


@dataclass(frozen=True, kw_only=True)
class SendingOptions:
    """Where uploads go, and how fast."""

    to_folder: Annotated[Path | None, _sending(help="Write files there instead of uploading.")] = None
    rate: Annotated[float | None, _sending(min=0.01, help="Objects a second; 10 when uploading.")] = None
    live: Annotated[bool, _sending("--live", help="From now on, each object when it is measured.")] = False
    dry_run: Annotated[bool, _sending("--dry-run", help="Only say what would be sent, and what must come of it.")] = (
        False
    )


def pairs_of(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return `name=column` texts as a mapping. Raises UserError naming the option."""
    pairs = {}
    for text in texts:
        name, _, column = text.partition("=")
        if not name or not column:
            raise UserError(f"{option} {text}: give it as name=column, such as temperature=temp_c")
        pairs[name] = column
    return pairs
