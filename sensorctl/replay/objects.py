"""Sends stored objects through ingest again, a few at a time, and remembers where it stopped.

Doing so stores nothing twice (a reading's key is made of its content) and mails no old breach (alert records
breaches that are older than a day without an e-mail, and drops those it has seen).
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sensorctl.aws.invoking import PARALLEL, FunctionError, Functions
from sensorctl.errors import UserError
from sensorctl.replay.stored_objects import StoredObject

# How often the place is written down.
_EVERY = 50


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The object that ingest failed on, and how."""

    at: StoredObject
    error: FunctionError


def send(
    functions: Functions, function: str, objects: Iterable[StoredObject], *, done: Callable[[StoredObject], None]
) -> Stop | None:
    """Run ingest on each object, several at once; `done` is called with each in order.

    Ingest fails for reasons of infrastructure alone, so the first failure stops the rest, and is returned.
    """
    waiting: deque[tuple[StoredObject, Future[FunctionError | None]]] = deque()

    def finish_oldest() -> Stop | None:
        version, future = waiting.popleft()
        error = future.result()
        if error is not None:
            return Stop(at=version, error=error)
        done(version)
        return None

    with ThreadPoolExecutor(PARALLEL) as pool:
        for version in objects:
            waiting.append((version, pool.submit(functions.run, function, version.event())))
            if len(waiting) == PARALLEL and (stop := finish_oldest()):
                return stop
        while waiting:
            if stop := finish_oldest():
                return stop
    return None


class Place:
    """The last object that a replay has sent, in a file named after its options; the same command continues there."""

    def __init__(self, folder: Path, **what: str | None) -> None:
        named = json.dumps(what, sort_keys=True)
        self._path = folder / f"replay-{hashlib.sha256(named.encode()).hexdigest()[:12]}.json"
        self._since_written = 0

    def remaining(self, objects: Iterable[StoredObject]) -> Iterator[StoredObject]:
        """Yield those that come after the place. Raises UserError when it cannot be read."""
        after = self._read()
        passed = after is None
        for version in objects:
            if passed:
                yield version
            elif [version.key, version.version] == after:
                passed = True
            elif after is not None and version.key > after[0]:
                # That version is gone; what comes behind its key was not sent yet.
                passed = True
                yield version

    def reached(self, version: StoredObject, *, now: bool = False) -> None:
        """Record that all up to this version are done; written every so often, and at once with `now`."""
        self._since_written += 1
        if now or self._since_written >= _EVERY:
            self._since_written = 0
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".draft")
            draft.write_text(json.dumps([version.key, version.version]))
            draft.replace(self._path)

    def forget(self) -> None:
        """Remove the file: all is done, or is to be done from the start."""
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _read(self) -> list[str] | None:
        if not self._path.exists():
            return None
        try:
            key, version = json.loads(self._path.read_text())
        except ValueError:
            raise UserError(f"{self._path} cannot be read; start over with --restart") from None
        return [key, version]
