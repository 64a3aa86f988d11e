"""`make up` and `make down`: the embedded AWS as a process of its own, found again through its state file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console

from sensorctl.embedded.access import Access
from sensorctl.embedded.private import is_held, make_private, write_private
from sensorctl.errors import UserError
from sensorctl.waiting import wait_until

_START_SECONDS = 120
_STOP_SECONDS = 20
_FLUSH_SECONDS = 1.0
_SETTLED_SECONDS = 2.0


def folder(root: Path) -> Path:
    """Return where `up` keeps its state; `run` keeps its own apart, so that both may run at once."""
    return root / ".run" / "up"


def up(*, root: Path, port: int | None, smtp: tuple[str, int] | None, console: Console) -> None:
    """Start `serve` detached, wait until it is ready, print how to reach it."""
    here = folder(root)
    if state(root) is not None:
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
        wait_until(lambda: state(root) is not None or process.poll() is not None, seconds=_START_SECONDS)
    if (ready := state(root)) is None:
        said = log.read_text().strip().splitlines() or [f"it did not start; its log is {log}"]
        process.terminate()
        raise UserError(said[-1].removeprefix("sensorctl: "))
    _explain(console, ready, here)


def down(*, root: Path, console: Console) -> None:
    """Stop what `up` started and wait until it is gone."""
    running = state(root)
    if running is None:
        console.print("The embedded AWS is not up.")
        return
    # The lock is held, and by this number: whoever takes the lock first removes the state of the one before.
    os.kill(running["pid"], signal.SIGTERM)
    with console.status("stopping the embedded AWS"):
        if not wait_until(lambda: state(root) is None, seconds=_STOP_SECONDS):
            os.kill(running["pid"], signal.SIGKILL)
    console.print("The embedded AWS is down; the inbox stays in .run/up/inbox.")


def serve(*, root: Path, port: int | None, smtp: tuple[str, int] | None) -> None:
    """Run the embedded AWS until SIGTERM or Ctrl-C."""
    from sensorctl.embedded.aws import EmbeddedAws  # noqa: PLC0415 `down` need not pay for moto's import

    with EmbeddedAws(root=root, folder=folder(root), port=port, smtp=smtp) as aws:
        pause = threading.Event()
        try:
            while not pause.wait(_FLUSH_SECONDS):
                aws.collector.flush(settled_s=_SETTLED_SECONDS)
                aws.mailbox.attach()
        except KeyboardInterrupt:
            return


def state(root: Path) -> dict[str, Any] | None:
    """Return what the running `up` wrote of itself, or None when it does not run."""
    path = folder(root) / "state.json"
    if not path.exists():
        return None
    written: dict[str, Any] = json.loads(path.read_text())
    return written if is_held(folder(root) / "lock") else None


def _explain(console: Console, ready: dict[str, Any], here: Path) -> None:
    access = Access.from_json(ready["access"])
    lines = "".join(f"export {name}='{value}'\n" for name, value in access.environment().items())
    environment = here / "aws.env"
    write_private(environment, lines)
    console.print("The embedded AWS is up. Point boto3, the AWS CLI or the CDK at it with\n", soft_wrap=True)
    console.print(f"    source {environment.relative_to(here.parents[1])}\n", soft_wrap=True)
    console.print(lines, soft_wrap=True, highlight=False)
    bucket = ready["pipeline"]["landing_bucket"]
    console.print(f"Then for example: aws s3 cp readings.json s3://{bucket}/incoming/", soft_wrap=True)
    console.print("E-mails arrive in .run/up/inbox (a Maildir). Stop it with `make down`.", soft_wrap=True)
