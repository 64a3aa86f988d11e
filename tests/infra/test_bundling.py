import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from constructs_lib.app import bundle_target
from constructs_lib.bundling.bundle import LAMBDA, Bundle, Bundler, BundlingError, Run, Target, host_target, run
from constructs_lib.bundling.bytecode import BytecodeError, compile_folder
from tests import ROOT

TOOLS = ROOT / ".tools"
# Two bytes, then \r\n, then the flags: bit 0 says that the hash decides, bit 1 that it is checked (PEP 552).
UNCHECKED_HASH = (1).to_bytes(4, "little")
HOST = host_target()
MAGIC_OF_PYTHON_3_13 = (3571).to_bytes(2, "little") + b"\r\n"


def wheel(folder: Path) -> Path:
    """Write a distribution with a module, tests, a script and metadata."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny/__init__.py", "ANSWER = 42\n")
        archive.writestr("tiny/tests/test_tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/entry_points.txt", "[console_scripts]\ntiny = tiny:main\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one function that needs one distribution, from a file and with its hash."""
    root = tmp_path_factory.mktemp("project")
    for package in ("ingest", "shared"):
        (root / "lambdas" / package).mkdir(parents=True)
        (root / "lambdas" / package / "__init__.py").write_text("")
    (root / "lambdas" / "__init__.py").write_text("")
    (root / "lambdas" / "shared" / "words.py").write_text("GREETING = 'hello'\n")
    (root / "lambdas" / "ingest" / "handler.py").write_text(
        "import tiny\nfrom lambdas.shared.words import GREETING\n\n\ndef handler():\n    return GREETING, tiny.ANSWER\n"
    )
    for document in ("mappings.json", "thresholds.json"):
        (root / document).write_text("{}\n")
    tiny = wheel(root)
    digest = hashlib.sha256(tiny.read_bytes()).hexdigest()
    (root / "lambdas" / "ingest" / "requirements.txt").write_text(f"tiny @ {tiny.as_uri()} --hash=sha256:{digest}\n")
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def bundler(project: Path, cache: Path, *, run: Run = run, target: Target = HOST) -> Bundler:
    return Bundler(root=project, cache=cache, target=target, run=run, operations={"ingest": {}})


def bundled(project: Path, cache: Path) -> Path:
    return bundler(project, cache).bundle("ingest").path


def test_the_handler_runs_from_its_bundle_alone(project: Path, cache: Path) -> None:
    script = "import lambdas.ingest.handler as module; print(module.handler())"

    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(bundled(project, cache))!r}); {script}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.stdout, ran.stderr) == ("('hello', 42)\n", "")


def test_a_bundle_holds_what_runs_and_nothing_else(project: Path, cache: Path) -> None:
    with zipfile.ZipFile(bundled(project, cache)) as archive:
        sources = sorted(name for name in archive.namelist() if not name.endswith(".pyc"))
        compiled = sorted(name for name in archive.namelist() if name.endswith(".pyc"))

    assert sources == [
        "lambdas/__init__.py",
        "lambdas/ingest/__init__.py",
        "lambdas/ingest/handler.py",
        "lambdas/shared/__init__.py",
        "lambdas/shared/words.py",
        "mappings.json",
        "thresholds.json",
        "tiny/__init__.py",
    ]
    assert len(compiled) == len(sources) - 2


def test_bytecode_is_used_whatever_the_files_date(project: Path, cache: Path) -> None:
    with zipfile.ZipFile(bundled(project, cache)) as archive:
        heads = {archive.read(name)[4:8] for name in archive.namelist() if name.endswith(".pyc")}

    assert heads == {UNCHECKED_HASH}


def test_equal_input_is_an_equal_file(project: Path, cache: Path, tmp_path: Path) -> None:
    assert bundled(project, cache).read_bytes() == bundled(project, tmp_path).read_bytes()


def test_a_cached_bundle_runs_nothing(project: Path, cache: Path) -> None:
    first = bundled(project, cache)

    def refuse(command: list[str]) -> subprocess.CompletedProcess[str]:
        raise AssertionError(command)

    again = bundler(project, cache, run=refuse).bundle("ingest")

    assert again.path == first


