"""`sensorctl mutes`: withhold e-mails about devices for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ListOptions, PipelineOptions, Yes, confirm, duration, with_options

if TYPE_CHECKING:
    from sensorctl.alerts.listing import AlertLine
    from sensorctl.aws.connection import Connection

app = typer.Typer(
    help="Withhold the e-mails about devices for a while: alerts go on, and what is still open then is mailed once.",
    no_args_is_help=True,
)

_LONGEST_WHY = 200


@app.command()
@with_options
def add(
    pattern: Annotated[str, typer.Argument(help="A device's id, or a pattern such as 'press-*' (quoted).")],
    *,
    metric: Annotated[str | None, typer.Option(help="Only this metric; else all of them, and silence.")] = None,
    length: Annotated[str | None, typer.Option("--for", help="How long: 30m, 3h, 2d.")] = None,
    why: Annotated[str | None, typer.Option(help="What is being done, for those who see the mute.")] = None,
    target: PipelineOptions,
) -> None:
    """Mute devices from now on. It is in force within seconds, and kept with your name until it ends."""
    from lambdas.alert.domain.mutes import Mute  # noqa: PLC0415
    from lambdas.shared.thresholds import patterns  # noqa: PLC0415
    from sensorctl.mutes import listing, stored  # noqa: PLC0415

    if length is None:
        raise UserError(
            "a mute needs an end: give --for 3h; one without an end is an entry of `mutes` in the thresholds document"
        )
    if why is None or not why.strip() or not why.isprintable() or len(why) > _LONGEST_WHY:
        raise UserError(f'say what is being done, in 1 to {_LONGEST_WHY} printable characters: --why "belt change"')
    if not patterns.DEVICES.fullmatch(pattern):
        raise UserError(f"{pattern!r} is no device id or pattern: letters, digits and - : . / _, with * and ?")
    if metric is not None and not patterns.METRIC.fullmatch(metric):
        raise UserError(f"--metric {metric!r} is no metric's name")
    now = datetime.now(UTC)
    until = now + duration(length, "--for")
    to = target.connect()
    by = to.access.client("sts").get_caller_identity()["Arn"]
    wanted = Mute(mute_id="", devices=pattern, metric=metric, begin=now, until=until, by=by, why=why)
    concerned = listing.concerned(wanted, _alerts(to), now=now)
    mute = stored.add(to.access.client("dynamodb"), table=to.pipeline.alerts_table, mute=wanted, now=now)
    terminal.say(
        f"Mute {mute.mute_id}: {pattern}, {metric or 'all metrics and silence'}, until {until:%Y-%m-%d %H:%M:%S} UTC."
    )
    terminal.say(f"It concerns {_counted(concerned)}. To end it sooner: `sensorctl mutes end {mute.mute_id}`.")


@app.command("list")
@with_options
def list_(*, target: ListOptions) -> None:
    """List the mutes, one-off and recurring: until when, by whom, why, and how many open alerts each holds back."""
    from sensorctl.alerts import muting  # noqa: PLC0415
    from sensorctl.mutes import listing  # noqa: PLC0415

    to = target.connect()
    found = muting.read(to.access, to.pipeline)
    if found.listed.unreadable:
        terminal.say(f"sensorctl: {found.listed.unreadable} of the mutes cannot be read, and mute nothing.", err=True)
    listed = listing.lines(found, _alerts(to), now=datetime.now(UTC))
    if target.as_json:
        terminal.say_json(*(line.to_json() for line in listed))
    elif listed:
        terminal.console().print(listing.table(listed))
    else:
        terminal.say("No mutes.")


@app.command()
@with_options
def end(
    mute_ids: Annotated[list[str], typer.Argument(help="The ids, as `mutes list` shows them.")],
    *,
    yes: Yes = False,
    target: PipelineOptions,
) -> None:
    """End mutes before their time: what they hold back and no other mute does is mailed within a minute or two."""
    from sensorctl.alerts import muting  # noqa: PLC0415
    from sensorctl.mutes import listing, stored  # noqa: PLC0415

    to, now = target.connect(), datetime.now(UTC)
    found = muting.read(to.access, to.pipeline)
    known = {mute.mute_id: mute for mute in found.listed.mutes if mute.until > now}
    recurring = {mute.name: mute.source for mute in found.recurring}
    for mute_id in mute_ids:
        if mute_id in recurring:
            raise UserError(f"{mute_id} is {recurring[mute_id]} of the thresholds; take it out with `thresholds edit`")
        if mute_id not in known:
            raise UserError(f"there is no mute {mute_id}; `sensorctl mutes list` shows those that have not ended")
    alerts = _alerts(to)
    concerned = {
        (line.device_id, line.metric): line
        for mute_id in mute_ids
        for line in listing.concerned(known[mute_id], alerts, now=now)
    }
    says = f"{_counted(list(concerned.values()))} will be mailed about, where people have not heard of it"
    confirm(f"{says}. End {'it' if len(mute_ids) == 1 else 'them'}?", yes=yes)
    stored.end(to.access.client("dynamodb"), table=to.pipeline.alerts_table, mute_ids=tuple(mute_ids), now=now)
    terminal.say(f"Ended: {', '.join(mute_ids)}.")


def _alerts(to: Connection) -> list[AlertLine]:
    from sensorctl.alerts import ledger_records, listing  # noqa: PLC0415

    records, _ = ledger_records.read(to.access.client("dynamodb"), table=to.pipeline.alerts_table)
    return listing.lines(records)


def _counted(lines: list[AlertLine]) -> str:
    """Return `2 open alerts and 1 silent device`."""
    silent = sum(line.metric is None for line in lines)
    alerts = len(lines) - silent
    parts = [f"{alerts:,} open alert{'' if alerts == 1 else 's'}"]
    if silent:
        parts.append(f"{silent:,} silent device{'' if silent == 1 else 's'}")
    devices = len({line.device_id for line in lines})
    return " and ".join(parts) + (f" of {devices:,} device{'' if devices == 1 else 's'}" if lines else "")
