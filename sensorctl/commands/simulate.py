"""`sensorctl simulate`: a fleet with stories, or people's own files, sent to a pipeline or into a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import INSTANTS, ROOT, Embedded, Profile, Region, Stage, connected, utc
from sensorctl.simulate_options import duration as duration_of
from sensorctl.simulate_options import moment, named_columns, pairs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.shared.thresholds import Thresholds
    from sensorctl.simulate_sending import Planned, Target
    from sensorctl.simulate_summary import Sent
    from sensorctl.simulator import Upload

# What the embedded AWS on a small machine takes in without falling behind.
_RATE = 10.0
_METRIC = "temperature"

_FLEET, _STORIES, _REPLAY, _WHERE = "The fleet", "Its stories", "Replay of your own file", "Where to, and how fast"
_DRIFT = typer.Option(min=0, help="So many devices rise slowly to critical.", rich_help_panel=_STORIES)
_SPIKE = typer.Option(min=0, help="So many are out of bounds in single readings.", rich_help_panel=_STORIES)
_FLAP = typer.Option(min=0, help="So many hover around the limit of warning.", rich_help_panel=_STORIES)
_SILENCE = typer.Option(min=0, help="So many say nothing in the last 60 % of it.", rich_help_panel=_STORIES)
_DUPLICATES = typer.Option(min=0, help="So many send every object twice.", rich_help_panel=_STORIES)
_CORRUPT = typer.Option(min=0, help="So many send broken lines and files.", rich_help_panel=_STORIES)
_GZIP = typer.Option(min=0, help="So many send gzip.", rich_help_panel=_STORIES)
_SENML = typer.Option(min=0, help="So many send SenML.", rich_help_panel=_STORIES)


def simulate(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    devices: Annotated[int, typer.Option(min=1, help="How many devices.", rich_help_panel=_FLEET)] = 10,
    every: Annotated[str, typer.Option(help="Between two readings of a device.", rich_help_panel=_FLEET)] = "10s",
    duration: Annotated[str, typer.Option(help="How long they report, by their time.", rich_help_panel=_FLEET)] = "30m",
    per_object: Annotated[int, typer.Option(min=1, help="Readings in one object.", rich_help_panel=_FLEET)] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, start and thresholds, same bytes.", rich_help_panel=_FLEET)] = 1,
    start: Annotated[
        datetime | None,
        typer.Option(formats=INSTANTS, help="Time of the first reading; else the last is now.", rich_help_panel=_FLEET),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="What is measured; in a replay name=column. May be repeated.", rich_help_panel=_FLEET),
    ] = None,
    drift: Annotated[int | None, _DRIFT] = None,
    spike: Annotated[int | None, _SPIKE] = None,
    flap: Annotated[int | None, _FLAP] = None,
    silence: Annotated[int | None, _SILENCE] = None,
    duplicates: Annotated[int | None, _DUPLICATES] = None,
    corrupt: Annotated[int | None, _CORRUPT] = None,
    gzip: Annotated[int | None, _GZIP] = None,
    senml: Annotated[int | None, _SENML] = None,
    replay: Annotated[
        Path | None, typer.Option(help="A CSV or JSON file, instead of a fleet.", rich_help_panel=_REPLAY)
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="device_id=machine or timestamp=ts: what your columns are called.", rich_help_panel=_REPLAY),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="The id of all, where no column tells it.", rich_help_panel=_REPLAY)
    ] = None,
    rebase_to: Annotated[
        str | None, typer.Option(help="now or an instant: move all, the last to it.", rich_help_panel=_REPLAY)
    ] = None,
    to_folder: Annotated[
        Path | None, typer.Option(help="Write files there instead of uploading.", rich_help_panel=_WHERE)
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Objects a second; 10 when uploading.", rich_help_panel=_WHERE)
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="From now on, each object when it is measured.", rich_help_panel=_WHERE)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Send a simulated fleet, or your own file, and say what must come of it.

    Without any of the stories there is one device of each, as far as --devices suffice; the rest are steady. A device's
    id says its story. Ctrl-C ends it after the upload under way. Ends with 1 when it was stopped.

    Your own file: sensorctl simulate --embedded --replay log.csv --column device_id=machine --column timestamp=ts
    --metric temperature=temp_c --rebase-to now. Without --metric every other number is a metric.
    """
    from sensorctl import simulate_plan as plan  # noqa: PLC0415
    from sensorctl.simulate_sending import as_measured, at_rate  # noqa: PLC0415

    now = datetime.now(UTC)
    if live and (replay is not None or start is not None or rate is not None):
        raise UserError("--live sends a fleet from now on, each object when it is due: no --replay, --start or --rate")
    if replay is None and (column or device or rebase_to):
        raise UserError("--column, --device and --rebase-to are about your own file; give it with --replay FILE")
    place = _folder(to_folder) if to_folder is not None else _pipeline(embedded, stage, profile, region)
    if replay is not None:
        uploads = _replayed(
            replay,
            names={**named_columns(column or ()), **({"device": device} if device is not None else {})},
            metrics=pairs_of(metric or (), "--metric"),
            per_object=per_object,
            rebase_to=rebase_to,
        )
    else:
        order = plan.FleetOrder(
            devices=devices,
            every=duration_of(every, "--every"),
            duration=duration_of(duration, "--duration"),
            per_object=per_object,
            seed=seed,
            metrics=metric or (_METRIC,),
            stories={
                "drift": drift,
                "spike": spike,
                "flap": flap,
                "silence": silence,
                "duplicates": duplicates,
                "corrupt": corrupt,
                "gzip": gzip,
                "senml": senml,
            },
            start=now.replace(microsecond=0) if live else utc(start),
        )
        uploads = plan.fleet_uploads(order, thresholds=place.thresholds, now=now)
    per_second = rate or (None if to_folder is not None else _RATE)
    planned = as_measured(uploads, start=now.timestamp()) if live else at_rate(uploads, per_second=per_second)
    sent = _send(planned, place)
    sent.expected.sweep(now=datetime.now(UTC))
    if as_json:
        terminal.say(json.dumps(sent.to_json()))
    else:
        for line in sent.words(where=place.called, now=datetime.now(UTC)):
            terminal.say(line)
    raise typer.Exit(0 if sent.objects == sent.planned else 1)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where uploads go, what that is called, and the thresholds in force there."""

    target: Target
    called: str
    thresholds: Thresholds


def _folder(path: Path) -> _Place:
    from lambdas.shared.thresholds import Thresholds  # noqa: PLC0415
    from sensorctl.simulate_sending import Folder  # noqa: PLC0415

    if path.exists() and not path.is_dir():
        raise UserError(f"--to-folder {path}: that is a file; name a folder, which is made if it is not there")
    thresholds = Thresholds.parse((ROOT / "thresholds.json").read_bytes())
    return _Place(target=Folder(path), called=f"to the folder {path}", thresholds=thresholds)


def _pipeline(embedded: bool, stage: str, profile: str | None, region: str | None) -> _Place:
    from sensorctl.simulate_uploading import uploader  # noqa: PLC0415
    from sensorctl.thresholds_in_force import thresholds_in_force  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    thresholds, problem = thresholds_in_force(to.access, to.pipeline)
    if thresholds is None:
        raise UserError(f"what must come of it cannot be told: {problem}; mend them with `sensorctl thresholds edit`")
    called = "to the embedded AWS" if embedded else f"to stage {stage} on AWS"
    return _Place(target=uploader(to, root=ROOT, embedded=embedded), called=called, thresholds=thresholds)


def _replayed(
    path: Path, *, names: dict[str, str], metrics: dict[str, str], per_object: int, rebase_to: str | None
) -> list[Upload]:
    from sensorctl.simulate_plan import file_uploads  # noqa: PLC0415
    from sensorctl.simulate_replay import Columns  # noqa: PLC0415

    now = datetime.now(UTC)
    newest = moment(rebase_to, "--rebase-to", now=now) if rebase_to is not None else None
    held = file_uploads(path, Columns(**names, metrics=metrics), per_object=per_object, rebase_to=newest, now=now)
    if held.skipped is not None:
        terminal.say(f"sensorctl: {held.skipped}", err=True)
    return held.uploads


def _send(planned: Sequence[Planned], place: _Place) -> Sent:
    from sensorctl.expectations import Expected  # noqa: PLC0415
    from sensorctl.simulate_sending import send, stopped_by_signals  # noqa: PLC0415
    from sensorctl.simulate_summary import Sent  # noqa: PLC0415

    sent = Sent(expected=Expected(place.thresholds), planned=len(planned))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with (
        stopped_by_signals() as stop,
        Progress(*columns, console=terminal.console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("objects sent", total=len(planned))

        def note(upload: Upload) -> None:
            sent.add(upload)
            progress.advance(task)

        send(planned, to=place.target, stop=stop, sent=note)
    return sent


class _Rate(ProgressColumn):
    """Objects a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")
