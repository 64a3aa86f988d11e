"""How a run looks on a terminal."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lambdas.alert.mail.formatting import counted
from lambdas.shared.names import INCOMING_PREFIX
from sensorctl import terminal
from sensorctl.embedded.mailbox import Mail
from sensorctl.readings.stored import RejectedRecord
from sensorctl.run.fleet_judging import FleetSummary
from sensorctl.run.observed import Observed
from sensorctl.simulate.summary import rejections
from sensorctl.traces.documents import Span, waterfall

_MOST_DEVICES_A_LINE = 4
# Nobody need wonder for longer whether a run still does something; looked at a few times in that.
_QUIET_S, _LOOK_S = 4.0, 0.5


class Steps:
    """Prints each step of a run with the seconds since `started`, and says which it is where nothing else was said.

    `clock` gives seconds, as `started` does.
    """

    def __init__(self, console: Console, started: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._started = started
        self._clock = clock
        self._step = "starting"
        self._said_at = started

    def __call__(self, step: str) -> None:
        """Print a step as it begins."""
        self.now(step)
        self._print(step)

    def now(self, step: str) -> None:
        """Take note of how far the step is, for when nothing else is said."""
        self._step = step

    def something_else_was_said(self) -> None:
        """Take note that the terminal has moved by itself."""
        self._said_at = self._clock()

    def remind(self) -> None:
        """Print the step again if nothing was said for some seconds."""
        if self._clock() - self._said_at >= _QUIET_S:
            self._print(f"still: {self._step}")

    @contextmanager
    def reminding(self) -> Iterator[None]:
        """Remind from a thread of its own, as long as the context lasts."""
        ended = threading.Event()

        def remind() -> None:
            while not ended.wait(_LOOK_S):
                self.remind()

        thread = threading.Thread(target=remind, daemon=True, name="reminder")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _print(self, text: str) -> None:
        self._said_at = self._clock()
        self._console.print(Text(f"{self._said_at - self._started:5.1f} s  {text}", style="dim"), soft_wrap=True)


def email(console: Console, mail: Mail, *, after_s: float) -> None:
    """Print an e-mail as it would be read; lines are not wrapped, so that links stay whole."""
    style = terminal.SEVERITY_STYLES.get(mail.attributes.get("severity", ""), "blue")
    console.print()
    console.print(Rule(f"e-mail after {after_s:.1f} s", align="left", style=style))
    head = f"To:      {mail.address}\nSubject: {mail.subject}\n\n"
    console.print(Text.assemble((head, "bold"), mail.body.rstrip()), soft_wrap=True)


def report(console: Console, observed: Observed, *, besides: Collection[str] = (), trace: Sequence[Span] = ()) -> None:
    """Print what is in the tables, but of the devices `besides`, and in quarantine, and one trace."""
    readings = Counter(item["device_id"] for item in observed.items if item["device_id"] not in besides)
    if readings:
        console.print(_readings(readings, width=console.width))
    if observed.rejected:
        console.print(_rejected(observed.rejected))
    if trace:
        console.print(waterfall(trace, title="\nOne breach, from upload to e-mail"))


def verdict(console: Console, summary: FleetSummary) -> None:
    """Print the totals and whether they are as they must be."""
    mailed = counted(summary.alerts_sent - summary.alerts_in_digests, "e-mail")
    console.print()
    console.print(
        f"{summary.readings_sent:,} readings sent, {summary.readings_stored:,} stored, "
        f"{rejections(summary.records_rejected, summary.values_rejected)}; "
        f"{counted(summary.duplicates_sent, 'duplicate')} dropped; "
        f"{mailed}, {summary.duplicate_emails} of them twice"
        + (f", and {summary.alerts_in_digests} more in digests" if summary.alerts_in_digests else "")
        + f"; a storm of {summary.storm.alerts} "
        f"alerts in {counted(summary.storm.mailed, 'e-mail')} and {counted(summary.storm.digests, 'digest')}; "
        f"first alert after {summary.seconds_to_first_alert} s, all done after {summary.seconds_total} s",
        soft_wrap=True,
    )
    if summary.emails_not_judged:
        more = counted(summary.emails_not_judged, "more e-mail is", "more e-mails are")
        console.print(
            f"{more} not judged: reminders, alerts whose rule has a `for`, and "
            "silences shorter than the story, depend on when the sweep looks.",
            soft_wrap=True,
        )
    judgement(console, summary.problems, good="All as the simulator sent it.")


def judgement(console: Console, problems: list[str], *, good: str) -> None:
    """Print each problem, or `good` when there is none."""
    for problem in problems:
        console.print(Text(f"WRONG  {problem}", style="bold red"), soft_wrap=True)
    if not problems:
        console.print(Text(good, style="bold green"))


def _readings(readings: Counter[str], *, width: int) -> Table:
    """Return the devices in as many pairs of columns as `width` has room for."""
    columns = ("device", "readings")
    longest = max(map(len, (*readings, columns[0])))
    pairs = max(1, min(_MOST_DEVICES_A_LINE, len(readings), (width + 2) // (longest + len(columns[1]) + 4)))
    cells = [cell for device, count in sorted(readings.items()) for cell in (device, str(count))]
    rows = (cells[start : start + 2 * pairs] for start in range(0, len(cells), 2 * pairs))
    return terminal.table(columns * pairs, rows, title="\nReadings stored", right=("readings",))


def _rejected(rejected: list[RejectedRecord]) -> Table:
    rows = (
        (
            record.key.removeprefix(INCOMING_PREFIX),
            record.position,
            f"value of {record.member}" if record.member is not None else "record",
            record.reason,
        )
        for record in sorted(rejected, key=lambda record: (record.key, record.offset))
    )
    columns = ("object", "where", "what", "reason")
    return terminal.table(columns, rows, title="\nRejected", whole=("where", "reason"))
