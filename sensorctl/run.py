"""`make run`: the whole pipeline on this machine, fed by the simulator, judged by what the simulator knows it sent."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lambdas.shared.thresholds import Thresholds
from sensorctl import observe, traces, view
from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.embedded.mailbox import Mail
from sensorctl.embedded.trace_collector import send_to_daemon
from sensorctl.expectations import Expected, ExpectedMail
from sensorctl.simulator import EVERY, PER_ROUND, ROUNDS, Upload, fleet, simulate
from sensorctl.uploader import Uploader
from sensorctl.waiting import wait_until

PREFIX = "incoming/"
# A round settles in a second or two; this long means that something is lost, and the summary will say what.
_ROUND_SECONDS = 30
# Each concurrent upload may be a cold start, and many of those at once starve a small machine.
_UPLOADERS = 4


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What was sent, what came of it; `problems` is empty when the two agree."""

    seed: int
    readings_sent: int
    duplicates_sent: int
    readings_stored: int
    stored_more_than_once: int
    records_rejected_expected: int
    records_rejected: int
    breaches_expected: int
    breaches_stored: int
    alerts_expected: int
    alerts_sent: int
    duplicate_emails: int
    traces: int
    seconds_to_first_alert: float | None
    seconds_total: float
    problems: list[str]


def run(*, root: Path, seed: int, console: Console, port: int | None, smtp: tuple[str, int] | None) -> Summary:
    """Run the simulated fleet through the embedded AWS, show what happens, and write `.run/summary.json`."""
    started = time.monotonic()
    thresholds = Thresholds.parse((root / "thresholds.json").read_bytes())
    expected = Expected(thresholds)
    first_alert: list[float] = []

    def on_mail(mail: Mail) -> None:
        if not first_alert:
            first_alert.append(time.monotonic() - started)
        view.email(console, mail, after_s=time.monotonic() - started)

    with EmbeddedAws(root=root, folder=root / ".run", port=port, smtp=smtp, say=view.steps(console, started)) as aws:
        aws.mailbox.on_mail(on_mail)
        begin = datetime.now(UTC).replace(microsecond=0) - ROUNDS * PER_ROUND * EVERY - timedelta(seconds=5)
        _feed(aws, list(simulate(fleet(), seed=seed, start=begin)), expected=expected, console=console)
        aws.collector.flush()
        summary, items = _judge(aws, expected=expected, seed=seed, first_alert=first_alert, started=started)
        view.report(
            console,
            readings=Counter(item["device_id"] for item in items),
            rejected=observe.rejected_records(aws.access, aws.pipeline),
            trace=_a_breach_trace(aws, items),
        )
    (root / ".run" / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n")
    view.verdict(console, summary)
    return summary


def _feed(aws: EmbeddedAws, rounds: list[list[Upload]], *, expected: Expected, console: Console) -> None:
    """Upload round by round; the next begins when all that the last one must cause has happened."""
    uploader = Uploader(
        aws.access,
        bucket=aws.pipeline.landing_bucket,
        prefix=PREFIX,
        trace=lambda segment: send_to_daemon(segment, address=aws.collector.daemon_address),
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress, ThreadPoolExecutor(_UPLOADERS) as pool:
        task = progress.add_task("objects uploaded", total=sum(len(uploads) for uploads in rounds))
        # One alone first: a cold start of each function, and of nothing else, on the way to the first alert.
        first, rounds[0] = rounds[0][:1], rounds[0][1:]
        for uploads in [first, *rounds]:
            for _ in pool.map(lambda upload: uploader.upload(upload.key, upload.body), uploads):
                progress.advance(task)
            expected.add(uploads)
            if not wait_until(lambda: _settled(aws, expected), seconds=_ROUND_SECONDS):
                return  # something is lost; the summary says what


def _settled(aws: EmbeddedAws, expected: Expected) -> bool:
    return len(aws.mailbox.mails) >= len(expected.mails) and observe.stored_count(aws.access, aws.pipeline) >= len(
        expected.readings
    )


def _judge(
    aws: EmbeddedAws, *, expected: Expected, seed: int, first_alert: list[float], started: float
) -> tuple[Summary, list[dict[str, Any]]]:
    items = observe.stored_readings(aws.access, aws.pipeline)
    stored = observe.keys_of(items)
    rejected = Counter(record.reason for record in observe.rejected_records(aws.access, aws.pipeline))
    mails = Counter(as_expected(mail) for mail in aws.mailbox.mails)
    wanted = Counter(expected.mails)
    breaching = sum(1 for item in items if item.get("breaches"))
    trace_ids = {item["trace_id"] for item in items if item.get("trace_id")}
    failed = observe.failed_events(aws.access, aws.pipeline)
    problems = [
        *view.differences("readings missing", expected.readings - stored.keys()),
        *view.differences("readings stored that nobody sent", stored.keys() - expected.readings),
        *view.count_differences("records rejected as", expected.rejects, rejected),
        *view.differences("e-mails missing", wanted - mails),
        *view.differences("e-mails too many", mails - wanted),
        *([f"readings marked as breaching: {breaching}, not {expected.breaching}"] * (breaching != expected.breaching)),
        *([f"{failed} events wait in failure queues"] * (failed > 0)),
    ]
    summary = Summary(
        seed=seed,
        readings_sent=len(expected.readings) + expected.rejects.total(),
        duplicates_sent=expected.duplicates_sent,
        readings_stored=len(items),
        stored_more_than_once=sum(count - 1 for count in stored.values()),
        records_rejected_expected=expected.rejects.total(),
        records_rejected=rejected.total(),
        breaches_expected=expected.breaching,
        breaches_stored=breaching,
        alerts_expected=len(expected.mails),
        alerts_sent=mails.total(),
        duplicate_emails=sum(count - 1 for count in mails.values()),
        traces=len(trace_ids),
        seconds_to_first_alert=round(first_alert[0], 2) if first_alert else None,
        seconds_total=round(time.monotonic() - started, 2),
        problems=problems,
    )
    return summary, items


def as_expected(mail: Mail) -> ExpectedMail:
    """Return the mail as `expectations` names it, from its message attributes."""
    kind = mail.attributes["kind"]
    if kind == "rejected":
        return ExpectedMail(kind, "-", mail.attributes["device_id"])
    subject = f"{mail.attributes['device_id']} {mail.attributes['metric']}"
    return ExpectedMail(kind, mail.attributes["severity"], subject)


def _a_breach_trace(aws: EmbeddedAws, items: list[dict[str, Any]]) -> list[traces.Span]:
    """Return the trace of the first object that escalated, or of any breach."""
    breaching = sorted(
        (item for item in items if item.get("breaches")),
        key=lambda item: (item["breaches"][0]["severity"] != "critical", item["reading_id"]),
    )
    return traces.spans(traces.fetch(aws.access, breaching[0]["trace_id"])) if breaching else []
