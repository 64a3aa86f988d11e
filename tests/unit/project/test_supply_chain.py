"""Whatever is fetched to build, test or deploy this project is pinned by its hash."""

import json
import re

import pytest

from tests import ROOT

LOCKS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (".", "lambdas/*", "sensorctl/*", "security", "bench", "tests", "tools")
    for path in ROOT.glob(f"{folder}/requirements.txt")
)
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def entries(text: str) -> list[str]:
    """Return each logical line of a requirements file, without comments."""
    joined = re.sub(r"\\\n", " ", text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def normal(name: str) -> str:
    """Return the name as PyPI compares names (PyPA specifications, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_environment_has_a_lock() -> None:
    assert LOCKS == [
        "bench/requirements.txt",
        "lambdas/alert/requirements.txt",
        "lambdas/ingest/requirements.txt",
        "requirements.txt",
        "security/requirements.txt",
        "sensorctl/embedded/requirements.txt",
        "tests/requirements.txt",
        "tools/requirements.txt",
    ]


@pytest.mark.parametrize("path", LOCKS)
def test_every_requirement_has_one_version_and_its_hashes(path: str) -> None:
    found = entries((ROOT / path).read_text())
    assert found
    assert [entry for entry in found if not (REQUIREMENT.match(entry) and HASH.search(entry))] == []


def test_make_lock_renews_every_lock() -> None:
    (folders,) = re.findall(r"^LOCKED := (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(f"{folder}/requirements.txt".removeprefix("./") for folder in folders.split()) == LOCKS


def test_dependabot_looks_at_every_lock() -> None:
    (folders,) = re.findall(r"directories: (\[.*\])", (ROOT / ".github" / "dependabot.yml").read_text())
    assert sorted(f"{folder}/requirements.txt".lstrip("/") for folder in json.loads(folders)) == LOCKS


@pytest.mark.parametrize("path", LOCKS)
def test_a_lock_holds_what_its_input_asks_for(path: str) -> None:
    asked = REQUIREMENT.findall((ROOT / path).with_suffix(".in").read_text())
    locked = {normal(name): version for name, version in REQUIREMENT.findall((ROOT / path).read_text())}
    assert asked
    assert {name: version for name, version in asked if locked.get(normal(name)) != version} == {}


@pytest.mark.parametrize("path", [*LOCKS, "tools/package-lock.json"])
def test_a_lock_names_no_host(path: str) -> None:
    """Whoever installs chooses where from: the hashes say what it must be."""
    assert "://" not in (ROOT / path).read_text()


def test_every_npm_package_has_its_integrity() -> None:
    packages = json.loads((ROOT / "tools" / "package-lock.json").read_text())["packages"]
    fetched = {name: package for name, package in packages.items() if name}
    assert fetched
    assert [name for name, package in fetched.items() if not package["integrity"].startswith("sha512-")] == []


def test_make_installs_by_hash_and_runs_no_install_script() -> None:
    makefile = (ROOT / "Makefile").read_text()
    installs = re.findall(r"pip install .*", makefile)
    # `--no-index` fetches nothing: it installs this folder itself.
    fetching = [line for line in installs if "--no-index" not in line]
    assert fetching
    assert [line for line in fetching if "--require-hashes" not in line] == []
    npm = re.findall(r"\$\(NPM\) .*", makefile)
    assert npm
    assert [line for line in npm if "--ignore-scripts" not in line] == []


def test_continuous_integration_names_actions_by_commit_and_images_by_digest() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    actions, images = re.findall(r"uses: (\S+)", workflow), re.findall(r"image: (\S+)", workflow)
    assert actions
    assert images
    assert [action for action in actions if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
    assert [image for image in images if not re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", image)] == []


def test_what_make_run_installs_holds_no_tools_of_tests() -> None:
    def names(path: str) -> set[str]:
        return {normal(name) for name, _ in REQUIREMENT.findall((ROOT / path).read_text())}

    assert names("requirements.txt").isdisjoint({"pytest", "mypy", "ruff", "playwright", "hypothesis", "cfn-lint"})
    assert {"pytest", "mypy", "ruff", "playwright"} <= names("tests/requirements.txt")
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^run: setup ##", makefile, re.MULTILINE)
    assert re.search(r"^\.venv/\.ready: requirements\.txt ", makefile, re.MULTILINE)
