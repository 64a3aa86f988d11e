"""The thresholds in the user's own editor, until they are right or given up. No AWS SDK import."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sensorctl.errors import UserError
from sensorctl.threshold_parameter import checked

Edit = Callable[[Path], None]


def editor(environment: Mapping[str, str]) -> Edit:
    """Return what opens a file in $VISUAL, $EDITOR or vi and waits for it; it raises UserError when that fails."""
    command = environment.get("VISUAL") or environment.get("EDITOR") or "vi"

    def edit(path: Path) -> None:
        try:
            code = subprocess.run([*shlex.split(command), str(path)], check=False).returncode
        except (OSError, ValueError) as error:
            raise UserError(f"the editor {command} cannot be started ({error}); set EDITOR") from None
        if code:
            raise UserError(f"the editor {command} ended with code {code}; nothing was written")

    return edit


def new_draft(text: str) -> Path:
    """Write the document to a file of its own for the editor; it is for its user alone."""
    handle, name = tempfile.mkstemp(prefix="thresholds-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
    return Path(name)


def edited(draft: Path, *, edit: Edit, say: Callable[[str], None], again: Callable[[], bool]) -> str:
    """Return the document as the user leaves it, once it passes every check.

    A mistake is said in one sentence, and `again` tells whether the user wants to mend it. Raises UserError when not,
    and when the editor fails; the draft stays where it is.
    """
    while True:
        edit(draft)
        try:
            text = draft.read_text(encoding="utf-8")
            checked(text, name=draft.name)
        except (UserError, UnicodeDecodeError) as error:
            say(str(error))
            if not again():
                raise UserError("given up; nothing was written") from None
        else:
            return text
