"""A function's folder in, a Lambda asset (zip) out: no Docker, and nothing to fetch when the requirements are cached.

A bundle has two layers, each kept under the hash of what went into it. Dependencies: `requirements.txt` installed for
the target, from wheels only, slimmed to what the function calls, and compiled (a minute at worst). Code on top of it:
`lambdas/<function>`, `lambdas/shared`, thresholds.json and for ingest mappings.json (a moment). What cannot run on
Lambda or is read by nothing there is left out.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from constructs_lib.bundling.bytecode import PythonVersion, compile_folder
from constructs_lib.bundling.certificates import write_roots
from constructs_lib.bundling.operations import OPERATIONS, Operations
from constructs_lib.bundling.slimming import slim
from constructs_lib.errors import SynthError

# Part of every hash: raise it when this file, slimming.py, certificates.py or bytecode.py makes something else of the
# same input.
_BUNDLER = "4"
_KEPT_PER_FUNCTION = 3
# CDK's and our zips carry one date, so that equal content is an equal file (zip knows no earlier one).
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_ZIP_MODE = 0o100644 << 16
_DROPPED_FOLDERS = ("__pycache__", "tests", "bin")

Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


class BundlingError(SynthError):
    """A bundle could not be made; the message names the requirements file or tool and the cause."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a bundle is for: `pip_options` choose its wheels, `python` its bytecode."""

    name: str
    python: PythonVersion
    pip_options: tuple[str, ...] = ()


# Lambda's python3.13 runs on Amazon Linux 2023, glibc 2.34 (Lambda Developer Guide, "Lambda runtimes"), which takes
# every manylinux tag up to that glibc.
LAMBDA = Target(
    name="arm64-py313",
    python=(3, 13),
    pip_options=(
        *(f"--platform=manylinux{glibc}_aarch64" for glibc in ("_2_34", "_2_28", "_2_17", "2014")),
        "--python-version=3.13",
        "--implementation=cp",
    ),
)


def host_target() -> Target:
    """Return the target that runs on this interpreter: the embedded AWS's Python is of the same version."""
    python = sys.version_info[:2]
    return Target(name=f"{sysconfig.get_platform()}-py{python[0]}{python[1]}", python=python)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A zip that Lambda can run, and the hash of all that went into it: equal input, equal hash, on every machine."""

    function: str
    path: Path
    digest: str

    def described(self) -> str:
        """Return its name and size in a sentence; Lambda takes 250 MB unpacked, and unpacks it at each cold start."""
        with zipfile.ZipFile(self.path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        megabytes = (self.path.stat().st_size / 1e6, unpacked / 1e6)
        return f"{self.function}: {megabytes[0]:.1f} MB packed, {megabytes[1]:.1f} MB unpacked"


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it says."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Bundler:
    """Bundles the functions of the project at `root` for `target`; keeps bundles and layers in `cache`.

    `operations` is what each function calls on AWS; `say` gets a sentence before what may take a minute.
    """

    def __init__(
        self,
        *,
        root: Path,
        cache: Path,
        target: Target,
        run: Run = run,
        operations: Mapping[str, Operations] = OPERATIONS,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._root = root
        self._cache = cache
        self._target = target
        self._run = run
        self._operations = operations
        self._say = say

    def bundle(self, function: str) -> Bundle:
        """Return the bundle of `lambdas/<function>`, from the cache where nothing has changed. Raises BundlingError."""
        requirements = self._root / "lambdas" / function / "requirements.txt"
        sources = dict(self._sources(function))
        operations = self._operations[function]
        called = json.dumps(operations, sort_keys=True).encode()
        dependencies_hash = self._digest({"requirements.txt": requirements.read_bytes(), "operations": called})
        digest = self._digest({"dependencies": dependencies_hash.encode(), **sources})

        def make(zipped: Path) -> None:
            self._add_code(zipped, self._dependencies(requirements, operations, dependencies_hash), sources)

        return Bundle(function=function, path=self._cached(function, digest, make), digest=digest)

    def _sources(self, function: str) -> Iterator[tuple[str, bytes]]:
        """Yield (path in the bundle, content) of the function's own files, in a fixed order."""
        lambdas = self._root / "lambdas"
        documents = ["mappings.json"] * (function == "ingest") + ["thresholds.json"]
        files = [lambdas / "__init__.py", *(self._root / name for name in documents)]
        for package in (lambdas / function, lambdas / "shared"):
            files += sorted(path for path in package.rglob("*.py") if "__pycache__" not in path.parts)
        for path in files:
            yield path.relative_to(self._root).as_posix(), path.read_bytes()

    def _dependencies(self, requirements: Path, operations: Operations, digest: str) -> Path:
        return self._cached("dependencies", digest, lambda zipped: self._install(requirements, operations, zipped))

    def _cached(self, kind: str, digest: str, make: Callable[[Path], None]) -> Path:
        """Return the file of that hash, made now if need be; it appears whole or not at all."""
        kept = self._cache / f"{kind}-{self._target.name}-{digest[:16]}.zip"
        if not kept.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._cache) as folder:
                zipped = Path(folder) / kept.name
                make(zipped)
                zipped.replace(kept)
            self._forget_old(kind)
        return kept

    def _forget_old(self, kind: str) -> None:
        """Keep the newest few: every edit makes another."""
        newest_first = sorted(
            self._cache.glob(f"{kind}-{self._target.name}-*.zip"), key=lambda path: path.stat().st_mtime, reverse=True
        )
        for path in newest_first[_KEPT_PER_FUNCTION:]:
            path.unlink(missing_ok=True)

    def _install(self, requirements: Path, operations: Operations, zipped: Path) -> None:
        self._say(f"Fetching and compiling what {requirements.parent.name} needs on {self._target.name} ...")
        with tempfile.TemporaryDirectory(dir=zipped.parent) as name:
            folder = Path(name)
            installed = self._run(
                [
                    *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                    # The list is complete and hashed: nothing is resolved, nothing unlisted can come in.
                    *("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"),
                    *self._target.pip_options,
                    *("--target", str(folder), "--requirement", str(requirements)),
                ]
            )
            if installed.returncode:
                raise BundlingError(
                    f"{requirements.relative_to(self._root)} cannot be installed for {self._target.name}: "
                    f"{_last_line(installed.stderr)}"
                )
            for path in sorted(folder.rglob("*"), reverse=True):
                if path.is_dir() and (path.name in _DROPPED_FOLDERS or path.suffix == ".dist-info"):
                    shutil.rmtree(path)
            if (folder / "botocore").is_dir():
                write_roots(folder)
            slim(folder, operations)
            compile_folder(folder, python=self._target.python, tools=self._root / ".tools")
            _zip_folder(folder, zipped)

    def _add_code(self, zipped: Path, dependencies: Path, sources: dict[str, bytes]) -> None:
        with tempfile.TemporaryDirectory(dir=zipped.parent) as name:
            folder = Path(name)
            for relative, content in sources.items():
                path = folder / relative
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            compile_folder(folder, python=self._target.python, tools=self._root / ".tools")
            shutil.copyfile(dependencies, zipped)
            _zip_folder(folder, zipped)

    def _digest(self, parts: dict[str, bytes]) -> str:
        digest = hashlib.sha256(f"{_BUNDLER} {self._target}".encode())
        for name, content in parts.items():
            digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def _zip_folder(folder: Path, zip_path: Path) -> None:
    """Add every file of `folder` to the zip, in a fixed order, with one date and mode."""
    with zipfile.ZipFile(zip_path, "a", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_DATE)
            entry.external_attr = _ZIP_MODE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".") + "." if lines else "pip says nothing."
