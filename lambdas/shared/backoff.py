"""How the functions try again: full jitter, and no longer than the invocation has time.

Full jitter waits a random time up to an exponentially growing one (AWS Architecture Blog, "Exponential Backoff And
Jitter"), so that many functions throttled together do not come back together.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

# Lambda kills at the deadline without a word; raising before it gets the event retried with an error that says why.
RESERVE_MS = 3_000


class OutOfTimeError(RuntimeError):
    """What was left to do could not be done before the deadline; Lambda will deliver the event again."""


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Sleeps between tries. `remaining_ms` returns how long the invocation may still run; tests inject all three."""

    remaining_ms: Callable[[], int]
    pause: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    first_s: float = 0.05
    longest_s: float = 5.0

    def sleep(self, attempt: int, *, remaining: str) -> None:
        """Sleep after the `attempt`-th try, before the next. Raises OutOfTimeError; `remaining` says what is to do."""
        seconds = self.uniform(0, min(self.longest_s, self.first_s * 2 ** min(attempt, 10)))
        if self.remaining_ms() - seconds * 1000 < RESERVE_MS:
            raise OutOfTimeError(f"{remaining} after {attempt} tries, and the deadline is near")
        self.pause(seconds)
