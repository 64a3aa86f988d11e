"""`sensorctl upload`: puts files of readings where ingest looks."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TimeRemainingColumn

from lambdas.alert.mail.formatting import counted
from lambdas.shared.names import INCOMING_PREFIX
from sensorctl import terminal
from sensorctl.options import PipelineOptions, Yes, confirm, with_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensorctl.upload.files import FileToUpload

_SHOWN = 20


@with_options
def upload(
    files: Annotated[list[Path], typer.Argument(help="Files of readings.")],
    *,
    device: Annotated[
        str | None,
        typer.Option(help="The device or gateway that they are from: the folder they go to, instead of their own."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be uploaded, and where to.")] = False,
    target: PipelineOptions,
    yes: Yes = False,
) -> None:
    """Say which files go where, ask, and upload them: each below incoming/, into the folder that it lies in.

    What ingest makes of a file, `sensorctl check FILE` says before. A file of the same folder and name replaces the one
    before it in the bucket, not its readings.
    """
    from sensorctl.upload.files import files_to_upload  # noqa: PLC0415

    found = files_to_upload(files, device=device)
    to = target.connect()
    size = counted(sum(file.size for file in found), "byte")
    verb = "Would upload" if dry_run else "This uploads"
    terminal.say(f"{verb} {counted(len(found), 'file')} of {size} to {target.name}:")
    terminal.say(*(f"  {file.path} ({counted(file.size, 'byte')}) to {file.key}" for file in found[:_SHOWN]))
    terminal.say_if_cut(min(_SHOWN, len(found)), len(found))
    if dry_run:
        return
    confirm("Go on?", yes=yes)
    uploader, done = to.uploader(), 0
    try:
        with terminal.progress(TimeRemainingColumn()) as progress:
            for file in progress.track(found, description="files uploaded"):
                uploader.upload(file.key.removeprefix(INCOMING_PREFIX), file.body())
                done += 1
    finally:
        terminal.say(f"{done:,} of {counted(len(found), 'file')} uploaded.")
    _say_what_next(found, target)


def _say_what_next(found: Sequence[FileToUpload], target: PipelineOptions) -> None:
    """Print where to look, in commands that can be copied."""
    key = shlex.quote(found[-1].key)
    terminal.say(
        "Ingest takes them in within seconds. What became of them:",
        f"  sensorctl traces {key} {target.given}",
        f"  sensorctl devices {target.given}",
        f"  sensorctl status {target.given}",
        "What was rejected is kept below quarantine/ in the same bucket, with the reasons.",
    )
