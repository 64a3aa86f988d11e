"""The report as a page, and as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError
from sensorctl.report.compose import compose
from sensorctl.report.gather import gather
from sensorctl.report.render import render


def page(access: Access, pipeline: Pipeline, *, where: str, inbox: Path | None, since: datetime | None = None) -> str:
    """Gather and render the report; `inbox` is the Maildir of an embedded AWS, None on AWS."""
    return render(compose(gather(access, pipeline, where=where, inbox=inbox, since=since, now=datetime.now(UTC))))


def write(
    access: Access, pipeline: Pipeline, *, where: str, inbox: Path | None, out: Path, since: datetime | None = None
) -> None:
    """Write the page into a file. Raises UserError when `out` cannot be written."""
    text = page(access, pipeline, where=where, inbox=inbox, since=since)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: it cannot be written there ({error.strerror}); name another file") from None
