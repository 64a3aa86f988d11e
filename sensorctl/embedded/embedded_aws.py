"""The embedded AWS as a whole: everything `run` and `up` need, started together and stopped together."""

from __future__ import annotations

import _thread
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType

from sensorctl.aws.access import Access
from sensorctl.aws.connection import Connection
from sensorctl.aws.outputs import Pipeline
from sensorctl.aws.uploader import Uploader
from sensorctl.embedded.assembly import extract_modules, synthesise
from sensorctl.embedded.deployment import deploy
from sensorctl.embedded.emulator import Emulator, emulator_python, free_port, require_free
from sensorctl.embedded.mailbox import Mailbox
from sensorctl.embedded.owner_only_files import make_private, write_private
from sensorctl.embedded.shell_settings import script
from sensorctl.embedded.trace_collector import TraceCollector
from sensorctl.errors import UserError

# A small e-mail budget, so that a storm need not be large to go over it.
CONTEXT = {"stage": "dev", "alert_emails": "you@example.com", "emails_per_minute": "20"}

_THREADS = ("mailbox", "xray-daemon", "xray-api")


class EmbeddedAws:
    """A context: inside it the pipeline is deployed and everything runs; after it nothing is left running.

    `folder` holds its state, logs and inbox; `say` gets each step as it begins. Raises UserError when something
    that the user can put right keeps it from starting.
    """

    access: Access
    pipeline: Pipeline
    mailbox: Mailbox
    collector: TraceCollector

    def __init__(
        self,
        *,
        root: Path,
        folder: Path,
        port: int | None = None,
        smtp: tuple[str, int] | None = None,
        context: dict[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._root = root
        self.folder = folder
        self._port = port
        self._smtp = smtp
        self._context = {**CONTEXT, **(context or {})}
        self._say = say
        self._cleanup = contextlib.ExitStack()
        self._died: list[str] = []

    def __enter__(self) -> EmbeddedAws:
        with contextlib.ExitStack() as cleanup:
            self._start(cleanup)
            # Only now, when all has started, is stopping it left to `__exit__`.
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()
        if self._died:
            raise UserError(self._died[0]) from error

    def uploader(self) -> Uploader:
        """Return what puts objects where ingest looks, and hands their traces to the collector."""
        daemon = self.collector.daemon_address
        return Connection(access=self.access, pipeline=self.pipeline, xray_daemon=daemon).uploader()

    @property
    def emulator_pid(self) -> int:
        """The emulator's process, which leads the group that function workers are in."""
        return self._emulator.pid

    def _start(self, cleanup: contextlib.ExitStack) -> None:
        port = require_free(self._port) if self._port is not None else free_port()
        make_private(self.folder)
        cleanup.enter_context(_only_one(self.folder))
        # One that was killed left its own.
        (self.folder / "state.json").unlink(missing_ok=True)
        cleanup.callback(make_private, self.folder)
        cleanup.enter_context(_watching_threads(self._died))
        access_key, secret_key = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)

        self.collector = TraceCollector(access_key=access_key, secret_key=secret_key)
        self.collector.start()
        cleanup.callback(self.collector.stop)

        self._emulator = emulator = Emulator(
            python=emulator_python(self._root),
            folder=self.folder / "emulator",
            port=port,
            xray_daemon=self.collector.daemon_address,
            access_key=access_key,
            secret_key=secret_key,
        )
        self._say("synthesising the CDK app and starting the embedded AWS")
        with ThreadPoolExecutor(1) as beside:
            synthesis = beside.submit(synthesise, self._root, context=self._context)
            cleanup.callback(emulator.stop)
            emulator.start()
            assembly = synthesis.result()

        # E-mails and reports are the owner's alone. Not before: a bundle's files must stay readable to Lambda.
        cleanup.callback(os.umask, os.umask(0o077))
        extract_modules(assembly, into=emulator.folder / "modules")
        self.access = replace(emulator.access, xray_endpoint=self.collector.endpoint)
        self._say("deploying the stack")
        self.pipeline = deploy(self.access, assembly=assembly, stage=self._context["stage"])

        self._say("starting the functions")
        self._warm_up()
        inbox = self.folder / "inbox"
        shutil.rmtree(inbox, ignore_errors=True)
        self.mailbox = Mailbox(self.access, folder=inbox, smtp=self._smtp)
        self.mailbox.start()
        cleanup.callback(self.mailbox.stop)

        state = {
            "pid": os.getpid(),
            "stage": self._context["stage"],
            "access": asdict(self.access),
            "xray_daemon": self.collector.daemon_address,
        }
        settings = self.folder / "aws.env"
        write_private(settings, script(self.access, pid=os.getpid()))
        cleanup.callback(settings.unlink, missing_ok=True)
        path = self.folder / "state.json"
        write_private(path, json.dumps(state))
        cleanup.callback(path.unlink, missing_ok=True)

    def _warm_up(self) -> None:
        """Invoke each function once with nothing to do.

        The emulator loses events when a function's very first invocations come several at once.
        """
        functions = self.access.client("lambda")
        nothing = {self.pipeline.ingest_function: {"Records": []}, self.pipeline.alert_function: {"sweep": True}}
        with ThreadPoolExecutor(len(nothing)) as beside:
            for answer in beside.map(
                lambda name: functions.invoke(FunctionName=name, Payload=json.dumps(nothing[name])), nothing
            ):
                if "FunctionError" in answer:
                    raise RuntimeError(f"a function does not start: {answer['Payload'].read().decode()}")


@contextlib.contextmanager
def _watching_threads(died: list[str]) -> Iterator[None]:
    """Interrupt the command when a thread that it depends on dies: it would wait for what never comes."""
    before = threading.excepthook

    def ended(what: threading.ExceptHookArgs) -> None:
        before(what)
        if what.thread is not None and what.thread.name in _THREADS:
            died.append(f"the {what.thread.name} thread stopped: {what.exc_value!r}")
            _thread.interrupt_main()

    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = before


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    path = folder / "lock"
    path.touch(mode=0o600)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another one is running in {folder}; wait for it to end or stop it first") from None
        yield
