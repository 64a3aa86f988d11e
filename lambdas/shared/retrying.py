"""How the functions try again: full jitter, and no longer than the invocation has time. Pure.

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
class Retrying:
    """Waits between tries. `remaining_ms` tells how long the invocation may still run; tests inject all three."""

    remaining_ms: Callable[[], int]
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    first_s: float = 0.05
    longest_s: float = 5.0

    def wait(self, tried: int, *, left: str) -> None:
        """Wait before the next try, after `tried` of them. Raises OutOfTimeError; `left` says what is still to do."""
        pause = self.uniform(0, min(self.longest_s, self.first_s * 2 ** min(tried, 10)))
        if self.remaining_ms() - pause * 1000 < RESERVE_MS:
            raise OutOfTimeError(f"{left} after {tried} tries, and the deadline is near")
        self.sleep(pause)
