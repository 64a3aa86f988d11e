"""A folder of Python sources in, .pyc files beside them out, for a Python that need not be installed.

Zips carry one fixed date, so a .pyc that trusts the source's date is always stale and every cold start would compile
everything again (1.7 times the floor): unchecked-hash files are used as they are (PEP 552). They must have the magic
number of Lambda's Python. Where that Python is not at hand, Pyodide does it: CPython as WebAssembly, run by Node;
bytecode does not depend on the platform. Which Python a Pyodide has, "Version of CPython" in its documentation says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from constructs_lib.bundling.node import NODE
from constructs_lib.errors import SynthError

PythonVersion = tuple[int, int]

_IN_LAMBDA = "/var/task"
_SCRIPT = Path(__file__).parent / "compile_in_wasm.mjs"


class BytecodeError(SynthError):
    """Bytecode for the wanted Python cannot be made here; the message says what to install."""


def compile_folder(folder: Path, *, python: PythonVersion, tools: Path) -> None:
    """Compile every source under `folder` to `python`'s bytecode; `tools` has Pyodide. Raises BytecodeError."""
    interpreter = _interpreter(python)
    if interpreter is not None:
        command = [
            *(interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(folder), "-p", _IN_LAMBDA, str(folder)),
        ]
    else:
        command = [str(NODE), str(_SCRIPT), str(_pyodide(python, tools)), str(folder), _IN_LAMBDA]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    if compiled.returncode:
        said = " ".join((compiled.stdout + compiled.stderr).split())
        raise BytecodeError(f"Bytecode for Python {_text(python)} cannot be made: {said[-500:] or 'nothing says why'}")


def _interpreter(python: PythonVersion) -> str | None:
    """Return a Python of that version, if there is one that runs (a version manager's shim may only be a name)."""
    if sys.version_info[:2] == python:
        return sys.executable
    found = shutil.which(f"python{_text(python)}")
    if found is None:
        return None
    asked = subprocess.run([found, "-c", "import compileall"], capture_output=True, check=False)
    return found if asked.returncode == 0 else None


def _pyodide(python: PythonVersion, tools: Path) -> Path:
    """Return Pyodide's module, which comes with the CDK CLI; nothing is fetched here. Raises BytecodeError."""
    module = tools / "node_modules" / "pyodide" / "pyodide.mjs"
    if not module.exists():
        raise BytecodeError(
            f"Python {_text(python)} is not on this machine, nor is Pyodide, which stands in for it, in {tools}: "
            f"`make synth` fetches it, or install Python {_text(python)}."
        )
    return module


def _text(python: PythonVersion) -> str:
    return f"{python[0]}.{python[1]}"
