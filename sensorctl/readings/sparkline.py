"""Values as one line of small bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median_low

from rich.text import Text

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, width: int, style: Callable[[float], str] = lambda _: "") -> Text:
    """Return at most `width` bars for the values, in their order, between their least and their greatest.

    Of neighbours that share a bar the one furthest from the median of all is drawn, so that a spike is never lost;
    `style` gives a bar the style of its value.
    """
    line = Text()
    if not values:
        return line
    drawn = thinned(values, width=width)
    low, high = min(drawn), max(drawn)
    for value in drawn:
        # Halved before they are subtracted: the greatest double less the smallest is no double.
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0
        line.append(_BARS[min(int(share * len(_BARS)), len(_BARS) - 1)], style=style(value))
    return line


def thinned(values: Sequence[float], *, width: int) -> list[float]:
    """Return at most `width` of the values: of each stretch the one furthest from the median of all."""
    if len(values) <= width:
        return list(values)
    usual = median_low(values)
    edges = [len(values) * place // width for place in range(width + 1)]
    stretches = (values[begin:end] for begin, end in pairwise(edges))
    return [max(stretch, key=lambda value: abs(value - usual)) for stretch in stretches]
