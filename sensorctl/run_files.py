"""`make run FILES=...`: people's own files through the whole pipeline, and whether each of their readings is stored.

What the files hold is read with ingest's own decoder, so this judges what is stored against what was decoded; what
the decoder makes of a file, `sensorctl check` shows.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.decoding.timestamps import texts
from lambdas.ingest.items import reading_id
from sensorctl import observe, view
from sensorctl.commands.report import write as write_report
from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.errors import UserError
from sensorctl.uploader import INCOMING
from sensorctl.waiting import wait_until

_CHUNK = 1024 * 1024
# A file is given this long and a second for every so many readings; a healthy run needs a tenth of it.
_SECONDS = 60
_READINGS_A_SECOND = 500


@dataclass(frozen=True, kw_only=True)
class FilesSummary:
    """What the files hold and what came of it; `problems` is empty when the two agree."""

    files: int
    readings_sent: int
    duplicates_sent: int
    readings_stored: int
    stored_more_than_once: int
    records_rejected_expected: int
    records_rejected: int
    emails: int
    seconds_total: float
    problems: list[str]


@dataclass
class _Held:
    """What the files hold: distinct readings by their key in the table, and rejects by reason."""

    readings: set[tuple[str, str]] = field(default_factory=set)
    duplicates: int = 0
    rejects: Counter[str] = field(default_factory=Counter)

    def add(self, path: Path, *, uploaded_at: datetime) -> None:
        """Take in a file as ingest does; SenML times may be relative to the upload."""
        for batch in Payload(_chunks(path), now=uploaded_at):
            times = texts([reading.timestamp for reading in batch.readings])
            for reading, time_text in zip(batch.readings, times, strict=True):
                key = (reading.device_id, reading_id(reading, time_text))
                self.duplicates += key in self.readings
                self.readings.add(key)
            self.rejects.update(reject.reason for reject in batch.rejects)


def run_files(
    *, root: Path, files: list[Path], console: Console, port: int | None, smtp: tuple[str, int] | None
) -> FilesSummary:
    """Upload the files, wait until what they hold is stored, show it, and write `.run/summary.json`.

    Raises UserError for a file that is not there.
    """
    for path in files:
        if not path.is_file():
            raise UserError(f"{path} is not a file; give files of readings, such as readings.ndjson")
    started = time.monotonic()
    keys = {f"files/{number}/{path.name}": path for number, path in enumerate(files)}
    with EmbeddedAws(root=root, folder=root / ".run", port=port, smtp=smtp, say=view.steps(console, started)) as aws:
        aws.mailbox.on_mail(lambda mail: view.email(console, mail, after_s=time.monotonic() - started))
        _feed(aws, keys, console=console)
        items = observe.stored_readings(aws.access, aws.pipeline)
        uploaded = {item["source"]["key"]: datetime.fromisoformat(item["uploaded_at"]) for item in items}
        held = _Held()
        for key, path in keys.items():
            held.add(path, uploaded_at=uploaded.get(INCOMING + key) or datetime.now(UTC))
        rejected = observe.rejected_records(aws.access, aws.pipeline)
        failed = observe.failed_events(aws.access, aws.pipeline)
        aws.collector.flush()
        report = root / ".run" / "report.html"
        where = "embedded AWS, your own files"
        write_report(aws.access, aws.pipeline, where=where, inbox=aws.folder / "inbox", out=report)
        view.report(console, readings=Counter(item["device_id"] for item in items), rejected=rejected, trace=[])
        summary = _judge(
            held,
            stored=Counter((item["device_id"], item["reading_id"]) for item in items),
            rejected=Counter(record.reason for record in rejected),
            failed=failed,
            emails=len(aws.mailbox.mails),
            files=len(files),
            seconds=time.monotonic() - started,
        )
    (root / ".run" / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n")
    console.print(
        f"\n{summary.readings_sent} readings in {summary.files} files, {summary.readings_stored} stored, "
        f"{summary.records_rejected} records rejected, {summary.duplicates_sent} duplicates dropped, "
        f"{summary.emails} e-mails, {summary.seconds_total} s",
        soft_wrap=True,
    )
    view.judgement(console, summary.problems, good="Every reading is stored exactly once.")
    return summary


def _feed(aws: EmbeddedAws, keys: dict[str, Path], *, console: Console) -> None:
    """Upload each file under its key, and wait until as much is stored and rejected as they hold."""
    held = _Held()
    uploader = aws.uploader()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("files", total=len(keys))
        for key, path in keys.items():
            held.add(path, uploaded_at=datetime.now(UTC))
            uploader.upload(key, path.read_bytes())
            progress.advance(task)
        stored = progress.add_task("readings stored", total=len(held.readings))

        def settled() -> bool:
            count = observe.stored_count(aws.access, aws.pipeline)
            progress.update(stored, completed=count)
            if count < len(held.readings):
                return observe.failed_events(aws.access, aws.pipeline) > 0
            return len(observe.rejected_records(aws.access, aws.pipeline)) >= held.rejects.total()

        wait_until(settled, seconds=_SECONDS + len(held.readings) / _READINGS_A_SECOND, every_s=0.5)


def _judge(
    held: _Held,
    *,
    stored: Counter[tuple[str, str]],
    rejected: Counter[str],
    failed: int,
    emails: int,
    files: int,
    seconds: float,
) -> FilesSummary:
    problems = [
        *view.differences("readings missing", held.readings - stored.keys()),
        *view.differences("readings stored that are in no file", stored.keys() - held.readings),
        *view.count_differences("records rejected as", held.rejects, rejected),
        *([f"{failed} events wait in failure queues"] * (failed > 0)),
    ]
    return FilesSummary(
        files=files,
        readings_sent=len(held.readings) + held.duplicates,
        duplicates_sent=held.duplicates,
        readings_stored=len(stored),
        stored_more_than_once=sum(count - 1 for count in stored.values()),
        records_rejected_expected=held.rejects.total(),
        records_rejected=rejected.total(),
        emails=emails,
        seconds_total=round(seconds, 2),
        problems=problems,
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
