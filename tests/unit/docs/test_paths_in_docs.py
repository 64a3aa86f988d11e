"""Every file and folder of this repository that a page names is there, and so is every heading that it links to."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests import ROOT
from tests.doc_commands import pages

PAGES = pages(ROOT)
IGNORED = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
FOLDERS = {
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and path.name != ".git" and not any(fnmatch(path.name, pattern) for pattern in IGNORED)
}
FILES = {path.name for path in ROOT.iterdir()} | {
    path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*")
}
SUFFIXES = (".py", ".md", ".toml", ".in", ".yml", ".yaml")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([\w.*/-]+)`")
_LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)")


def paths(text: str) -> list[str]:
    """Return what is in backticks and can only be a file or a folder of this repository."""
    named = _CODE.findall(_FENCE.sub("", text))
    return [path for path in named if path.endswith(SUFFIXES) or ("/" in path and path.split("/")[0] in FOLDERS)]


def missing(text: str) -> list[str]:
    """Return the paths that are not there; a name alone may be in any folder."""
    return [path for path in paths(text) if not (any(ROOT.glob(path)) if "/" in path else path in FILES)]


def broken_links(page: Path) -> list[str]:
    links = [link for link in _LINK.findall(_FENCE.sub("", page.read_text())) if "://" not in link[0]]
    targets = {(target, heading): page.parent / target if target else page for target, heading in links}
    return [
        f"{target}#{heading}"
        for (target, heading), path in targets.items()
        if not path.exists() or (heading and heading not in headings(path))
    ]


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    lines = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert missing(page.read_text()) == []
    assert broken_links(page) == []


def test_the_pages_name_files_at_all() -> None:
    assert len([path for page in PAGES for path in paths(page.read_text())]) > 80


def test_a_wrong_path_would_be_noticed() -> None:
    text = "`lambdas/ingest/gone.py`, `gone.py`, `sensorctl/gone/`, `lambdas/alert/handler.py`, `incoming/boiler-7/`"
    assert missing(text) == ["lambdas/ingest/gone.py", "gone.py", "sensorctl/gone/"]


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    assert [
        page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md" and page.name not in index
    ] == []
