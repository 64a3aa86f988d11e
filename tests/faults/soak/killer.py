"""Kills function workers of the embedded AWS at random, as a failing host would: no warning, no cleaning up."""

from __future__ import annotations

import os
import random
import signal
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One worker that was killed: of which function, and when."""

    function: str
    at: datetime


class Killer:
    """Within it, one worker below the process `emulator` dies after another, `pause` seconds apart on average."""

    def __init__(self, emulator: int, *, functions: tuple[str, ...], seed: int, pause: float) -> None:
        self.kills: list[Kill] = []
        self._emulator = emulator
        self._functions = functions
        self._random = random.Random(seed)  # noqa: S311 not a secret
        self._pause = pause
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="killer")

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._random.expovariate(1 / self._pause)):
            workers = self._workers()
            if workers:
                pid, function = self._random.choice(workers)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:  # it has ended by itself meanwhile
                    continue
                self.kills.append(Kill(function=function, at=datetime.now(UTC)))

    def _workers(self) -> list[tuple[int, str]]:
        """Return the processes of the emulator's group that run a function of ours, by pid."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            pid = int(process.name)
            try:
                if pid == self._emulator or os.getpgid(pid) != self._emulator:
                    continue
                environment = (process / "environ").read_bytes().split(b"\0")
            except (OSError, ProcessLookupError):
                continue
            function = next((v[25:].decode() for v in environment if v.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")), "")
            if function in self._functions:
                found.append((pid, function))
        return sorted(found)
