"""Options that several commands share, and the connection they ask for. Imports nothing heavy: `--help` is fast."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sensorctl.connection import Connection

ROOT = Path(__file__).parents[1]
INSTANTS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]

Embedded = Annotated[bool, typer.Option("--embedded", help="Ask the embedded AWS that `make up` started.")]
Stage = Annotated[str, typer.Option(help="The stage on AWS.")]
Profile = Annotated[str | None, typer.Option(help="An AWS profile.")]
Region = Annotated[
    str | None, typer.Option(envvar="AWS_REGION", help="An AWS region; else the profile's, else us-east-1.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(question: str, *, yes: bool) -> None:
    """Ask on standard error unless `yes`; anything but a yes, and nobody to answer, ends the command with 1."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


def connected(*, embedded: bool, stage: str, profile: str | None, region: str | None) -> Connection:
    """Return the pipeline that the options name. Raises UserError when it cannot be reached, saying what to do."""
    from sensorctl.connection import connect  # noqa: PLC0415 boto3 takes a third of a second to import

    return connect(root=ROOT, embedded=embedded, stage=stage, profile=profile, region=region)


def utc(instant: datetime | None) -> datetime | None:
    """Return an instant of the command line as what it is meant to be: in UTC."""
    return instant.replace(tzinfo=UTC) if instant else None
