"""Lets bundles run that were made for Lambda, whose compiled modules are for its processor and its Python.

Beside those, the same modules of the bundles for this machine are put, and Python takes what it can load: the name of a
compiled module ends with both (PEP 3149). Standard library alone: it runs in the emulator's environment.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any


def completed(bundle: bytes, *, modules: Path) -> bytes:
    """Return the zip with each file of the folder `modules` whose package it has and which it lacks."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        names = set(archive.namelist())
    packages = {name.rpartition("/")[0] for name in names}
    found = {path: path.relative_to(modules).as_posix() for path in modules.rglob("*") if path.is_file()}
    lacking = {path: name for path, name in found.items() if name not in names and name.rpartition("/")[0] in packages}
    if not lacking:
        return bundle
    whole = io.BytesIO(bundle)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for path, name in sorted(lacking.items()):
            archive.write(path, name)
    return whole.getvalue()


def install(worker: Any, *, modules: Path) -> None:
    """Complete the bundle of each function worker that the emulator starts; `worker` is its class of them."""
    spawn = worker._spawn

    def spawn_completed(self: Any) -> None:
        self.code_zip = completed(self.code_zip, modules=modules)
        spawn(self)

    worker._spawn = spawn_completed
