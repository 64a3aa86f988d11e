"""The keys that a user's files have when they are uploaded, or checked as if they were."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lambdas.shared.names import INCOMING_PREFIX


def key_of(path: Path) -> str:
    """Return `incoming/<the file's folder>/<its name>`: the folder is who uploads it, to mappings too."""
    return f"{INCOMING_PREFIX}{_folder(path)}/{path.name}"


def keys_of(files: Iterable[Path], *, folder: str | None = None) -> dict[str, Path]:
    """Return each file by its key below `incoming/`, in `folder` or its own.

    A name begins with a number where an earlier file has the same folder and name.
    """
    keys: dict[str, Path] = {}
    for number, path in enumerate(files):
        own, name = folder or _folder(path), path.name
        while (key := f"{own}/{name}") in keys:
            name = f"{number}-{name}"
        keys[key] = path
    return keys


def _folder(path: Path) -> str:
    return path.resolve().parent.name or "files"
