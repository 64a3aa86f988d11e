"""All that a command prints goes through here, so that no id, key, file name or error text can steer the terminal.

Devices choose ids and keys, and anybody may name a file: escape sequences among them reach the terminal as visible
text, and rich's markup and emoji codes stay as they were written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from lambdas.shared.printable import printable
from lambdas.shared.times import timestamp

SEVERITY_STYLES = {"warning": "yellow", "critical": "bold red"}
_GAP = 2


def say(*lines: str, err: bool = False) -> None:
    """Print each text as one line, to standard error if `err`; a line break inside of one is shown as text."""
    stream = sys.stderr if err else sys.stdout
    stream.writelines(f"{printable(line)}\n" for line in lines or ("",))
    stream.flush()


def say_json(*documents: Any) -> None:
    """Print each document as one line of JSON, times in RFC 3339."""
    encode = json.JSONEncoder(default=timestamp).encode
    if documents:
        say(*map(encode, documents))


def short_time(at: datetime, *, now: datetime, fraction: bool = False) -> str:
    """Return an instant in UTC without what goes without saying: `10:16:50` today, `11-25 10:16:50` this year.

    With its `fraction` of a second, if it has one and that is asked for.
    """
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    text = (at if fraction else at.replace(microsecond=0)).replace(tzinfo=None).isoformat(sep=" ")
    day, time = text.split(" ")
    if "." in time:
        time = time.rstrip("0")
    return time if at.date() == now.date() else f"{day[len('2026-') :] if at.year == now.year else day} {time}"


def say_if_cut(shown: int, total: int, *, more: str = "", complete: bool = True) -> None:
    """Print `50 of 120 shown` below a list of which a part is shown, and with which option there is `more` of it.

    `complete` is False where not all was counted: `50 of more than 120 shown`.
    """
    if shown < total:
        say(f"{shown:,} of {'' if complete else 'more than '}{total:,} shown{more and f'; {more}'}.")


class _PlainConsole(Console):
    """Renders as rich does, from text without control characters; colours are rich's own and stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, and make printable what the renderable says (rich's own movements of the cursor pass)."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(_printable_lines(segment.text), segment.style)


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints data as it is: without markup, emoji codes and control characters."""
    return _PlainConsole(stderr=stderr, markup=False, emoji=False)


def table(
    columns: Iterable[str],
    rows: Iterable[Iterable[str | Text]],
    *,
    right: Collection[str] = (),
    whole: Collection[str] = (),
    optional: Collection[str] = (),
    title: str | None = None,
    header: bool = True,
) -> Table:
    """Return a table without lines: the columns `right` set right, those of `whole` on one line, the others folded.

    Of the columns `optional` those are left out that say `-` in every row.
    """
    shown = Table(
        box=None, padding=(0, _GAP, 0, 0), title=title, title_justify="left", show_header=header, pad_edge=False
    )
    names, lines = list(columns), [list(row) for row in rows]
    empty = {
        place for place, name in enumerate(names) if name in optional and all(str(line[place]) == "-" for line in lines)
    }
    for name in (name for place, name in enumerate(names) if place not in empty):
        justify: JustifyMethod = "right" if name in right else "left"
        shown.add_column(name, overflow="fold", justify=justify, no_wrap=name in whole)
    for line in lines:
        cells = (cell for place, cell in enumerate(line) if place not in empty)
        shown.add_row(*(Text(printable(cell)) if isinstance(cell, str) else cell for cell in cells))
    return shown


def fits(shown: Table, *, width: int) -> bool:
    """Return whether a table needs no folding in so many columns of the terminal."""
    cells = ((column.header, *column.cells) for column in shown.columns)
    widths = [max(cell_len(str(cell)) for cell in column) for column in cells]
    return sum(widths) + _GAP * (len(widths) - 1) <= width


def brief(duration: timedelta) -> str:
    """Return a duration for a column of a table, its two largest units: `3d 4h`, `1h 25m`, `40s`."""
    left = max(int(duration.total_seconds()), 0)
    parts: list[str] = []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(part for part in parts[:2] if part[0] != "0") or "0s"


def progress(*columns: ProgressColumn, on: Console | None = None) -> Progress:
    """Return a bar that counts, with more columns, on standard error or a console; it is gone when all is done."""
    counting = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*counting, *columns, console=on or console(stderr=True), transient=True)


def _printable_lines(text: str) -> str:
    """Return the text with whatever could steer a terminal as visible text; the line breaks of a layout stay."""
    return "\n".join(map(printable, text.split("\n")))
