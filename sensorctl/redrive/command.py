"""`sensorctl redrive`: shows events and e-mails that failed, and processes them again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lambdas.alert.mail.formatting import counted
from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ListOptions, Yes, confirm, with_options

if TYPE_CHECKING:
    from rich.table import Table

    from sensorctl.aws.outputs import Queue
    from sensorctl.redrive.failed_messages import FailedMessage
    from sensorctl.redrive.redrive import Redrive, RedriveResult

_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class MessageSelection:
    """Which messages."""

    queue: Annotated[
        list[str] | None, typer.Option(help="Only this queue: ingest, rule, alert, schedule or mail. May be repeated.")
    ] = None
    match: Annotated[str, typer.Option(help="Only messages with this text in what they are about or their error.")] = ""
    most: Annotated[int, typer.Option(min=1, help="At most so many of each queue.")] = 1000

    def queues(self) -> list[Queue]:
        """Return the queues, in the order of the flow. Raises UserError for one that does not exist."""
        from sensorctl.redrive.failed_messages import QUEUES  # noqa: PLC0415

        unknown = [name for name in self.queue or () if name not in QUEUES]
        if unknown:
            raise UserError(f"there is no queue {unknown[0]!r}; choose from {', '.join(QUEUES)}")
        return [name for name in QUEUES if (name in self.queue if self.queue else name != "mail")]


@with_options
def redrive(
    *,
    selection: MessageSelection,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what waits.")] = False,
    target: ListOptions,
    yes: Yes = False,
) -> None:
    """Show what waits in the failure and dead-letter queues, ask, and do it again.

    A message is deleted only once it succeeded; the first systematic failure stops the rest. E-mails that SNS could not
    deliver are left alone unless you ask with `--queue mail`: they then go to every subscriber once more, within the
    stage's e-mail budget. Ends with 1 when something still waits.
    """
    from sensorctl.redrive.redrive import Redrive  # noqa: PLC0415

    queues, to = selection.queues(), target.connect()
    work = Redrive(to.access, to.pipeline)
    with work.taken(queues, match=selection.match, most=selection.most) as held:
        failed = [message.failed for message in held]
        if target.as_json:
            terminal.say_json(*(message.to_json() for message in failed))
        elif failed:
            terminal.console().print(_table(failed))
            terminal.say_if_cut(min(_SHOWN, len(failed)), len(failed), more="--json lists all")
            if work.cut_off:
                full = " and ".join(work.cut_off)
                terminal.say(f"More may wait in {full}: at most {selection.most:,} are taken of each; see --most.")
        elif work.unmatched:
            terminal.say(f"Of {work.unmatched} that wait, none has {selection.match!r} in it.")
        else:
            terminal.say("Nothing waits.")
        if not failed or dry_run:
            raise typer.Exit(1 if failed or work.unmatched else 0)
        if not target.as_json:
            _say_what_it_does(failed, work)
        confirm("Go on?", yes=yes)
        with terminal.progress() as progress:
            task = progress.add_task("redriving", total=len(held))
            result = work.run(held, tried=lambda: progress.advance(task))
    _say(result, of=len(held))
    raise typer.Exit(0 if result.done == len(held) else 1)


def _say_what_it_does(failed: list[FailedMessage], work: Redrive) -> None:
    from sensorctl.redrive.failed_messages import WORKER  # noqa: PLC0415

    for worker, count in Counter(WORKER[message.queue] for message in failed).items():
        if worker is not None:
            terminal.say(f"{worker} runs {counted(count, 'time')}.")
        else:
            mails = counted(count, "e-mail goes", "e-mails go")
            terminal.say(f"{mails} to every subscriber again, at most {work.emails_per_minute} a minute.")


def _table(failed: list[FailedMessage]) -> Table:
    waiting = Counter(message.queue for message in failed)
    total, now = ", ".join(f"{count:,} in {queue}" for queue, count in waiting.items()), datetime.now(UTC)
    rows = (
        (message.queue, terminal.short_time(message.since, now=now), message.about, message.error)
        for message in failed[:_SHOWN]
    )
    columns = ("queue", "since (UTC)", "about", "error")
    return terminal.table(columns, rows, whole=columns[:2], title=f"{len(failed):,} waiting: {total}")


def _say(result: RedriveResult, *, of: int) -> None:
    from sensorctl.aws.invoking import passed_over  # noqa: PLC0415

    terminal.say(f"{result.done:,} of {of:,} done{passed_over(result.unreadable)}.")
    for message, error in result.failed:
        terminal.say(f"failed again: {message.about}: {error.words}")
    if result.stopped:
        terminal.say(f"Stopped, since messages fail for a common cause: {result.stopped}. Fix it, then run it again.")
    if result.held_too_long:
        terminal.say("Stopped: SQS lets nobody hold messages for longer than 12 hours. Run it again for the rest.")
