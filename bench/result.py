"""One line of the table: what was compared, both figures, their ratio, and the bar it is held against."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Row:
    """`ratio` is better the lower it is where `sense` is "at most", else the higher; `other` may be a limit.

    `in_picture` is for ratios to another way of doing the same.
    """

    what: str
    ours: str
    other: str
    ratio: float
    bar: float
    sense: Literal["at most", "at least"]
    unit: str = "x"
    in_picture: bool = False

    @property
    def met(self) -> bool:
        """Return whether the bar is met."""
        return self.ratio <= self.bar if self.sense == "at most" else self.ratio >= self.bar

    @property
    def advantage(self) -> float:
        """Return how many times better ours is."""
        return 1 / self.ratio if self.sense == "at most" else self.ratio

    @property
    def advantage_wanted(self) -> float:
        """Return how many times better the bar wants it to be."""
        return 1 / self.bar if self.sense == "at most" else self.bar

    def to_json(self) -> dict[str, Any]:
        """Return what bench/results.json holds of it."""
        return {**asdict(self), "met": self.met}


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the ratios of the rounds: what slows a whole round slows both sides of it."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def ms(seconds: Sequence[float]) -> str:
    """Return the median as text."""
    return f"{statistics.median(seconds) * 1000:.1f} ms"


def rate(seconds: Sequence[float], count: int) -> str:
    """Return how many a second that is, as text."""
    return f"{count / statistics.median(seconds):,.0f}/s"
