"""The synthesised app, kept under the hash of all that goes into it: an unchanged app is not synthesised again.

The repository and the context become the folder of a cloud assembly, with the functions bundled for this machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from sensorctl.errors import UserError

_INPUTS = ("app.py", "cdk.json", "mappings.json", "thresholds.json", "requirements.txt")
_INPUT_FOLDERS = ("constructs_lib", "lambdas")
_KEPT = 4


def synthesise(root: Path, *, context: dict[str, str]) -> Path:
    """Return the assembly's folder. Raises UserError with what the app says when it stops at a wrong setting."""
    settings = {"bundle": "host", **context}
    kept = root / ".build" / "assemblies" / _digest(root, settings)
    if not (kept / "manifest.json").exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            synthesised = Path(folder) / "cdk.out"
            _run_app(root, settings, into=synthesised)
            shutil.rmtree(kept, ignore_errors=True)
            synthesised.rename(kept)
        _forget_old(kept.parent)
    return kept


def extract_modules(assembly: Path, *, into: Path) -> None:
    """Write the compiled modules of the functions' bundles, which this machine can load, to the folder `into`."""
    for bundle in assembly.glob("asset.*.zip"):
        with zipfile.ZipFile(bundle) as archive:
            modules = [name for name in archive.namelist() if name.endswith(tuple(EXTENSION_SUFFIXES))]
            archive.extractall(into, members=modules)


def _run_app(root: Path, settings: dict[str, str], *, into: Path) -> None:
    arguments = [f"-c{key}={value}" for key, value in settings.items()]
    run = subprocess.run(
        [sys.executable, "app.py", "-o", str(into), *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        errors = run.stderr.strip().splitlines() or ["app.py stopped without an error message"]
        raise UserError(errors[-1])


def _digest(root: Path, settings: dict[str, str]) -> str:
    digest = hashlib.sha256(f"{sys.version} {json.dumps(settings, sort_keys=True)}".encode())
    for path in _inputs(root):
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"\0{path.relative_to(root)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _inputs(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _INPUTS)
    for folder in _INPUT_FOLDERS:
        files = (path for path in (root / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        yield from sorted(files)


def _forget_old(folder: Path) -> None:
    newest_first = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
