"""Functions run on this machine whoever bundled them: a bundle for Lambda gets this machine's compiled modules."""

import io
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from sensorctl.embedded.gate.host_modules import completed, install

HERE, LAMBDA = "_core.cpython-311-x86_64-linux-gnu.so", "_core.cpython-313-aarch64-linux-gnu.so"


def bundle(*names: str) -> bytes:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in names:
            archive.writestr(name, "theirs")
    return zipped.getvalue()


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    for package in ("msgspec", "wrapt"):
        (tmp_path / package).mkdir()
        (tmp_path / package / HERE).write_text("ours")
    return tmp_path


def test_a_bundle_for_lambda_gets_this_machines_modules_of_the_packages_that_it_has(modules: Path) -> None:
    lambdas = bundle("msgspec/__init__.py", f"msgspec/{LAMBDA}", "lambdas/ingest/handler.py")
    with zipfile.ZipFile(io.BytesIO(completed(lambdas, modules=modules))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "msgspec/__init__.py": b"theirs",
            f"msgspec/{LAMBDA}": b"theirs",
            "lambdas/ingest/handler.py": b"theirs",
            f"msgspec/{HERE}": b"ours",
        }


@pytest.mark.parametrize("names", [("msgspec/__init__.py", f"msgspec/{HERE}"), ("handler.py",)])
def test_any_other_bundle_stays_as_it_is(names: tuple[str, ...], modules: Path) -> None:
    assert completed(bundle(*names), modules=modules) == bundle(*names)


def test_workers_share_the_files_of_a_bundle_and_a_worker_that_ends_leaves_them(modules: Path, tmp_path: Path) -> None:
    runtime = SimpleNamespace(zipfile=zipfile)
    install(runtime, modules=modules, folder=tmp_path / "shared")
    for worker, names in (("a", ["msgspec/__init__.py"]), ("b", ["msgspec/__init__.py"]), ("c", ["handler.py"])):
        code = tmp_path / worker / "code"
        code.mkdir(parents=True)
        (tmp_path / worker / "code.zip").write_bytes(bundle(*names))
        with runtime.zipfile.ZipFile(str(tmp_path / worker / "code.zip")) as archive:
            archive.extractall(str(code))
    shutil.rmtree(tmp_path / "a")
    assert (tmp_path / "b" / "code" / "msgspec" / HERE).read_text() == "ours"
    assert [path.name for path in (tmp_path / "c" / "code").iterdir()] == ["handler.py"]
    assert len(list((tmp_path / "shared").iterdir())) == 2
