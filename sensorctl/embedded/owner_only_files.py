"""Files for their owner alone: nobody else on the machine can read the keys, readings and e-mails of `run` and `up`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sensorctl.errors import UserError


def make_private(folder: Path) -> None:
    """Make the folder, and let its owner alone in: folders 0700, files 0600, also those that were there before."""
    if folder.is_symlink():
        raise UserError(f"{folder} is a link: remove it, and a folder is created in its place")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            inside = Path(path) / name
            # An `up` that runs beside a `run` makes and removes files meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if not inside.is_symlink():
                    inside.chmod(0o700 if inside.is_dir() else 0o600)


def write_private(path: Path, text: str) -> None:
    """Write whole or not at all, readable for the owner alone: a reader that sees the file sees all of it."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
