"""The report in a real browser: Debian's Chromium, headless. Without it these tests are skipped, and say so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from sensorctl.report.render import render
from tests.browser.report_page import Open, Opened
from tests.browser.report_sample import report

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
_MISSING = "the browser tests were skipped: Chromium is missing (on Debian and Ubuntu: apt install chromium)"

# A busy machine draws slowly; what is right needs a fraction of it.
expect.set_options(timeout=30_000)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _CHROMIUM is None:
        terminalreporter.write_line(_MISSING)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip(_MISSING)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=_CHROMIUM)


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample report as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(report()), encoding="utf-8")
    return path


@pytest.fixture
def open_report(browser: Browser, file: Path) -> Iterator[Open]:
    """Open the sample (or another file) in a context with these options: viewport, color_scheme, timezone_id."""
    contexts = []

    def opened(path: Path = file, **options: Any) -> Opened:
        context = browser.new_context(**{"timezone_id": "UTC", "reduced_motion": "reduce", **options})
        contexts.append(context)
        opened = Opened(page=context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on(
            "console",
            lambda message: opened.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        opened.page.goto(path.as_uri())
        return opened

    yield opened
    for context in contexts:
        context.close()
