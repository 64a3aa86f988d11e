"""`sensorctl redrive`: what could not be handled, in words, and handled again."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import Embedded, Profile, Region, Stage, Yes, confirm, connected

if TYPE_CHECKING:
    from sensorctl.failed_messages import Failed, Queue
    from sensorctl.redrive import Outcome, Redrive

_SHOWN = 20


def redrive(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    queue: Annotated[
        list[str] | None, typer.Option(help="Only this queue: ingest, rule, alert, schedule or mail. May be repeated.")
    ] = None,
    match: Annotated[
        str, typer.Option(help="Only messages with this text in what they are about or their error.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what waits.")] = False,
    most: Annotated[int, typer.Option(min=1, help="At most so many of each queue.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
    yes: Yes = False,
) -> None:
    """Show what waits in the failure and dead-letter queues, ask, and do it again.

    A message is deleted only once it succeeded; the first systematic failure stops the rest. E-mails that SNS could not
    deliver are left alone unless you ask with `--queue mail`: they then go to every subscriber once more, within the
    stage's e-mail budget. Ends with 1 when something still waits.
    """
    from sensorctl.redrive import Redrive  # noqa: PLC0415

    queues = _queues(queue)
    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    work = Redrive(to.access, to.pipeline)
    with work.taken(queues, match=match, most=most) as held:
        failed = [one.failed for one in held]
        if as_json:
            for one in failed:
                about = {"queue": one.queue, "about": one.about, "error": one.error, "since": one.since.isoformat()}
                terminal.say(json.dumps(about))
        elif failed:
            terminal.console().print(_table(failed))
        else:
            terminal.say("Nothing waits.")
        if not failed or dry_run:
            raise typer.Exit(1 if failed else 0)
        if not as_json:
            _say_what_it_does(failed, work)
        confirm("Go on?", yes=yes)
        with Progress(console=terminal.console(stderr=True), transient=True) as progress:
            task = progress.add_task("redriving", total=len(held))
            outcome = work.run(held, each=lambda: progress.advance(task))
    _say(outcome, of=len(held))
    raise typer.Exit(0 if outcome.done == len(held) else 1)


def _queues(named: list[str] | None) -> list[Queue]:
    from sensorctl.failed_messages import QUEUES  # noqa: PLC0415

    unknown = [name for name in named or [] if name not in QUEUES]
    if unknown:
        raise UserError(f"there is no queue {unknown[0]!r}; choose from {', '.join(QUEUES)}")
    return [name for name in QUEUES if (name in named if named else name != "mail")]


def _say_what_it_does(failed: list[Failed], work: Redrive) -> None:
    from sensorctl.failed_messages import WORKER  # noqa: PLC0415

    for worker, count in Counter(WORKER[one.queue] for one in failed).items():
        if worker is not None:
            terminal.say(f"{worker} runs {count} time{'s' if count > 1 else ''}.")
        else:
            mails = "1 e-mail goes" if count == 1 else f"{count} e-mails go"
            terminal.say(f"{mails} to every subscriber again, at most {work.emails_per_minute} a minute.")


def _table(failed: list[Failed]) -> Table:
    counted = Counter(one.queue for one in failed)
    total = ", ".join(f"{count} in {queue}" for queue, count in counted.items())
    table = Table(title=f"{len(failed)} waiting: {total}", box=None, padding=(0, 2, 0, 0), title_justify="left")
    for column in ("queue", "since (UTC)", "about", "error"):
        table.add_column(column, overflow="fold")
    for one in failed[:_SHOWN]:
        table.add_row(one.queue, f"{one.since:%Y-%m-%d %H:%M:%S}", Text(one.about), Text(one.error))
    if len(failed) > _SHOWN:
        table.add_row("", "", f"and {len(failed) - _SHOWN} more", "")
    return table


def _say(outcome: Outcome, *, of: int) -> None:
    from sensorctl.invoking import passed_over  # noqa: PLC0415

    terminal.say(f"{outcome.done} of {of} done{passed_over(outcome.unreadable)}.")
    for failed, error in outcome.failed:
        terminal.say(f"failed again: {failed.about}: {error.words}")
    if outcome.stopped:
        terminal.say(f"Stopped: it is not one message, it is {outcome.stopped}. Mend that, then run it again.")
    if outcome.held_too_long:
        terminal.say("Stopped: SQS lets nobody hold messages for longer than 12 hours. Run it again for the rest.")
