"""`sensorctl check`: what ingest would make of files, with no AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensorctl.check.options import CheckOptions
from sensorctl.options import Json, with_options


@with_options
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of readings; - is standard input.")] = None,
    *,
    options: CheckOptions,
    as_json: Json = False,
) -> None:
    """Say what ingest would make of files, with no AWS: exit code 0 all accepted, 1 some rejected, 2 unreadable."""
    from sensorctl.check.files import check as check_files  # noqa: PLC0415

    raise typer.Exit(check_files(files or [], options, as_json=as_json))
