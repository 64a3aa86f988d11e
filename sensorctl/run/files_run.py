"""`make run FILES=...`: people's own files through the whole pipeline, and whether each of their readings is stored.

What the files hold is read with ingest's own decoder and rules, so this judges what is stored against what was decoded;
what the decoder makes of a file, `sensorctl check` shows.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import TimeElapsedColumn

from lambdas.alert.adapters.ledger_items import alert_key
from lambdas.alert.domain.lifecycle import STALE_AFTER
from lambdas.alert.mail.formatting import counted
from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.decoding.values.timestamps import texts
from lambdas.ingest.domain.breaches import Breaches
from lambdas.ingest.domain.items import reading_id
from lambdas.shared.events import ObjectRef
from lambdas.shared.names import INCOMING_PREFIX
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import stamped_time
from sensorctl import terminal
from sensorctl.aws.object_keys import keys_of
from sensorctl.aws.waiting import wait_until, wait_while_moving
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.embedded.mailbox import Mail
from sensorctl.errors import UserError
from sensorctl.options import ROOT
from sensorctl.readings import stored
from sensorctl.report.write import write as write_report
from sensorctl.run import view
from sensorctl.run.fleet_judging import in_ledger
from sensorctl.run.judging import RunSummary, problem_if_not, tally
from sensorctl.run.observed import observe
from sensorctl.simulate.summary import rejections
from sensorctl.thresholds.unjudged import Unjudged

_SOURCE = ObjectRef(bucket="", key="", version_id="")
# As long as something is stored or alerted within this, a run waits for more.
_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class FilesSummary(RunSummary):
    """A run of people's own files."""

    files: int
    emails: int


@dataclass
class _Content:
    """The files' content: distinct readings by their key in the table, and rejects by reason."""

    thresholds: Thresholds
    readings: set[tuple[str, str]] = field(default_factory=set)
    duplicates_sent: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    bad_values: Counter[str] = field(default_factory=Counter)

    def add(self, path: Path, *, key: str, uploaded_at: datetime) -> None:
        """Take in a file as ingest does; times may be relative to the upload, and mappings may ask for the key."""
        for batch in Payload([path.read_bytes()], now=uploaded_at, key=INCOMING_PREFIX + key):
            times = texts([reading.timestamp for reading in batch.readings])
            judged = Breaches(self.thresholds, source=_SOURCE, trace_id=None).evaluate(batch.readings, times)
            for place, (reading, time_text) in enumerate(zip(batch.readings, times, strict=True)):
                if len(judged.implausible.get(place, ())) == len(reading.metrics):
                    continue
                item = (reading.device_id, reading_id(reading, time_text))
                self.duplicates_sent += item in self.readings
                self.readings.add(item)
            rejects = [*batch.rejects, *judged.rejects]
            self.rejects.update(reject.reason for reject in rejects if reject.member is None)
            self.bad_values.update(reject.reason for reject in rejects if reject.member is not None)


