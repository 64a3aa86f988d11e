"""The commands. Each is a line or two; what they do stands in the module they call.

Exit codes: 0 all is well, 1 something is wrong with what was looked at, 2 wrong use.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from lambdas.shared.thresholds import ThresholdsError
from sensorctl import terminal
from sensorctl.commands import alerts, subscribers, thresholds
from sensorctl.commands.cost import cost
from sensorctl.commands.devices import devices
from sensorctl.commands.empty import empty
from sensorctl.commands.preflight import preflight
from sensorctl.commands.readings import readings
from sensorctl.commands.redrive import redrive
from sensorctl.commands.replay import reconcile, replay
from sensorctl.commands.report import report
from sensorctl.commands.simulate import simulate
from sensorctl.commands.status import status
from sensorctl.commands.traces import traces
from sensorctl.errors import UserError
from sensorctl.options import ROOT

app = typer.Typer(
    help="Run the sensor pipeline on this machine, feed it, and look into it, here (--embedded) or on AWS.\n\n"
    "Exit codes: 0 all is well, 1 something is wrong with what was looked at, 2 wrong use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(alerts.app, name="alerts")
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(thresholds.app, name="thresholds")
app.command()(status)
app.command()(devices)
app.command()(readings)
app.command()(traces)
app.command()(simulate)
app.command()(redrive)
app.command()(replay)
app.command()(reconcile)
app.command()(report)
app.command()(empty)
app.command()(cost)
app.command()(preflight)


def main() -> NoReturn:
    """Run the command line; a UserError ends it with one sentence and exit code 2."""
    # A killed run must stop its processes like an interrupted one.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except (UserError, ThresholdsError) as error:
        terminal.say(f"sensorctl: {error}", err=True)
        sys.exit(2)
    except Exception as error:
        # Not imported before it is needed: it would slow `--help`. Only AWS's own errors are told in one sentence.
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        if not isinstance(error, (BotoCoreError, ClientError)):
            raise
        terminal.say(f"sensorctl: AWS refused: {error}", err=True)
        sys.exit(1)
    sys.exit(0)


@app.command()
def run(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Your own files of readings, instead of the fleet.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The simulated fleet's seed.")] = 1,
    port: Annotated[int | None, typer.Option(help="Port of the embedded AWS; a free one by default.")] = None,
    smtp: Annotated[str | None, typer.Option(help="host:port of a mail server to hand the e-mails to.")] = None,
) -> None:
    """Send a simulated fleet, or your own files, through the whole pipeline on an embedded AWS."""
    from sensorctl import run as fleet  # noqa: PLC0415 moto alone takes a second to import
    from sensorctl import run_files as own  # noqa: PLC0415
    from sensorctl import scorecard  # noqa: PLC0415

    console, server = terminal.console(), _address(smtp)
    summary: scorecard.Summary | own.FilesSummary
    if files:
        summary = own.run_files(root=ROOT, files=files, console=console, port=port, smtp=server)
    else:
        summary = fleet.run(root=ROOT, seed=seed, console=console, port=port, smtp=server)
    raise typer.Exit(1 if summary.problems else 0)


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port of the embedded AWS; a free one by default.")] = None,
    smtp: Annotated[str | None, typer.Option(help="host:port of a mail server to hand the e-mails to.")] = None,
) -> None:
    """Start the embedded AWS with the pipeline deployed, leave it running, and say how to reach it."""
    from sensorctl.embedded import background  # noqa: PLC0415

    background.up(root=ROOT, port=port, smtp=_address(smtp), console=terminal.console())


@app.command()
def down() -> None:
    """Stop what `up` started."""
    from sensorctl.embedded import background  # noqa: PLC0415

    background.down(root=ROOT, console=terminal.console())


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of readings; - is standard input.")] = None,
    source: Annotated[
        str | None, typer.Option(help="The device that uploads them, where each may speak for itself alone.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what ingest would make of files, with no AWS: exit code 0 all accepted, 1 some rejected, 2 unreadable."""
    from sensorctl import check as checking  # noqa: PLC0415

    raise typer.Exit(checking.check(files or [], as_json, source=source))


@app.command(hidden=True)
def prepare() -> None:
    """Bundle the functions and synthesise the app once, so that the first `run` need not."""
    from constructs_lib.bundling import Bundler, host_target  # noqa: PLC0415
    from constructs_lib.operations import OPERATIONS  # noqa: PLC0415
    from sensorctl.embedded.assembly import synthesise  # noqa: PLC0415
    from sensorctl.embedded.aws import CONTEXT  # noqa: PLC0415

    synthesise(ROOT, context=CONTEXT)
    bundler = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=host_target())
    for function in OPERATIONS:
        terminal.say(bundler.bundle(function).described())


@app.command(hidden=True)
def serve(port: int | None = None, smtp: str | None = None) -> None:
    """Be the embedded AWS until told to stop; `up` runs this in the background."""
    from sensorctl.embedded import background  # noqa: PLC0415

    background.serve(root=ROOT, port=port, smtp=_address(smtp))


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--smtp {text}: give a host and a port, such as localhost:1025")
    return host, int(port)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
