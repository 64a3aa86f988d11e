"""`sensorctl replay` and `sensorctl reconcile`: stored objects and archived events, processed again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TimeRemainingColumn

from lambdas.alert.mail.formatting import counted, duration_text, utc
from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ROOT, ListOptions, PipelineOptions, Yes, confirm, instant, with_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensorctl.aws.connection import Connection
    from sensorctl.replay.objects import Place
    from sensorctl.replay.stored_objects import StoredObject

_STATE = ROOT / ".run"
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class ObjectSelection:
    """Which objects."""

    prefix: Annotated[str, typer.Option(help="Only objects whose key begins with this, such as incoming/2026/11/.")] = (
        "incoming/"
    )
    since: Annotated[datetime | None, instant("Only what was uploaded from then on: an instant, 1h, yesterday.")] = None


@dataclass(frozen=True, kw_only=True)
class ReplaySelection(ObjectSelection):
    """Which objects, or which events."""

    until: Annotated[datetime | None, instant("Only what was uploaded before then.")] = None


@with_options
def replay(
    *,
    objects: ReplaySelection,
    events: Annotated[
        bool, typer.Option("--events", help="Replay the bus's archive to alert instead of objects to ingest.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="From the start, not from where it stopped.")] = False,
    target: PipelineOptions,
    yes: Yes = False,
) -> None:
    """Say which stored objects go through ingest again, or which archived events to alert, ask, and send them.

    Nothing is stored twice, and no old breach is mailed. After a stop, the same command continues where it was. Ends
    with 1 when there is nothing to send, or when ingest fails on an object.
    """
    to = target.connect()
    if events:
        since, until = _span(objects)
        span = f"the archived events from {utc(since)} to {utc(until)} ({duration_text(until - since)})"
        if dry_run:
            terminal.say(f"Would send {span} to alert, on {target.name}.")
            return
        terminal.say(f"Alert gets {span} again, on {target.name}; it drops what it had seen.")
        confirm("Go on?", yes=yes)
        _replay_events(to, since=since, until=until)
        return
    from sensorctl.replay.objects import Place  # noqa: PLC0415
    from sensorctl.replay.stored_objects import stored_objects  # noqa: PLC0415

    bucket, prefix = to.pipeline.landing_bucket, objects.prefix
    stored = stored_objects(to.access, bucket=bucket, prefix=prefix, since=objects.since, until=objects.until)
    place = Place(_STATE, bucket=bucket, prefix=prefix, since=str(objects.since), until=str(objects.until))
    if restart:
        place.forget()
    remaining = list(place.remaining(stored))
    if not remaining:
        terminal.say(f"Nothing to send: no object below {prefix} was uploaded in that time, or all of them are sent.")
        raise typer.Exit(1)
    _send(target, to, remaining, place=place, dry_run=dry_run, yes=yes)


@with_options
def reconcile(
    *,
    objects: ObjectSelection,
    grace: Annotated[
        int, typer.Option(min=0, help="Minutes that an upload may take; younger ones are not asked.")
    ] = 10,
    fix: Annotated[bool, typer.Option("--fix", help="Send what was never processed through ingest.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fix: only say what would be sent.")] = False,
    target: ListOptions,
    yes: Yes = False,
) -> None:
    """Compare the landing bucket with the receipts of ingest, and list the objects it never took in; --fix asks first.

    Receipts are kept for 90 days, so older uploads are not asked about. What waits in the failure queue is listed too:
    `sensorctl redrive` first. Ends with 1 when something was never processed and is not fixed.
    """
    from lambdas.shared.keys import RECEIPT_DAYS  # noqa: PLC0415
    from sensorctl.replay.reconcile import never_processed  # noqa: PLC0415
    from sensorctl.replay.stored_objects import stored_objects  # noqa: PLC0415

    to, now = target.connect(), datetime.now(UTC)
    since = max(objects.since or datetime.min.replace(tzinfo=UTC), now - timedelta(days=RECEIPT_DAYS))
    until = now - timedelta(minutes=grace) if grace else None
    bucket, table = to.pipeline.landing_bucket, to.pipeline.readings_table
    with terminal.progress(TimeRemainingColumn()) as progress:
        task = progress.add_task("objects compared", total=None)
        stored = stored_objects(to.access, bucket=bucket, prefix=objects.prefix, since=since, until=until)
        compared = progress.track(stored, task_id=task)
        missing = list(never_processed(to.access, table=table, objects=compared))
        count = int(progress.tasks[0].completed)
    if target.as_json:
        terminal.say_json(*(version.to_json() for version in missing))
    else:
        terminal.say(f"{counted(count, 'object')} compared, {len(missing):,} never processed.")
        _list(missing)
    if fix and missing:
        _send(target, to, missing, place=None, dry_run=dry_run, yes=yes)
    if missing and (dry_run or not fix):
        raise typer.Exit(1)


def _send(
    target: PipelineOptions,
    to: Connection,
    objects: Sequence[StoredObject],
    *,
    place: Place | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Say what ingest is given, ask unless it is known already, and send it. Raises Exit(1) where ingest fails."""
    from sensorctl.aws.invoking import Functions, passed_over  # noqa: PLC0415
    from sensorctl.replay.objects import send  # noqa: PLC0415

    size = counted(sum(version.size for version in objects), "byte")
    terminal.say(
        f"Ingest {'would run' if dry_run else 'runs'} {counted(len(objects), 'time')} on {target.name}, "
        f"on objects of {size} in all."
    )
    if place is not None:
        _list(objects)
    if dry_run:
        return
    confirm("Go on?", yes=yes)
    functions = Functions(to.access)
    sent: list[StoredObject] = []
    with terminal.progress(TimeRemainingColumn()) as progress:
        task = progress.add_task("objects sent", total=len(objects))

        def done(version: StoredObject) -> None:
            sent.append(version)
            progress.advance(task)
            if place is not None:
                place.reached(version)

        try:
            stop = send(functions, to.pipeline.ingest_function, objects, done=done)
        finally:
            if place is not None and sent:
                place.reached(sent[-1], now=True)
    terminal.say(f"{len(sent):,} of {counted(len(objects), 'object')} sent{passed_over(functions.unreadable)}.")
    if stop is not None:
        terminal.say(f"Stopped at {stop.at.key}: {stop.error.words}. Fix that, then give the same command again.")
        raise typer.Exit(1)
    if place is not None:
        place.forget()


