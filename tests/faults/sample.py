"""Of all schedules that a test knows the suite plays a few, always the same; LONG=1, which `make prove` sets, all."""

import os
import random
from collections.abc import Iterable
from itertools import pairwise
from typing import TypeVar

LONG = "LONG" in os.environ

_T = TypeVar("_T")


def some(schedules: Iterable[_T], few: int) -> list[_T]:
    """Return so few of them, one out of each part of a row that goes through a story, or all under LONG=1."""
    found = list(schedules)
    if LONG or len(found) <= few:
        return found
    chance = random.Random(few)  # noqa: S311
    ends = [len(found) * part // few for part in range(few + 1)]
    return [found[chance.randrange(begin, end)] for begin, end in pairwise(ends)]
