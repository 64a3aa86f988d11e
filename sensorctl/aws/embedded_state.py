"""Where `make up` notes how to reach its AWS, and whether it still runs."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

from sensorctl.errors import UserError


def folder(root: Path) -> Path:
    """Return where `up` keeps its state; `run` keeps its own apart, so that both may run at once."""
    return root / ".run" / "up"


def find(root: Path) -> dict[str, Any] | None:
    """Return what the running `up` wrote of itself, or None when it does not run."""
    path = folder(root) / "state.json"
    if not path.exists():
        return None
    state: dict[str, Any] = json.loads(path.read_text())
    return state if is_held(folder(root) / "lock") else None


def require(root: Path) -> dict[str, Any]:
    """Return the same. Raises UserError when it does not run."""
    state = find(root)
    if state is None:
        raise UserError("the embedded AWS is not up; start it with `make up`")
    return state


def is_held(lock: Path) -> bool:
    """Whether a living process holds the lock; unlike a process's number, it is never another's."""
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
