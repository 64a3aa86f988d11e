"""`sensorctl report`: what a pipeline did, as one HTML file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ROOT, PipelineOptions, instant, with_options

_OUT = ROOT / ".run" / "report.html"
_LAST_DAY = timedelta(days=1)
_EVERY_S = 10


@with_options
def report(
    *,
    out: Annotated[Path, typer.Option(help="Where to write it.", show_default=".run/report.html")] = _OUT,
    since: Annotated[datetime | None, instant("Only from then on; on AWS the last day by default.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Serve it on this machine and renew it every 10 s, until Ctrl-C.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="With --watch: the port; a free one by default.")] = None,
    target: PipelineOptions,
) -> None:
    """Write one HTML file to open offline: charts with alerts, their traces, the inbox, what was rejected.

    It reads the newest readings of each device since then, 400,000 of all devices, and the whole alerts table (a scan).
    With --watch it does so again while a browser has the page open.
    """
    from sensorctl.aws.embedded_state import folder  # noqa: PLC0415
    from sensorctl.report.watch import serve  # noqa: PLC0415
    from sensorctl.report.write import page, write  # noqa: PLC0415 boto3 and Jinja take their time

    if port is not None and not watch:
        raise UserError("--port is for --watch, which serves the report")
    if watch and out != _OUT:
        raise UserError("--watch serves the report and writes no file; leave out --out")
    to = target.connect()
    if target.embedded:
        where, inbox = "embedded AWS", folder(ROOT) / "inbox"
    else:
        where, inbox = f"{target.name} ({to.access.region})", None

    def begin() -> datetime | None:
        return since if since is not None or target.embedded else datetime.now(UTC) - _LAST_DAY

    if watch:
        serve(
            lambda: page(to.access, to.pipeline, where=where, inbox=inbox, since=begin()), port=port, every_s=_EVERY_S
        )
        return
    with terminal.console().status("reading the pipeline"):
        write(to.access, to.pipeline, where=where, inbox=inbox, out=out, since=begin())
    terminal.say(f"The report: {out}")
