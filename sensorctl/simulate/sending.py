"""Sends planned uploads at their pace, and stops between two of them, never within one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from sensorctl.simulate.fleet import SentObject


class Destination(Protocol):
    """Where uploads go; `Uploader` is one, `Folder` another."""

    def upload(self, key: str, body: bytes) -> str:
        """Put `body` at `key`, whole or not at all."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An upload, and when it is due, in seconds from the beginning."""

    upload: SentObject
    due_s: float


class Folder:
    """Keeps uploads as files, under the names that they would have below the landing prefix."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def upload(self, key: str, body: bytes) -> str:
        """Write the file under another name first, so that no reader sees half of it; return its path."""
        path = self._path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_bytes(body)
        draft.replace(path)
        return str(path)


def at_rate(uploads: Iterable[SentObject], *, per_second: float | None) -> list[Planned]:
    """Plan so many uploads a second; None sends each as soon as the one before is done."""
    return [
        Planned(upload=upload, due_s=number / per_second if per_second else 0.0)
        for number, upload in enumerate(uploads)
    ]


def as_measured(uploads: Iterable[SentObject], *, start: float) -> list[Planned]:
    """Plan each upload for when the last of its readings has been taken; `start` is in seconds since 1970."""
    planned, due = [], 0.0
    for upload in uploads:
        if upload.readings:
            due = max(due, upload.readings[-1].timestamp.timestamp() - start)
        planned.append(Planned(upload=upload, due_s=due))
    return planned


def send(
    planned: Iterable[Planned],
    *,
    to: Destination,
    stop: threading.Event,
    sent: Callable[[SentObject], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Upload each object when it is due and call `sent` with it; once `stop` is set, no further upload begins."""
    begun = clock()
    for due in planned:
        if stop.wait(max(0.0, due.due_s - (clock() - begun))):
            return
        to.upload(due.upload.key, due.upload.body)
        sent(due.upload)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C or a termination sets instead of interrupting; the second time they interrupt."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        restore()
