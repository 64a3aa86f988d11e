"""Waiting on a condition, never on the clock."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], *, seconds: float, every_s: float = 0.1) -> bool:
    """Return True as soon as `condition` holds, False when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def wait_while_moving(
    condition: Callable[[], bool], *, progress: Callable[[], float], seconds: float, every_s: float = 0.1
) -> bool:
    """Wait until `condition` holds, and give up once `progress` has stayed the same for `seconds`."""
    reached = progress()
    while not wait_until(condition, seconds=seconds, every_s=every_s):
        if progress() == reached:
            return False
        reached = progress()
    return True
