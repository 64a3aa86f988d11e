"""`sensorctl report`: what a pipeline did, as one HTML file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import INSTANTS, ROOT, Embedded, Profile, Region, Stage, connected, utc

if TYPE_CHECKING:
    from sensorctl.embedded.access import Access
    from sensorctl.pipeline import Pipeline

OUT = ROOT / ".run" / "report.html"
_LAST_DAY = timedelta(days=1)


def report(
    out: Annotated[Path, typer.Option(help="Where to write it.", show_default=".run/report.html")] = OUT,
    since: Annotated[
        datetime | None,
        typer.Option(formats=INSTANTS, help="Only from this instant (UTC) on; on AWS the last day by default."),
    ] = None,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Write one HTML file to open offline: charts with alerts, their traces, the inbox, what was rejected.

    It reads the readings of each device since then, at most the newest 20,000, and the whole alerts table (a scan).
    """
    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    begin = utc(since)
    if embedded:
        where, inbox = "embedded AWS", ROOT / ".run" / "up" / "inbox"
    else:
        begin = begin or datetime.now(UTC) - _LAST_DAY
        where, inbox = f"stage {stage} on AWS ({to.access.region})", None
    with terminal.console().status("reading the pipeline"):
        write(to.access, to.pipeline, where=where, inbox=inbox, out=out, since=begin)
    terminal.say(f"The report: {out}")


def write(
    access: Access,
    pipeline: Pipeline,
    *,
    where: str,
    inbox: Path | None,
    out: Path = OUT,
    since: datetime | None = None,
) -> None:
    """Gather, render and write the report; `inbox` is the Maildir of an embedded AWS, None on AWS.

    Raises UserError when `out` cannot be written.
    """
    from sensorctl.report.compose import compose  # noqa: PLC0415 boto3 and Jinja take their time
    from sensorctl.report.gather import gather  # noqa: PLC0415
    from sensorctl.report.render import render  # noqa: PLC0415

    sources = gather(access, pipeline, where=where, inbox=inbox, since=since, now=datetime.now(UTC))
    page = render(compose(sources))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: it cannot be written there ({error.strerror}); name another file") from None
