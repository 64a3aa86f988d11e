"""Lets bundles run that were made for Lambda, whose compiled modules are for its processor and its Python.

Beside those, the same modules of the bundles for this machine are put, and Python takes what it can load: the name of a
compiled module ends with both (PEP 3149). Standard library alone: it runs in the emulator's environment.
"""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
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


def install(runtime: Any, *, modules: Path, folder: Path) -> None:
    """Extract each bundle once, complete, into `folder`, where all workers of a function read it.

    `runtime` is the emulator's module of workers. It would extract a bundle for each of them, which takes longer than
    all else of a cold start, and as long again when the files are wiped. On Lambda nobody can write there either (AWS
    Lambda Developer Guide, "Lambda quotas": what a function may write to is /tmp).
    """
    one_at_a_time = threading.Lock()

    class Shared(zipfile.ZipFile):
        def extractall(self, path: Any = None, *_: Any) -> None:
            bundle = Path(str(self.filename)).read_bytes()
            code = folder / hashlib.sha256(bundle).hexdigest()
            with one_at_a_time:
                if not code.exists():
                    begun = code.with_suffix(".begun")
                    with zipfile.ZipFile(io.BytesIO(completed(bundle, modules=modules))) as archive:
                        archive.extractall(begun)
                    begun.rename(code)
            Path(path).rmdir()
            Path(path).symlink_to(code)

    runtime.zipfile = SimpleNamespace(ZipFile=Shared, BadZipFile=zipfile.BadZipFile)
