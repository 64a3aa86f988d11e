"""`sensorctl replay` and `sensorctl reconcile`: stored objects and archived events, sent through once more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import INSTANTS, ROOT, Embedded, Profile, Region, Stage, connected, utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensorctl.connection import Connection
    from sensorctl.replay import Place
    from sensorctl.stored_objects import StoredObject

Prefix = Annotated[str, typer.Option(help="Only objects whose key begins with this, such as incoming/2026/11/.")]
Since = Annotated[datetime | None, typer.Option(formats=INSTANTS, help="Only what was uploaded from here on (UTC).")]
Until = Annotated[datetime | None, typer.Option(formats=INSTANTS, help="Only what was uploaded before this (UTC).")]

_STATE = ROOT / ".run"
_SHOWN = 20


def replay(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    prefix: Prefix = "incoming/",
    since: Since = None,
    until: Until = None,
    events: Annotated[
        bool, typer.Option("--events", help="Replay the bus's archive to alert instead of objects to ingest.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="From the start, not from where it stopped.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Send stored objects through ingest again, or archived events to alert.

    Nothing is stored twice, and no old breach is mailed. Stopped, it goes on where it was when the same command is
    given again. Ends with 1 when ingest fails on an object.
    """
    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    if events:
        _replay_events(to, since=utc(since), until=utc(until), dry_run=dry_run)
        return
    from sensorctl.replay import Place  # noqa: PLC0415
    from sensorctl.stored_objects import objects  # noqa: PLC0415

    bucket = to.pipeline.landing_bucket
    found = objects(to.access, bucket=bucket, prefix=prefix, since=utc(since), until=utc(until))
    place = Place(_STATE, bucket=bucket, prefix=prefix, since=str(since), until=str(until))
    if restart:
        place.forget()
    todo = list(place.remaining(found))
    if dry_run:
        _say_would_send(todo)
    else:
        _send(to, todo, place=place)


def reconcile(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    prefix: Prefix = "incoming/",
    since: Since = None,
    grace: Annotated[
        int, typer.Option(min=0, help="Minutes that an upload may take; younger ones are not asked.")
    ] = 10,
    fix: Annotated[bool, typer.Option("--fix", help="Send what was never processed through ingest.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Compare the landing bucket with what ingest noted, and list the objects it never took in.

    Notes are kept for 90 days, so older uploads are not asked about. What waits in the failure queue is listed too:
    `sensorctl redrive` first. Ends with 1 when something was never processed and is not fixed.
    """
    from lambdas.shared.processed import KEPT_DAYS  # noqa: PLC0415
    from sensorctl.reconcile import never_processed  # noqa: PLC0415
    from sensorctl.stored_objects import objects  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    now = datetime.now(UTC)
    first = max(utc(since) or datetime.min.replace(tzinfo=UTC), now - timedelta(days=KEPT_DAYS))
    bucket = to.pipeline.landing_bucket
    until = now - timedelta(minutes=grace) if grace else None
    with _progress() as progress:
        task = progress.add_task("objects compared", total=None)
        found = objects(to.access, bucket=bucket, prefix=prefix, since=first, until=until)
        missing = list(
            never_processed(
                to.access,
                table=to.pipeline.readings_table,
                objects=found,
                looked=lambda count: progress.advance(task, count),
            )
        )
        compared = int(progress.tasks[0].completed)
    if as_json:
        for one in missing:
            terminal.say(
                json.dumps({"key": one.key, "version": one.version, "at": one.at.isoformat(), "size": one.size})
            )
    else:
        terminal.say(f"{compared} objects compared, {len(missing)} never processed.")
        _list(missing)
    if fix and missing:
        _send(to, missing, place=None)
    elif missing:
        raise typer.Exit(1)


def _send(to: Connection, todo: Sequence[StoredObject], *, place: Place | None) -> None:
    from sensorctl.invoking import Functions, passed_over  # noqa: PLC0415
    from sensorctl.replay import send  # noqa: PLC0415

    functions = Functions(to.access)
    last: StoredObject | None = None
    count = 0
    with _progress() as progress:
        task = progress.add_task("objects sent", total=len(todo))

        def done(one: StoredObject) -> None:
            nonlocal last, count
            last, count = one, count + 1
            progress.advance(task)
            if place is not None:
                place.reached(one)

        try:
            stop = send(functions, to.pipeline.ingest_function, todo, done=done)
        finally:
            if place is not None and last is not None:
                place.reached(last, now=True)
    terminal.say(f"{count} of {len(todo)} objects sent{passed_over(functions.unreadable)}.")
    if stop is not None:
        terminal.say(f"Stopped at {stop.at.key}: {stop.error.words}. Mend that, then give the same command again.")
        raise typer.Exit(1)
    if place is not None:
        place.forget()


def _replay_events(to: Connection, *, since: datetime | None, until: datetime | None, dry_run: bool) -> None:
    from sensorctl.event_replay import replay_events  # noqa: PLC0415

    if since is None:
        raise UserError("a replay of events needs a start; give one with --since 2026-11-22T10:00:00Z")
    end = until or datetime.now(UTC)
    span = (end - since).total_seconds()
    if span <= 0:
        raise UserError("--until must be later than --since")
    if dry_run:
        terminal.say(f"Would replay the archived events from {since.isoformat()} to {end.isoformat()}.")
        return
    with _progress() as progress:
        task = progress.add_task("seconds of events replayed", total=int(span))
        replay_events(
            to.access,
            to.pipeline,
            since=since,
            until=end,
            progress=lambda at: progress.update(task, completed=int((at - since).total_seconds())),
        )
    terminal.say("Replayed; alert drops what it had seen.")


def _say_would_send(todo: Sequence[StoredObject]) -> None:
    size = sum(one.size for one in todo)
    terminal.say(f"Would send {len(todo)} objects of {size:,} bytes in all.")
    _list(todo)


def _list(some: Sequence[StoredObject]) -> None:
    for one in some[:_SHOWN]:
        terminal.say(f"  {one.at:%Y-%m-%d %H:%M:%S}  {one.key}  ({one.size:,} bytes)")
    if len(some) > _SHOWN:
        terminal.say(f"  and {len(some) - _SHOWN} more")


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=terminal.console(stderr=True), transient=True)
