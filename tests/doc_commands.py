"""Finds the commands in the documentation. Pure.

These are the lines of a page's ```console blocks, and what is in `backticks` in its prose, as far as they begin with a
program that is known here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("sensorctl", "make", "aws")
_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_LAUNCHERS = (".venv/bin/python -m ", ".venv/bin/")
# Where a shell goes on to something else.
_ENDS = ("|", ">", "<<", "&&", ";", "#")


@dataclass(frozen=True, kw_only=True)
class Command:
    """`words` without the program; `whole` when it can be run as it is, and is not just mentioned."""

    program: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return shlex.join([self.program, *self.words])


def pages(root: Path) -> list[Path]:
    """Return the pages of the repository that people read."""
    return sorted([root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").glob("*.md")])


def commands(page: str) -> Iterator[Command]:
    """Yield the page's commands, those of its blocks first."""
    for kind, body in _FENCE.findall(page):
        if kind == "console":
            for line in body.replace("\\\n", " ").splitlines():
                yield from _command(line, whole=True)
    for code in _INLINE.findall(_FENCE.sub("", page)):
        yield from _command(" ".join(code.split()), whole=False)


def _command(line: str, *, whole: bool) -> Iterator[Command]:
    text = line.strip()
    for launcher in _LAUNCHERS:
        text = text.removeprefix(launcher)
    program, _, rest = text.partition(" ")
    # `<a b>` is one word of the reader's own, and `FILE...` several.
    rest = re.sub(r"<([^<>]+)>", lambda stand_in: stand_in[1].replace(" ", "-").replace("'", ""), rest)
    if program not in PROGRAMS:
        return
    words: list[str] = []
    for word in shlex.split(rest, posix=True):
        if word.startswith(_ENDS):
            break
        words.append(word)
    yield Command(program=program, words=tuple(words), whole=whole)
