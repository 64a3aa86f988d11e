"""The command line: each command lives in its own package (`<name>/command.py`) and is registered here.

Exit codes: 0 all is well, 1 something is wrong with what was looked at, 2 wrong use.
"""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from lambdas.shared.document_reader import DocumentError
from sensorctl import terminal
from sensorctl.alerts import command as alerts
from sensorctl.check import command as check
from sensorctl.cost import command as cost
from sensorctl.devices import command as devices
from sensorctl.empty import command as empty
from sensorctl.errors import UserError
from sensorctl.mutes import command as mutes
from sensorctl.preflight import command as preflight
from sensorctl.readings import command as readings
from sensorctl.redrive import command as redrive
from sensorctl.replay import command as replay
from sensorctl.report import command as report
from sensorctl.run import command as run
from sensorctl.simulate import command as simulate
from sensorctl.status import command as status
from sensorctl.subscribers import command as subscribers
from sensorctl.thresholds import command as thresholds
from sensorctl.traces import command as traces
from sensorctl.upload import command as upload

app = typer.Typer(
    help="Run the sensor pipeline on this machine, feed it, and look into it, here (--embedded) or on AWS.\n\n"
    "Exit codes: 0 all is well, 1 something is wrong with what was looked at, 2 wrong use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
LOOK, CHANGE = "Look into it", "Change who is alerted, and when"
for panel, commands in {
    "On this machine": (run.run, run.up, run.down, check.check),
    "Feed it": (upload.upload, simulate.simulate),
    LOOK: (status.status, readings.readings, traces.traces, report.report),
    "After something failed": (redrive.redrive, replay.reconcile, replay.replay),
    "Before a deployment, and before it is destroyed": (cost.cost, preflight.preflight, empty.empty),
}.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
for group, name, panel in (
    (alerts.app, "alerts", LOOK),
    (devices.app, "devices", LOOK),
    (mutes.app, "mutes", CHANGE),
    (subscribers.app, "subscribers", CHANGE),
    (thresholds.app, "thresholds", CHANGE),
):
    app.add_typer(group, name=name, rich_help_panel=panel)
for command in (run.serve, run.prepare):
    app.command(hidden=True)(command)


def main() -> NoReturn:
    """Run the command line; a UserError ends it with one sentence and exit code 2."""
    # A killed run must stop its processes like an interrupted one.
    signal.signal(signal.SIGTERM, _interrupt)
    # What a command reads lives until it ends; to search it for cycles with every 700 objects more took a third of the
    # time that a list of 100,000 devices takes.
    gc.set_threshold(100_000)
    try:
        app(prog_name="sensorctl")
    except (UserError, DocumentError) as error:
        terminal.say(f"sensorctl: {error}", err=True)
        sys.exit(2)
    except Exception as error:
        # Not imported before it is needed: it would slow `--help`. Only AWS's own errors are printed as one sentence.
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        if not isinstance(error, (BotoCoreError, ClientError)):
            raise
        terminal.say(f"sensorctl: AWS refused: {error}", err=True)
        sys.exit(1)
    sys.exit(0)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