def test_edited_code_installs_nothing_and_makes_another_bundle(project: Path, cache: Path) -> None:
    first = bundler(project, cache).bundle("ingest")
    words = project / "lambdas" / "shared" / "words.py"
    before = words.read_text()

    def refuse(command: list[str]) -> subprocess.CompletedProcess[str]:
        raise AssertionError(command)

    try:
        words.write_text("GREETING = 'good evening'\n")
        edited = bundler(project, cache, run=refuse).bundle("ingest")
    finally:
        words.write_text(before)

    assert edited.digest != first.digest
    with zipfile.ZipFile(edited.path) as archive:
        assert archive.read("lambdas/shared/words.py") == b"GREETING = 'good evening'\n"


def test_only_wheels_with_a_listed_hash_are_installed(project: Path, tmp_path: Path) -> None:
    commands: list[list[str]] = []

    def record(command: list[str]) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no route to the index\n")

    with pytest.raises(BundlingError) as failed:
        bundler(project, tmp_path, run=record).bundle("ingest")
    assert str(failed.value) == (
        f"lambdas/ingest/requirements.txt cannot be installed for {HOST.name}: ERROR: no route to the index."
    )
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(commands[0])
    assert list(tmp_path.iterdir()) == []


def test_another_operation_makes_another_bundle(project: Path, cache: Path, tmp_path: Path) -> None:
    first = bundler(project, cache).bundle("ingest")
    calling = Bundler(root=project, cache=tmp_path, target=HOST, operations={"ingest": {"s3": ("GetObject",)}})

    assert calling.bundle("ingest").digest != first.digest


def test_a_bundle_reports_its_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ingest.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("blank", b" " * 2_500_000)

    bundle = Bundle(function="ingest", path=tmp_path / "ingest.zip", digest="")

    assert bundle.described() == "ingest: 0.0 MB packed, 2.5 MB unpacked"


def test_targets_do_not_share_bundles(project: Path, cache: Path) -> None:
    other = replace(HOST, name="elsewhere")

    digests = {bundler(project, cache, target=t).bundle("ingest").digest for t in (HOST, other)}

    assert len(digests) == 2


def test_bytecode_for_lambdas_python_is_made_on_any_python(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("ANSWER = 42\n")

    compile_folder(tmp_path, python=(3, 13), tools=TOOLS)

    compiled = (tmp_path / "__pycache__" / "module.cpython-313.pyc").read_bytes()
    assert compiled[:8] == MAGIC_OF_PYTHON_3_13 + UNCHECKED_HASH
    assert b"/var/task/module.py" in compiled


def test_without_that_python_and_pyodide_nothing_is_fetched_and_the_fix_is_named(tmp_path: Path) -> None:
    with pytest.raises(BytecodeError, match=r"Python 3\.99 is not on this machine, nor is Pyodide.*`make synth`"):
        compile_folder(tmp_path, python=(3, 99), tools=tmp_path)


def test_whoever_deploys_to_the_embedded_account_gets_a_bundle_for_this_machine() -> None:
    assert bundle_target("lambda", account="000000000000") == bundle_target("host", account=None) == HOST
    assert bundle_target("lambda", account=None) == bundle_target("lambda", account="111122223333") == LAMBDA


def test_what_takes_long_is_said_before_it_is_done_and_only_then(project: Path, tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        Bundler(root=project, cache=tmp_path, target=HOST, operations={"ingest": {}}, say=said.append).bundle("ingest")
    assert said == [f"Fetching and compiling what ingest needs on {HOST.name} ..."]


def test_code_that_does_not_compile_stops_the_bundle_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = = 1\n")
    host = (sys.version_info[0], sys.version_info[1])

    with pytest.raises(BytecodeError, match=r"broken\.py.*SyntaxError"):
        compile_folder(tmp_path, python=host, tools=TOOLS)


@pytest.mark.parametrize("function", ["ingest", "alert"])
def test_every_requirement_is_pinned_with_hashes(function: str) -> None:
    text = (ROOT / "lambdas" / function / "requirements.txt").read_text()
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry and not entry.startswith("#")]

    assert {entry.split("==")[0] for entry in entries} >= {"botocore", "aws-xray-sdk", "wrapt"}
    for entry in entries:
        name, _, rest = entry.partition("==")
        assert name
        assert rest.count("--hash=sha256:") >= 1, name