def _span(objects: ReplaySelection) -> tuple[datetime, datetime]:
    """Return from when to when events are sent again. Raises UserError."""
    since, until = objects.since, objects.until or datetime.now(UTC)
    if since is None:
        raise UserError("a replay of events needs a start; give one with --since 2026-11-22T10:00:00Z")
    if until <= since:
        raise UserError("--until must be later than --since")
    return since, until


def _replay_events(to: Connection, *, since: datetime, until: datetime) -> None:
    from sensorctl.replay.events import replay_events  # noqa: PLC0415

    with terminal.progress(TimeRemainingColumn()) as progress:
        task = progress.add_task("seconds of events replayed", total=int((until - since).total_seconds()))
        replay_events(
            to.access,
            to.pipeline,
            since=since,
            until=until,
            progress=lambda at: progress.update(task, completed=int((at - since).total_seconds())),
        )
    terminal.say("Replayed; alert drops what it had seen.")


def _list(objects: Sequence[StoredObject]) -> None:
    now = datetime.now(UTC)
    for version in objects[:_SHOWN]:
        uploaded = terminal.short_time(version.at, now=now)
        terminal.say(f"  {uploaded}  {version.key}  ({counted(version.size, 'byte')})")
    terminal.say_if_cut(min(_SHOWN, len(objects)), len(objects))
