"""`make run`: the whole pipeline on this machine, fed by the simulator, judged by what the simulator knows it sent."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import TimeElapsedColumn

from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl import terminal
from sensorctl.aws.invoking import emails_per_minute
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.embedded.mailbox import Mail
from sensorctl.options import ROOT
from sensorctl.readings import stored
from sensorctl.report.write import write as write_report
from sensorctl.run import operators, view
from sensorctl.run.fleet_judging import FleetSummary, Storm, delivered, in_ledger, judge, predictable, storm_of
from sensorctl.run.judging import problem_if_not
from sensorctl.run.observed import observe
from sensorctl.run.past import age_alert, age_uploads
from sensorctl.simulate.expectations import Expected, ExpectedMail
from sensorctl.simulate.fleet import (
    BEACON,
    EVERY,
    MIXER,
    OVENS,
    PER_ROUND,
    ROUNDS,
    STORM_DEVICES,
    TANKS,
    SentObject,
    beacon_upload,
    fleet,
    gateway_upload,
    one_temperature,
    simulate,
    storm,
)
from sensorctl.traces.documents import Span, fetch, spans

# A group of uploads is processed in a second; this long means that something is lost, and the summary will say what.
_PROCESSED_SECONDS = 30
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
_QUIET = set(STORM_DEVICES)


@dataclass
class _Inbox:
    """Shows each e-mail as it comes, and remembers when the first one came."""

    console: Console
    started: float
    steps: view.Steps
    first_alert_s: float | None = field(default=None)

    def __call__(self, mail: Mail) -> None:
        after = time.monotonic() - self.started
        if self.first_alert_s is None:
            self.first_alert_s = round(after, 2)
        if mail.attributes.get("device_id") not in _QUIET:
            view.email(self.console, mail, after_s=after)
            self.steps.something_else_was_said()


def run_fleet(
    folder: Path, *, seed: int, console: Console, port: int | None, smtp: tuple[str, int] | None
) -> FleetSummary:
    """Run the simulated fleet through the embedded AWS, show it, and write report and summary into `folder`."""
    started = time.monotonic()
    thresholds = operators.with_their_rules((ROOT / "thresholds.json").read_text(encoding="utf-8"))
    led = frozenset((*OVENS, MIXER))
    expected = Expected(Thresholds.parse(thresholds), lag=_LAG, led=led)
    say = view.Steps(console, started)
    inbox = _Inbox(console, started, say)
    with say.reminding(), EmbeddedAws(root=ROOT, folder=folder, port=port, smtp=smtp, say=say) as aws:
        aws.mailbox.on_mail(inbox)
        operators.set_thresholds(aws.access, aws.pipeline, thresholds)
        story = _Story(aws, expected=expected, console=console, say=say)
        story.play(seed)
        story.end()
        aws.collector.flush()
        observed = observe(aws)
        say("writing the report")
        report = folder / "report.html"
        where = f"embedded AWS, seed {seed}"
        write_report(aws.access, aws.pipeline, where=where, inbox=aws.folder / "inbox", out=report)
        summary = judge(
            expected,
            observed,
            storm_devices=story.stormy,
            emails_per_minute=emails_per_minute(aws.access, aws.pipeline),
            seed=seed,
            first_alert_s=inbox.first_alert_s,
            seconds=time.monotonic() - started,
        )
        view.report(console, observed, besides=_QUIET, trace=_a_breach_trace(aws, observed.items))
        say("stopping the embedded AWS")
    unsent = aws.mailbox.not_handed_on
    summary = replace(
        summary, problems=[*summary.problems, *story.problems, *problem_if_not(unsent is None, str(unsent))]
    )
    (folder / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n")
    view.verdict(console, summary)
    return summary


class _Story:
    """Uploads group by group; the next begins when all that the last one must cause has happened."""

    def __init__(self, aws: EmbeddedAws, *, expected: Expected, console: Console, say: view.Steps) -> None:
        self._aws = aws
        self._expected = expected
        self._console = console
        self._say = say
        self.stormy: set[str] = set()
        self.problems: list[str] = []
        self._functions = aws.access.client("lambda")
        self._uploader = aws.uploader()

    def play(self, seed: int) -> None:
        """Play all chapters, or stop after the first that does not end as expected: the summary will say how."""
        now = datetime.now(UTC).replace(microsecond=0)
        mute = operators.mute(self._aws.access, self._aws.pipeline, MIXER, why="new bearings", now=now)
        begin = now - ROUNDS * PER_ROUND * EVERY - timedelta(seconds=5)
        rounds = list(simulate(fleet(), seed=seed, start=begin))
        rounds[0] += [beacon_upload(at=now - _SILENT_FOR), gateway_upload(at=now - _SILENT_FOR)]
        self._say("the fleet reports: ten minutes of readings, compressed")
        if not self._rounds(rounds):
            return
        for device in (BEACON, *TANKS):
            age_uploads(self._aws.access, self._aws.pipeline, device, to=now - _SILENT_FOR)
        self._say("the sweep: what is clear again ends, who says nothing is missed")
        self._expected.sweep(now=datetime.now(UTC))
        if not self._wait_for_results(sweep_first=True):
            return
        self._say("the silent device reports again, and a gateway that was cut off with four tanks behind it")
        back = datetime.now(UTC)
        if not self._upload([beacon_upload(at=back), gateway_upload(at=back)]):
            return
        self._expected.sweep(now=datetime.now(UTC))
        if not self._wait_for_results(sweep_first=True):
            return
        if not self._leave_one_unattended() or not self._end_a_mute(mute):
            return
        self._say("a storm: every cell of a production line is too hot in the same second")
        self._storm(storm(at=datetime.now(UTC)))

    def _leave_one_unattended(self) -> bool:
        """Let two alerts grow old, one of them acknowledged: only the other one reminds, and goes unattended."""
        access, pipeline = self._aws.access, self._aws.pipeline
        self._say("two ovens are too hot: somebody acknowledges the first alert, nobody the second; hours pass")
        if not self._upload([one_temperature(oven, 75.0, at=datetime.now(UTC)) for oven in OVENS]):
            return False
        operators.acknowledge(access, pipeline, OVENS[0], now=datetime.now(UTC))
        for oven in OVENS:
            age_alert(access, pipeline, oven, "temperature", by=operators.HOURS)
        self._expected.mails.append(ExpectedMail("unattended", "warning", f"{OVENS[1]} temperature"))
        if not self._wait_for_results(sweep_first=True):
            return False
        self._say("both ovens are cool again")
        if not self._upload([one_temperature(oven, 60.0, at=datetime.now(UTC)) for oven in OVENS]):
            return False
        self._expected.sweep(now=datetime.now(UTC))
        return self._wait_for_results(sweep_first=True)

    def _end_a_mute(self, mute_id: str) -> bool:
        """Let a muted device alert, and end the mute: what is still open then is mailed, and nothing before."""
        access, pipeline = self._aws.access, self._aws.pipeline
        self._say("a mixer that somebody works on is too hot: its alert is muted, until the mute ends")
        before = list(self._expected.mails)
        upload = one_temperature(MIXER, 75.0, at=datetime.now(UTC))
        self._uploader.upload(upload.key, upload.body)
        self._expected.add([upload])
        withheld, self._expected.mails = self._expected.mails[len(before) :], before
        if not self._wait(lambda: operators.is_open(access, pipeline, MIXER), seconds=_PROCESSED_SECONDS):
            return False
        self._sweep()
        if any(mail.attributes["device_id"] == MIXER for mail in self._aws.mailbox.mails):
            self.problems.append(f"an e-mail about {MIXER}, which was muted")
        operators.end_mute(access, pipeline, mute_id, now=datetime.now(UTC))
        self._expected.mails += withheld
        return self._wait_for_results(sweep_first=True)

    def end(self) -> None:
        """Wait until no mail waits any more: what was over the budget goes into the next minute's digest."""
        if any(mail.kind == "reminder" and mail.subject.startswith(OVENS[0]) for mail in self._announced()):
            self.problems.append(f"a reminder of {OVENS[0]}, whose alert was acknowledged")
        self._say("waiting for the minute's digest of what is over the e-mail budget")
        self._wait(self._is_announced, seconds=_STORM_SECONDS)

    def _rounds(self, rounds: list[list[SentObject]]) -> bool:
        with terminal.progress(TimeElapsedColumn(), on=self._console) as progress:
            total = sum(len(uploads) for uploads in rounds)
            task = progress.add_task("objects uploaded", total=total)

            def uploaded() -> None:
                progress.advance(task)
                self._say.now(f"{progress.tasks[task].completed:.0f} of {total} objects uploaded")

            groups = (uploads[at : at + _AT_ONCE] for uploads in rounds for at in range(0, len(uploads), _AT_ONCE))
            return all(self._upload(group, uploaded=uploaded) for group in groups)

    def _upload(self, uploads: list[SentObject], *, uploaded: Callable[[], None] = lambda: None) -> bool:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(lambda upload: self._uploader.upload(upload.key, upload.body), uploads):
                uploaded()
        self._expected.add(uploads)
        return self._wait_for_results()

    def _wait_for_results(self, *, sweep_first: bool = False) -> bool:
        """Wait until what was sent is stored and mailed."""
        return self._wait(self._is_processed, seconds=_PROCESSED_SECONDS, sweep_first=sweep_first)

    def _storm(self, upload: SentObject) -> None:
        before = list(self._expected.mails)
        self._uploader.upload(upload.key, upload.body)
        self._expected.add([upload])
        # Which alert is announced by a mail of its own and which in a digest, only the budget knows.
        self.stormy = {mail.subject.split()[0] for mail in self._expected.mails[len(before) :]}
        self._expected.mails = before

        def so_far() -> Storm:
            return storm_of(self._aws.mailbox.mails, self._ledger(), self.stormy)

        def all_announced() -> bool:
            storm = so_far()
            return storm.mailed + storm.in_digests >= len(self.stormy) and (storm.digests > 0 or not storm.in_digests)

        # Not before: what comes after this minute's digest waits for the next minute's.
        wait_until(lambda: so_far().alerts == len(self.stormy), seconds=_PROCESSED_SECONDS)
        self._wait(all_announced, seconds=_STORM_SECONDS)
        wait_until(self._is_processed, seconds=_PROCESSED_SECONDS)

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

    def _is_processed(self) -> bool:
        aws, expected = self._aws, self._expected
        if stored.stored_count(aws.access, aws.pipeline) < len(expected.readings):
            return False
        mails = delivered(aws.mailbox.mails)
        if predictable(mails, expected, besides=_QUIET).total() >= len(expected.mails):
            return True
        # What waits for a digest is decided, and the digest may be a minute away.
        mails += in_ledger(self._ledger(), "PENDING", "DIGESTED")
        return predictable(mails, expected, besides=_QUIET).total() >= len(expected.mails)

    def _announced(self) -> Counter[ExpectedMail]:
        return delivered(self._aws.mailbox.mails) + in_ledger(self._ledger(), "PENDING", "DIGESTED")

    def _is_announced(self) -> bool:
        return not in_ledger(self._ledger(), "PENDING", "LEASED")

    def _ledger(self) -> list[dict[str, Any]]:
        return stored.alert_items(self._aws.access, self._aws.pipeline)


def _a_breach_trace(aws: EmbeddedAws, items: list[dict[str, Any]]) -> list[Span]:
    """Return the trace of the first object that escalated, or of any breach."""
    breaching = sorted(
        (item for item in items if item.get("breaches") and item["device_id"] not in _QUIET),
        key=lambda item: (item["breaches"][0]["severity"] != "critical", item["reading_id"]),
    )
    return spans(fetch(aws.access, breaching[0]["trace_id"])) if breaching else []
