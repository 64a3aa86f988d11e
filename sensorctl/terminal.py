"""All that a command prints goes through here, so that no id, key, file name or error text can steer the terminal.

Devices choose ids and keys, and anybody may name a file: escape sequences among them reach the terminal as visible
text, and rich's markup and emoji codes stay as they were written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from lambdas.shared.printable import printable


def say(*lines: str, err: bool = False) -> None:
    """Print each text as one line, to standard error if `err`; a line break inside of one is shown, not obeyed."""
    stream = sys.stderr if err else sys.stdout
    stream.writelines(f"{printable(line)}\n" for line in lines or ("",))
    stream.flush()


class _PlainConsole(Console):
    """Renders as rich does, from text without control characters; colours are rich's own and stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, and make printable what the renderable says (rich's own movements of the cursor pass)."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(_printable_lines(segment.text), segment.style)


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints data as it is: without markup, emoji codes and control characters."""
    return _PlainConsole(stderr=stderr, markup=False, emoji=False)


def _printable_lines(text: str) -> str:
    """Return the text with whatever could steer a terminal as visible text; the line breaks of a layout stay."""
    return "\n".join(map(printable, text.split("\n")))
