"""The thresholds in the user's own editor, until they are right or given up."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.thresholds.parameter import checked


def new_draft(text: str) -> Path:
    """Write the document to a file of its own for the editor; it is for its user alone."""
    handle, name = tempfile.mkstemp(prefix="thresholds-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
    return Path(name)


def edited(draft: Path) -> str:
    """Return the document as the user leaves it, once it passes every check; a mistake can be fixed.

    Raises UserError when the user gives up, and when the editor fails; the draft stays where it is.
    """
    while True:
        _edit(draft)
        try:
            text = draft.read_text(encoding="utf-8")
            checked(text, name=draft.name)
        except (UserError, UnicodeDecodeError) as error:
            terminal.say(str(error), err=True)
            if not typer.confirm("Edit again?", default=True, err=True):
                raise UserError("given up; nothing was written") from None
        else:
            return text


def _edit(path: Path) -> None:
    """Open the file in $VISUAL, $EDITOR or vi, and wait for it."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        code = subprocess.run([*shlex.split(command), str(path)], check=False).returncode
    except (OSError, ValueError) as error:
        raise UserError(f"the editor {command} cannot be started ({error}); set EDITOR") from None
    if code:
        raise UserError(f"the editor {command} ended with code {code}; nothing was written")