def run_files(
    folder: Path, *, files: list[Path], console: Console, port: int | None, smtp: tuple[str, int] | None
) -> FilesSummary:
    """Upload the files, wait until what they hold is stored, show it, and write report and summary into `folder`.

    Raises UserError for a file that is not there.
    """
    for path in files:
        if not path.is_file():
            raise UserError(f"{path} is not a file; give files of readings, such as readings.ndjson")
    started = time.monotonic()
    thresholds = Thresholds.parse((ROOT / "thresholds.json").read_bytes())
    keys = keys_of(files)
    say = view.Steps(console, started)

    def show(mail: Mail) -> None:
        view.email(console, mail, after_s=time.monotonic() - started)
        say.something_else_was_said()

    with say.reminding(), EmbeddedAws(root=ROOT, folder=folder, port=port, smtp=smtp, say=say) as aws:
        aws.mailbox.on_mail(show)
        say(f"uploading {counted(len(keys), 'file')}")
        _feed(aws, keys, _Content(thresholds), console=console, say=say)
        say("waiting until every breach is mailed")
        mailed = _mail(aws)
        say("reading back what is stored")
        observed = observe(aws)
        uploaded = {item["source"]["key"]: datetime.fromisoformat(item["uploaded_at"]) for item in observed.items}
        content = _Content(thresholds)
        for key, path in keys.items():
            content.add(path, key=key, uploaded_at=uploaded.get(INCOMING_PREFIX + key) or datetime.now(UTC))
        aws.collector.flush()
        report = folder / "report.html"
        where = "embedded AWS, your own files"
        write_report(aws.access, aws.pipeline, where=where, inbox=aws.folder / "inbox", out=report)
        view.report(console, observed)
        stored_keys = Counter((item["device_id"], item["reading_id"]) for item in observed.items)
        problems = [
            *problem_if_not(mailed, "alerts are not mailed yet"),
            *problem_if_not(
                bool(content.readings), "no file holds a reading that can be stored: see `sensorctl check --show`"
            ),
        ]
        old, seconds = _too_old(observed.items), time.monotonic() - started
        summary = FilesSummary(
            **tally(content, observed, stored=stored_keys, seconds=seconds, problems=problems),
            readings_sent=len(content.readings) + content.duplicates_sent,
            files=len(files),
            emails=len(observed.mails),
        )
        say("stopping the embedded AWS")
    unsent = aws.mailbox.not_handed_on
    summary = replace(summary, problems=[*summary.problems, *problem_if_not(unsent is None, str(unsent))])
    (folder / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n")
    console.print(
        f"\n{counted(summary.readings_sent, 'reading')} in {counted(summary.files, 'file')}, "
        f"{summary.readings_stored:,} stored, "
        f"{rejections(summary.records_rejected, summary.values_rejected)}, "
        f"{counted(summary.duplicates_sent, 'duplicate')} dropped, {counted(summary.emails, 'e-mail')}, "
        f"{summary.seconds_total} s",
        soft_wrap=True,
    )
    if old:
        breaches = counted(old, "breach is", "breaches are")
        console.print(f"{breaches} over a day old: stored, but not mailed.", soft_wrap=True)
    unjudged = Unjudged(thresholds)
    unjudged.add((item["device_id"], metric) for item in observed.items for metric in item["metrics"])
    if sentence := unjudged.sentence():
        console.print(f"{sentence[0].upper()}{sentence[1:]}.", soft_wrap=True)
    view.judgement(console, summary.problems, good="Every reading is stored exactly once.")
    return summary


def _too_old(items: Iterable[dict[str, Any]]) -> int:
    """Return how many readings are past a limit that alert mails no more about."""
    uploads = ((item, datetime.fromisoformat(item["uploaded_at"])) for item in items if item.get("breaches"))
    return sum(uploaded - stamped_time(item["reading_id"]) > STALE_AFTER for item, uploaded in uploads)


def _feed(aws: EmbeddedAws, keys: dict[str, Path], content: _Content, *, console: Console, say: view.Steps) -> None:
    """Upload each file under its key, and wait until as much is stored and rejected as they hold."""
    uploader = aws.uploader()
    with terminal.progress(TimeElapsedColumn(), on=console) as progress:
        task = progress.add_task("files", total=len(keys))
        for key, path in keys.items():
            content.add(path, key=key, uploaded_at=datetime.now(UTC))
            uploader.upload(key, path.read_bytes())
            progress.advance(task)
        task = progress.add_task("readings stored", total=len(content.readings))

        def complete() -> bool:
            count = stored.stored_count(aws.access, aws.pipeline)
            progress.update(task, completed=count)
            say.now(f"{count:,} of {counted(len(content.readings), 'reading')} stored")
            if count < len(content.readings):
                return stored.failed_events(aws.access, aws.pipeline) > 0
            return (
                len(stored.rejected_records(aws.access, aws.pipeline))
                >= content.rejects.total() + content.bad_values.total()
            )

        wait_while_moving(complete, progress=lambda: progress.tasks[-1].completed, seconds=_SECONDS, every_s=0.5)


def _mail(aws: EmbeddedAws) -> bool:
    """Wait until alert has taken every breach, then sweep until nothing waits to be mailed; return False on timeout.

    The sweep also ends what is clear again.
    """
    access, pipeline = aws.access, aws.pipeline
    functions = access.client("lambda")
    breached = {
        alert_key(item["device_id"], breach["metric"])
        for item in stored.stored_readings(access, pipeline)
        for breach in item.get("breaches", ())
    }

    known: set[str] = set()

    def taken() -> bool:
        known.update(item["alert_key"] for item in stored.alert_items(access, pipeline))
        return breached <= known

    def swept() -> bool:
        functions.invoke(FunctionName=pipeline.alert_function, Payload=json.dumps({"sweep": True}))
        return not in_ledger(stored.alert_items(access, pipeline), "PENDING", "LEASED")

    def arrived() -> bool:
        return len(aws.mailbox.mails) >= in_ledger(stored.alert_items(access, pipeline), "SENT").total()

    # A digest is made once a minute.
    return (
        wait_while_moving(taken, progress=lambda: len(known), seconds=_SECONDS, every_s=0.5)
        and wait_until(swept, seconds=2 * _SECONDS, every_s=5)
        and wait_until(arrived, seconds=_SECONDS)
    )
