"""Draws the README's picture: how many times better each row is, on a logarithmic scale, light or dark as the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from bench.result import Row

_WIDTH, _LABEL, _BAR, _LINE, _TOP = 860, 340, 430, 34, 64
_DECADES = 2.5

_STYLE = """
.t { font: 600 16px system-ui, sans-serif; fill: #1f2328 } .l { font: 13px system-ui, sans-serif; fill: #1f2328 }
.s { font: 11px system-ui, sans-serif; fill: #656d76 } .v { font: 600 13px system-ui, sans-serif; fill: #1f2328 }
.b { fill: #1f7a8c } .m { fill: #c7700f } .g { stroke: #d0d7de } .k { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
.t, .l, .v { fill: #e6edf3 } .s { fill: #8d96a0 } .b { fill: #4fb3c6 } .m { fill: #e3973f } .g { stroke: #30363d }
.k { stroke: #e6edf3 } }
"""


def draw(rows: Sequence[Row]) -> str:
    """Return the SVG. A bar in the second colour falls short of its mark."""
    shown = [row for row in rows if row.in_picture]
    height = _TOP + _LINE * len(shown) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="How many times less time the pipeline takes than the usual ways">',
        f"<style>{_STYLE}</style>",
        '<text class="t" x="12" y="26">How many times less time than the usual ways take</text>',
    ]
    for mark in (1, 2, 5, 10, 20, 50, 100, 200):
        x = _x(mark)
        parts.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 10}" y2="{height - 26}"/>')
        parts.append(f'<text class="s" x="{x:.1f}" y="{_TOP - 16}" text-anchor="middle">{mark}x</text>')
    for place, row in enumerate(shown):
        parts += _row(row, _TOP + place * _LINE)
    parts.append(
        f'<text class="s" x="12" y="{height - 8}">The upright mark is the bar that the project sets itself.</text>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(row: Row, y: int) -> list[str]:
    end, wanted = max(_x(row.advantage), _LABEL + 2), _x(row.advantage_wanted)
    kind, width = "b" if row.met else "m", end - _LABEL
    return [
        f"<g><title>{escape(f'{row.what}: {row.ours}; {row.other}')}</title>",
        f'<text class="l" x="{_LABEL - 12}" y="{y + 16}" text-anchor="end">{escape(row.what)}</text>',
        f'<rect class="{kind}" x="{_LABEL}" y="{y + 2}" width="{width:.1f}" height="20" rx="3"/>',
        f'<line class="k" x1="{wanted:.1f}" x2="{wanted:.1f}" y1="{y - 1}" y2="{y + 25}"/>',
        f'<text class="v" x="{max(end, wanted) + 8:.1f}" y="{y + 17}">{_text(row.advantage)}</text></g>',
    ]


def _x(times: float) -> float:
    return _LABEL + _BAR * max(0.0, math.log10(max(times, 1e-3))) / _DECADES


def _text(times: float) -> str:
    return f"{times:.1f}x" if times < 10 else f"{times:.0f}x"
