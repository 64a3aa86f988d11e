"""`sensorctl simulate`: a fleet with stories, or people's own files, sent to a pipeline or into a folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.progress import ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from lambdas.alert.mail.formatting import counted
from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ROOT, ListOptions, PipelineOptions, Yes, confirm, with_options
from sensorctl.simulate.options import FleetOptions, RecordedOptions, SendingOptions, StoryOptions, pairs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.shared.thresholds.thresholds import Thresholds
    from sensorctl.simulate.fleet import SentObject
    from sensorctl.simulate.sending import Destination, Planned
    from sensorctl.simulate.summary import SentSummary

# What the embedded AWS on a small machine takes in without falling behind.
_RATE = 10.0


@with_options
def simulate(
    *,
    fleet: FleetOptions,
    stories: StoryOptions,
    recorded: RecordedOptions,
    sending: SendingOptions,
    target: ListOptions,
    yes: Yes = False,
) -> None:
    """Send a simulated fleet, or your own file, and say what the pipeline must do with it.

    Without any of the stories there is one device of each, as far as --devices suffice; the rest are steady. A device's
    id says its story. Ctrl-C ends it after the upload under way. A stage on AWS is asked about first. Ends with 1 when
    it was stopped, or when a record of your file is no reading.

    Your own file: sensorctl simulate --embedded --file log.csv --column device_id=machine --column timestamp=ts
    --metric temperature=temp_c --rebase-to now. Without --metric every other number is a metric.
    """
    from sensorctl.simulate.plan import fleet_objects  # noqa: PLC0415
    from sensorctl.simulate.sending import as_measured, at_rate  # noqa: PLC0415

    now, live, file = datetime.now(UTC), sending.live, recorded.file
    if live and (file is not None or fleet.start is not None or sending.rate is not None):
        raise UserError("--live sends a fleet from now on, each object when it is due: no --file, --start or --rate")
    if file is None and (recorded.column or recorded.device or recorded.rebase_to):
        raise UserError("--column, --device and --rebase-to are about your own file; give it with --file FILE")
    place = _folder(sending.to_folder) if sending.to_folder is not None else _pipeline(target)
    skipped = None
    if file is not None:
        objects, skipped = _recorded(file, recorded, fleet=fleet, now=now)
    else:
        fleet = replace(fleet, start=now.replace(microsecond=0)) if live else fleet
        objects = fleet_objects(fleet, asdict(stories), thresholds=place.thresholds, now=now)
    per_second = sending.rate or (None if sending.to_folder is not None else _RATE)
    planned = as_measured(objects, start=now.timestamp()) if live else at_rate(objects, per_second=per_second)
    if sending.to_folder is None and not target.embedded and not sending.dry_run:
        readings = sum(len(upload.readings) for upload in objects)
        words = f"{counted(len(objects), 'object')} with {counted(readings, 'reading')}"
        confirm(f"This sends {words} to {place.name}, where they are stored and may alert. Go on?", yes=yes)
    sent = _send(planned, place, dry_run=sending.dry_run)
    sent.expected.sweep(now=datetime.now(UTC))
    if target.as_json:
        terminal.say_json(sent.to_json())
    else:
        verb = "Would send" if sending.dry_run else "Sent"
        terminal.say(*sent.words(where=place.name, now=datetime.now(UTC), verb=verb))
    raise typer.Exit(1 if sent.objects < sent.planned or skipped else 0)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where uploads go, what that is called, and the thresholds in force there."""

    destination: Destination
    name: str
    thresholds: Thresholds


def _folder(path: Path) -> _Place:
    from lambdas.shared.thresholds.thresholds import Thresholds  # noqa: PLC0415
    from sensorctl.simulate.sending import Folder  # noqa: PLC0415

    if path.exists() and not path.is_dir():
        raise UserError(f"--to-folder {path}: that is a file; name a folder, which is made if it is not there")
    thresholds = Thresholds.parse((ROOT / "thresholds.json").read_bytes())
    return _Place(destination=Folder(path), name=f"the folder {path}", thresholds=thresholds)


def _pipeline(target: PipelineOptions) -> _Place:
    from sensorctl.thresholds.parameter import thresholds_in_force  # noqa: PLC0415

    to = target.connect()
    thresholds, problem = thresholds_in_force(to.access, to.pipeline)
    if thresholds is None:
        raise UserError(f"cannot say what to expect of it: {problem}; fix them with `sensorctl thresholds edit`")
    return _Place(destination=to.uploader(), name=target.name, thresholds=thresholds)


def _recorded(
    path: Path, recorded: RecordedOptions, *, fleet: FleetOptions, now: datetime
) -> tuple[list[SentObject], str | None]:
    """Return the objects of a file, and the sentence about what is no reading in it, which is printed too."""
    from sensorctl.simulate.plan import file_objects  # noqa: PLC0415
    from sensorctl.simulate.recorded_files import Columns  # noqa: PLC0415

    columns = Columns(**recorded.columns(), metrics=pairs_of(fleet.metric or (), "--metric"))
    held = file_objects(path, columns, per_object=fleet.per_object, rebase_to=recorded.newest(now=now), now=now)
    if held.skipped is not None:
        terminal.say(f"sensorctl: {held.skipped}", err=True)
    return held.objects, held.skipped


def _send(planned: Sequence[Planned], place: _Place, *, dry_run: bool) -> SentSummary:
    from sensorctl.simulate.expectations import Expected  # noqa: PLC0415
    from sensorctl.simulate.sending import send, stopped_by_signals  # noqa: PLC0415
    from sensorctl.simulate.summary import SentSummary  # noqa: PLC0415

    summary = SentSummary(expected=Expected(place.thresholds), planned=len(planned))
    if dry_run:
        for due in planned:
            summary.add(due.upload)
        return summary
    with stopped_by_signals() as stop, terminal.progress(_Rate(), TimeRemainingColumn()) as progress:
        task = progress.add_task("objects sent", total=len(planned))

        def note(sent: SentObject) -> None:
            summary.add(sent)
            progress.advance(task)

        send(planned, to=place.destination, stop=stop, sent=note)
    return summary


class _Rate(ProgressColumn):
    """Objects a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")
