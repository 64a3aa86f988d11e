"""`make up` and `make down`: the embedded AWS as a process of its own, found again through its state file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console

from sensorctl.aws import embedded_state
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import find_pipeline
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.owner_only_files import make_private
from sensorctl.errors import UserError

_START_SECONDS = 120
_STOP_SECONDS = 20
_FLUSH_SECONDS = 1.0
_QUIET_SECONDS = 2.0


def up(*, root: Path, port: int | None, smtp: tuple[str, int] | None, console: Console) -> None:
    """Start `serve` detached, wait until it is ready, print how to reach it."""
    here = embedded_state.folder(root)
    if embedded_state.find(root) is not None:
        raise UserError("the embedded AWS is up already; stop it with `make down`")
    make_private(here.parent)
    make_private(here)
    log = here / "serve.log"
    arguments = [*([f"--port={port}"] if port else []), *([f"--smtp={smtp[0]}:{smtp[1]}"] if smtp else [])]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sensorctl", "serve", *arguments],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    with console.status("starting the embedded AWS and deploying the pipeline"):
        wait_until(lambda: embedded_state.find(root) is not None or process.poll() is not None, seconds=_START_SECONDS)
    if (ready := embedded_state.find(root)) is None:
        errors = log.read_text().strip().splitlines() or [f"it did not start; its log is {log}"]
        process.terminate()
        raise UserError(errors[-1].removeprefix("sensorctl: "))
    _explain(console, ready, root=root)


def down(*, root: Path, console: Console) -> None:
    """Stop what `up` started and wait until it is gone."""
    running = embedded_state.find(root)
    if running is None:
        console.print("The embedded AWS is not up.")
        return

    def stopped() -> bool:
        return not embedded_state.is_held(embedded_state.folder(root) / "lock")

    # The lock is held, and by this number: whoever takes the lock first removes the state of the one before.
    os.kill(running["pid"], signal.SIGTERM)
    with console.status("stopping the embedded AWS"):
        # Its state goes first, and the lock with the process: until then an `up` would find another one running.
        if not wait_until(stopped, seconds=_STOP_SECONDS):
            os.kill(running["pid"], signal.SIGKILL)
            wait_until(stopped, seconds=_STOP_SECONDS)
    console.print("The embedded AWS is down; the inbox stays in .run/up/inbox.")


def serve(*, root: Path, port: int | None, smtp: tuple[str, int] | None) -> None:
    """Run the embedded AWS until SIGTERM or Ctrl-C. Raises UserError for e-mails that no mail server took."""
    from sensorctl.embedded.embedded_aws import EmbeddedAws  # noqa: PLC0415 `down` need not pay for moto's import

    with EmbeddedAws(root=root, folder=embedded_state.folder(root), port=port, smtp=smtp) as aws:
        pause = threading.Event()
        try:
            while not pause.wait(_FLUSH_SECONDS):
                aws.collector.flush(quiet_s=_QUIET_SECONDS)
                aws.mailbox.attach()
        except KeyboardInterrupt:
            pass
    if aws.mailbox.not_handed_on is not None:
        raise UserError(aws.mailbox.not_handed_on)


def _explain(console: Console, ready: dict[str, Any], *, root: Path) -> None:
    settings = embedded_state.folder(root).relative_to(root) / "aws.env"
    bucket = find_pipeline(Access(**ready["access"]), stage=ready["stage"]).landing_bucket
    for line in (
        "The embedded AWS is up. Point boto3, the AWS CLI, the CDK and sensorctl at it with\n",
        f"    source {settings}\n",
        "and back at what they had with\n",
        "    leave_embedded_aws\n",
        f"In between for example: aws s3 cp readings.json s3://{bucket}/incoming/",
        "or, without the AWS CLI: sensorctl upload readings.json --embedded",
        "To watch it in a browser: sensorctl report --watch --embedded",
        "E-mails arrive in .run/up/inbox (a Maildir). Stop it with `make down`.",
    ):
        console.print(line, soft_wrap=True, highlight=False)
