"""`sensorctl run`, `up` and `down`: the pipeline on an embedded AWS, judged and ended, or left running."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ROOT, with_options

_FOLDER = ROOT / ".run"


@dataclass(frozen=True, kw_only=True)
class EmbeddedOptions:
    """How the embedded AWS is reached, and whom it hands e-mails to."""

    port: Annotated[int | None, typer.Option(help="Port of the embedded AWS; a free one by default.")] = None
    smtp: Annotated[str | None, typer.Option(help="host:port of a mail server to hand the e-mails to.")] = None

    def mail_server(self) -> tuple[str, int] | None:
        """Return host and port of the mail server. Raises UserError."""
        if self.smtp is None:
            return None
        host, _, port = self.smtp.rpartition(":")
        if not host or not port.isdigit():
            raise UserError(f"--smtp {self.smtp}: give a host and a port, such as localhost:1025")
        return host, int(port)


@with_options
def run(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Your own files of readings, instead of the fleet.")
    ] = None,
    *,
    seed: Annotated[int, typer.Option(help="The simulated fleet's seed.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where report, inbox and summary go.", show_default=".run")] = _FOLDER,
    options: EmbeddedOptions,
) -> None:
    """Send a simulated fleet, or your own files, through the whole pipeline on an embedded AWS."""
    from sensorctl.run.files_run import run_files  # noqa: PLC0415 moto alone takes a second to import
    from sensorctl.run.fleet_run import run_fleet  # noqa: PLC0415

    console, server = terminal.console(), options.mail_server()
    if files:
        problems = run_files(folder, files=files, console=console, port=options.port, smtp=server).problems
    else:
        problems = run_fleet(folder, seed=seed, console=console, port=options.port, smtp=server).problems
    console.print(f"The report: {folder / 'report.html'}", soft_wrap=True)
    raise typer.Exit(1 if problems else 0)


@with_options
def up(*, options: EmbeddedOptions) -> None:
    """Start the embedded AWS with the pipeline deployed, leave it running, and say how to reach it."""
    from sensorctl.embedded import background  # noqa: PLC0415

    background.up(root=ROOT, port=options.port, smtp=options.mail_server(), console=terminal.console())


def down() -> None:
    """Stop what `up` started."""
    from sensorctl.embedded import background  # noqa: PLC0415

    background.down(root=ROOT, console=terminal.console())


@with_options
def serve(*, options: EmbeddedOptions) -> None:
    """Serve the embedded AWS until SIGTERM or Ctrl-C; `up` runs this in the background."""
    from sensorctl.embedded import background  # noqa: PLC0415

    background.serve(root=ROOT, port=options.port, smtp=options.mail_server())


def prepare() -> None:
    """Bundle the functions and synthesise the app once, so that the first `run` need not."""
    from constructs_lib.bundling.bundle import Bundler, host_target  # noqa: PLC0415
    from constructs_lib.bundling.operations import OPERATIONS  # noqa: PLC0415
    from sensorctl.embedded.assembly import synthesise  # noqa: PLC0415
    from sensorctl.embedded.embedded_aws import CONTEXT  # noqa: PLC0415

    synthesise(ROOT, context=CONTEXT)
    bundler = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=host_target())
    for function in OPERATIONS:
        terminal.say(bundler.bundle(function).described())
