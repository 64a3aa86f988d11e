"""How many examples a property is tried with: a few in the suite, ten times as many in `make prove` (LONG=1)."""

from tests.faults.sample import LONG


def examples(few: int) -> int:
    """Return so few, or ten times as many under LONG=1."""
    return few * 10 if LONG else few
