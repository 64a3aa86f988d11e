"""`make run`: the whole pipeline on this machine, fed by the simulator, judged by what the simulator knows it sent."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lambdas.shared.thresholds import Thresholds
from lambdas.shared.times import timestamp
from sensorctl import observe, traces, view
from sensorctl.commands.report import write as write_report
from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.embedded.mailbox import Mail
from sensorctl.expectations import Expected
from sensorctl.scorecard import Found, Summary, delivered, foretold, in_ledger, judge, storm_of
from sensorctl.simulator import (
    BEACON,
    EVERY,
    PER_ROUND,
    ROUNDS,
    Upload,
    fleet,
    last_words,
    simulate,
    storm,
    storm_devices,
)
from sensorctl.waiting import wait_until

# A group of uploads settles in a second; this long means that something is lost, and the summary will say what.
_SETTLE_SECONDS = 30
# A storm's last e-mail may have to wait for the next minute's digest.
_STORM_SECONDS = 90
# What is over the budget of one second waits for a sweep; the emulator's own comes once a minute.
_SWEEP_EVERY_S = 3.0
# Each object under way at once is a worker of its own, and many cold starts at once starve a small machine.
_AT_ONCE = 5
_SILENT_FOR = timedelta(minutes=20)
# The fleet's readings were taken in the minutes before the run, which itself may take some.
_LAG = ROUNDS * PER_ROUND * EVERY + timedelta(minutes=3)
# Of a storm's e-mails, the terminal shows the digest and counts the rest.
_QUIET = storm_devices()


@dataclass
class _Inbox:
    """Shows each e-mail as it comes, and remembers when the first one came."""

    console: Console
    started: float
    first_alert_s: float | None = field(default=None)

    def __call__(self, mail: Mail) -> None:
        after = time.monotonic() - self.started
        if self.first_alert_s is None:
            self.first_alert_s = round(after, 2)
        if mail.attributes.get("device_id") not in _QUIET:
            view.email(self.console, mail, after_s=after)


def run(*, root: Path, seed: int, console: Console, port: int | None, smtp: tuple[str, int] | None) -> Summary:
    """Run the simulated fleet through the embedded AWS, show what happens, and write `.run/summary.json`."""
    started = time.monotonic()
    expected = Expected(Thresholds.parse((root / "thresholds.json").read_bytes()), lag=_LAG)
    inbox = _Inbox(console, started)
    say = view.steps(console, started)
    with EmbeddedAws(root=root, folder=root / ".run", port=port, smtp=smtp, say=say) as aws:
        aws.mailbox.on_mail(inbox)
        story = _Story(aws, expected=expected, console=console, say=say)
        story.tell(seed)
        story.end()
        aws.collector.flush()
        found = _find(aws)
        say("writing the report")
        report = root / ".run" / "report.html"
        where = f"embedded AWS, seed {seed}"
        write_report(aws.access, aws.pipeline, where=where, inbox=aws.folder / "inbox", out=report)
        summary = judge(
            expected,
            found,
            storm_devices=story.stormy,
            emails_per_minute=_emails_per_minute(aws),
            seed=seed,
            first_alert_s=inbox.first_alert_s,
            seconds=time.monotonic() - started,
        )
        view.report(
            console,
            readings=Counter(item["device_id"] for item in found.items if item["device_id"] not in _QUIET),
            rejected=found.rejected,
            trace=_a_breach_trace(aws, found.items),
        )
    (root / ".run" / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n")
    view.verdict(console, summary)
    return summary


class _Story:
    """Uploads group by group; the next begins when all that the last one must cause has happened."""

    def __init__(self, aws: EmbeddedAws, *, expected: Expected, console: Console, say: Callable[[str], None]) -> None:
        self._aws = aws
        self._expected = expected
        self._console = console
        self._say = say
        self.stormy: set[str] = set()
        self._functions = aws.access.client("lambda")
        self._uploader = aws.uploader()

    def tell(self, seed: int) -> None:
        """Tell all chapters, or stop after the first that does not end as it must: the summary will say how."""
        now = datetime.now(UTC).replace(microsecond=0)
        begin = now - ROUNDS * PER_ROUND * EVERY - timedelta(seconds=5)
        rounds = list(simulate(fleet(), seed=seed, start=begin))
        rounds[0].append(last_words(at=now - _SILENT_FOR))
        if not self._rounds(rounds):
            return
        self._age_upload(BEACON, to=now - _SILENT_FOR)
        self._say("the sweep: what is clear again ends, who says nothing is missed")
        self._expected.sweep(now=datetime.now(UTC))
        if not self._settle(sweep_first=True):
            return
        self._say("the silent device reports again")
        if not self._upload([last_words(at=datetime.now(UTC))]):
            return
        self._expected.sweep(now=datetime.now(UTC))
        if not self._settle(sweep_first=True):
            return
        self._say("a storm: every cell of a production line is too hot in the same second")
        self._storm(storm(at=datetime.now(UTC)))

    def _age_upload(self, device: str, *, to: datetime) -> None:
        """Move the uploads of a device back, as if the time since had passed: silence counts from the last of them."""
        dynamodb, table = self._aws.access.client("dynamodb"), self._aws.pipeline.readings_table
        items = dynamodb.query(
            TableName=table,
            KeyConditionExpression="device_id = :device",
            ExpressionAttributeValues={":device": {"S": device}},
        )["Items"]
        for item in items:
            dynamodb.put_item(TableName=table, Item={**item, "uploaded_at": {"S": timestamp(to)}})

    def end(self) -> None:
        """Wait until nothing waits to be told any more: what was over the budget goes into the next minute's digest."""
        self._wait(self._is_told, seconds=_STORM_SECONDS)

    def _rounds(self, rounds: list[list[Upload]]) -> bool:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("objects uploaded", total=sum(len(uploads) for uploads in rounds))
            groups = (uploads[at : at + _AT_ONCE] for uploads in rounds for at in range(0, len(uploads), _AT_ONCE))
            return all(self._upload(group, uploaded=lambda: progress.advance(task)) for group in groups)

    def _upload(self, uploads: list[Upload], *, uploaded: Callable[[], None] = lambda: None) -> bool:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(lambda upload: self._uploader.upload(upload.key, upload.body), uploads):
                uploaded()
        self._expected.add(uploads)
        return self._settle()

    def _settle(self, *, sweep_first: bool = False) -> bool:
        """Wait until what was sent is stored and mailed."""
        return self._wait(self._is_settled, seconds=_SETTLE_SECONDS, sweep_first=sweep_first)

    def _storm(self, upload: Upload) -> None:
        before = list(self._expected.mails)
        self._uploader.upload(upload.key, upload.body)
        self._expected.add([upload])
        # Which alert is told by a mail of its own and which in a digest, only the budget knows.
        self.stormy = {mail.subject.split()[0] for mail in self._expected.mails[len(before) :]}
        self._expected.mails = before

        def all_told() -> bool:
            mails, ledger = self._aws.mailbox.mails, self._ledger()
            told = storm_of(Found(items=[], rejected=[], mails=mails, ledger=ledger, failed_events=0), self.stormy)
            return told.mailed + told.in_digests >= len(self.stormy) and (told.digests > 0 or not told.in_digests)

        self._wait(all_told, seconds=_STORM_SECONDS)
        wait_until(self._is_settled, seconds=_SETTLE_SECONDS)

    def _wait(self, condition: Callable[[], bool], *, seconds: float, sweep_first: bool = False) -> bool:
        """Wait for `condition`, sweeping now and then as the schedule would."""
        deadline = time.monotonic() + seconds
        if sweep_first:
            self._sweep()
        while not wait_until(condition, seconds=_SWEEP_EVERY_S):
            if time.monotonic() > deadline:
                return False
            self._sweep()
        return True

    def _sweep(self) -> None:
        self._functions.invoke(FunctionName=self._aws.pipeline.alert_function, Payload=json.dumps({"sweep": True}))

    def _is_settled(self) -> bool:
        aws, expected = self._aws, self._expected
        if observe.stored_count(aws.access, aws.pipeline) < len(expected.readings):
            return False
        mails = delivered(aws.mailbox.mails)
        if foretold(mails, expected, besides=_QUIET).total() >= len(expected.mails):
            return True
        # What waits for a digest is decided, and the digest may be a minute away.
        mails += in_ledger(self._ledger(), "PENDING", "DIGESTED")
        return foretold(mails, expected, besides=_QUIET).total() >= len(expected.mails)

    def _is_told(self) -> bool:
        return not in_ledger(self._ledger(), "PENDING", "LEASED")

    def _ledger(self) -> list[dict[str, Any]]:
        return observe.alert_items(self._aws.access, self._aws.pipeline)


def _find(aws: EmbeddedAws) -> Found:
    return Found(
        items=observe.stored_readings(aws.access, aws.pipeline),
        rejected=observe.rejected_records(aws.access, aws.pipeline),
        mails=aws.mailbox.mails,
        ledger=observe.alert_items(aws.access, aws.pipeline),
        failed_events=observe.failed_events(aws.access, aws.pipeline),
    )


def _emails_per_minute(aws: EmbeddedAws) -> int:
    configuration = aws.access.client("lambda").get_function_configuration(FunctionName=aws.pipeline.alert_function)
    return int(configuration["Environment"]["Variables"]["EMAILS_PER_MINUTE"])


def _a_breach_trace(aws: EmbeddedAws, items: list[dict[str, Any]]) -> list[traces.Span]:
    """Return the trace of the first object that escalated, or of any breach."""
    breaching = sorted(
        (item for item in items if item.get("breaches") and item["device_id"] not in _QUIET),
        key=lambda item: (item["breaches"][0]["severity"] != "critical", item["reading_id"]),
    )
    return traces.spans(traces.fetch(aws.access, breaching[0]["trace_id"])) if breaching else []
