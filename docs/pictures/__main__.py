"""`make pictures`: a run of the simulated fleet, and what the README shows of it: terminal, e-mail, report."""

from __future__ import annotations

import re
import shutil
import sys
from email import message_from_bytes
from email.policy import default
from io import StringIO
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI
from rich.text import Text

from sensorctl.options import ROOT
from sensorctl.run import fleet_run

HERE = Path(__file__).parent
_WIDTH = 112
# The whole output is a few screens: what happens first, one e-mail, and how it ends.
_FIRST, _LAST = 16, 34
_BOILER = "boiler-7 temperature"
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> int:
    """Run, and write the pictures; the exit code is that of the run."""
    console = Console(record=True, width=_WIDTH, markup=False, emoji=False, highlight=False)
    summary = fleet_run.run_fleet(ROOT / ".run", seed=1, console=console, port=None, smtp=None)
    lines = console.export_text(styles=True).splitlines()
    subject, body = _critical_mail(ROOT / ".run" / "inbox")
    (HERE / "terminal.svg").write_text(_drawn([*lines[:_FIRST], "...", *lines[-_LAST:]], title="make run", dark=True))
    (HERE / "email.svg").write_text(_drawn(body.splitlines(), title=subject, dark=False))
    _screenshots(ROOT / ".run" / "report.html")
    return 1 if summary.problems else 0


def _critical_mail(inbox: Path) -> tuple[str, str]:
    """Return subject and body of the critical e-mail about the boiler."""
    for path in sorted((inbox / "new").iterdir()):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        if "CRITICAL" in mail["Subject"] and _BOILER in mail["Subject"]:
            content = mail.get_body()
            return str(mail["Subject"]), content.get_content() if content is not None else ""
    raise SystemExit("no critical e-mail about boiler-7 was sent: pictures need the thresholds as they ship")


def _drawn(lines: list[str], *, title: str, dark: bool) -> str:
    console = Console(record=True, width=_WIDTH, file=StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text.from_ansi(line), overflow="fold")
    drawn = console.export_svg(title=title, theme=MONOKAI if dark else DEFAULT_TERMINAL_THEME)
    # The picture asks nothing of a network: the reader's own monospace font will do.
    return _FONT_FACE.sub("", drawn)


def _screenshots(report: Path) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("Chromium is missing: install it (on Debian and Ubuntu: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for scheme in ("light", "dark"):
            page = browser.new_context(
                viewport={"width": 1000, "height": 700}, color_scheme=scheme, device_scale_factor=1.5, timezone_id="UTC"
            ).new_page()
            page.goto(report.as_uri())
            page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
            chart = page.locator("figure", has=page.locator('[aria-label^="temperature of boiler-7"]'))
            chart.scroll_into_view_if_needed()
            chart.locator("svg").first.wait_for()
            chart.screenshot(path=HERE / f"report-{scheme}.png")


if __name__ == "__main__":
    sys.exit(main())
