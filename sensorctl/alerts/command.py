"""`sensorctl alerts`: open and ended alerts, what a person does with one, and what the e-mails look like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ListOptions, PipelineOptions, Yes, confirm, duration, instant, with_options

if TYPE_CHECKING:
    from lambdas.alert.domain.models import Record
    from sensorctl.aws.connection import Connection

app = typer.Typer()

_LONGEST_NOTE = 300


@dataclass(frozen=True, kw_only=True)
class AlertSelection:
    """Which alerts."""

    only_open: Annotated[bool, typer.Option("--open", help="Only open alerts and silent devices.")] = False
    since: Annotated[
        datetime | None, instant("Each alert that is open or has ended since then: an instant, 1d, yesterday.")
    ] = None
    device: Annotated[str | None, typer.Option(metavar="GLOB", help="Only of this device, or of a pattern.")] = None
    digest: Annotated[str | None, typer.Option(help="Only the alerts listed in this digest e-mail: its id.")] = None


@app.callback(invoke_without_command=True)
@with_options
def list_(context: typer.Context, *, only: AlertSelection, target: ListOptions) -> None:
    """List what the ledger knows, the most severe open alert first: device, metric, state, since, worst, last mail.

    With --since each alert has a line: how long it lasted, its worst value, and who acknowledged it. The ledger keeps
    the last five of a metric.

    It reads the whole alerts table (a scan), which costs one read unit for each 4 KB; with the id of one device only
    that device's items: of the metrics that have a rule or that its 100 newest readings have.
    """
    if context.invoked_subcommand is not None:
        return
    from sensorctl.alerts import history, listing, muting  # noqa: PLC0415

    if only.digest is not None and (only.since or only.device or only.only_open):
        raise UserError("--digest lists what one e-mail has listed; leave out the other options")
    to, now = target.connect(), datetime.now(UTC)
    records = _records(to, device=only.device)
    if only.since is not None:
        past = [line for line in history.history(records, since=only.since) if line.until is None or not only.only_open]
        if target.as_json:
            terminal.say_json(*(history.to_json(line, now=now) for line in past))
        elif past:
            terminal.console().print(history.table(past, now=now))
        else:
            terminal.say("No alerts in that time.")
        return
    if only.digest is not None:
        lines = listing.in_digest(records, only.digest)
    else:
        lines = listing.lines(records, only_open=only.only_open)
    lines = listing.marked(lines, mutes=muting.read(to.access, to.pipeline).mutes, now=now)
    if target.as_json:
        terminal.say_json(*(line.to_json() for line in lines))
    elif lines:
        console = terminal.console()
        console.print(listing.table(lines, now=now, width=console.width))
        terminal.say(listing.sums(lines))
    else:
        terminal.say("No alerts.")


def _records(to: Connection, *, device: str | None) -> list[Record]:
    """Read the records, those of one device by their keys; say which cannot be read."""
    from sensorctl.alerts import ledger_records  # noqa: PLC0415
    from sensorctl.thresholds.parameter import metrics_in_force  # noqa: PLC0415

    dynamodb, pipeline = to.access.client("dynamodb"), to.pipeline
    if device is None or set(device) & set("*?["):
        records, unreadable = ledger_records.read(dynamodb, table=pipeline.alerts_table)
    else:
        records, unreadable = ledger_records.of_device(
            dynamodb,
            table=pipeline.alerts_table,
            readings_table=pipeline.readings_table,
            device_id=device,
            metrics=metrics_in_force(to.access, pipeline),
        )
    for key in unreadable:
        terminal.say(f"sensorctl: the ledger's item {key!r} cannot be read; is another version deployed?", err=True)
    return [
        record for record in records if device is None or fnmatchcase(getattr(record.state, "device_id", ""), device)
    ]


@app.command()
@with_options
def ack(
    ids: Annotated[
        list[str], typer.Argument(help="Ids of open alerts, from their e-mails or the list.", metavar="ID...")
    ],
    *,
    note: Annotated[str | None, typer.Option(help="A line that e-mails and lists show with it.")] = None,
    lasts: Annotated[str | None, typer.Option("--for", help="How long it lasts: 30m, 2h; else to the end.")] = None,
    target: PipelineOptions,
) -> None:
    """Acknowledge alerts in your name: no more reminders, unless it lapses. What gets worse or ends is still mailed.

    It reads what is open (an index of the ledger), and writes each alert once.
    """
    from lambdas.alert.domain.notices import Acknowledgement  # noqa: PLC0415
    from lambdas.alert.mail.formatting import acknowledged_text  # noqa: PLC0415
    from sensorctl.alerts import by_hand  # noqa: PLC0415
    from sensorctl.aws.identity import caller  # noqa: PLC0415

    note, length = note and _line(note, option="--note"), duration(lasts, "--for") if lasts is not None else None
    to, now = target.connect(), datetime.now(UTC)
    dynamodb, table = to.access.client("dynamodb"), to.pipeline.alerts_table
    chosen = by_hand.named(dynamodb, table=table, alert_ids=ids, now=now)
    given = Acknowledgement(by=caller(to.access), at=now, note=note, until=now + length if length else None)
    for alert_id, entry in chosen.items():
        if not by_hand.acknowledge(dynamodb, table=table, entry=entry, given=given):
            raise UserError(f"{alert_id} is not open: it is pending and was not mailed yet, or has just ended")
        terminal.say(f"{entry.device_id} {entry.metric}: acknowledged {acknowledged_text(given)}")


@app.command()
@with_options
def close(
    alert_id: Annotated[str, typer.Argument(help="The id of a running alert: the last line of its e-mails.")],
    *,
    why: Annotated[str, typer.Option(help="A line that its last e-mail says, with your name.")],
    yes: Yes = False,
    target: PipelineOptions,
) -> None:
    """End an alert by hand, and mail that; a reading out of bounds after its last breach opens a new one.

    The next sweep sends the e-mail, within a minute.
    """
    from sensorctl.alerts import by_hand  # noqa: PLC0415
    from sensorctl.aws.identity import caller  # noqa: PLC0415

    why, to, now = _line(why, option="--why"), target.connect(), datetime.now(UTC)
    dynamodb, table = to.access.client("dynamodb"), to.pipeline.alerts_table
    entry = by_hand.named(dynamodb, table=table, alert_ids=[alert_id], now=now)[alert_id]
    confirm(f"Close the alert on {entry.device_id} {entry.metric}, and mail that it was closed?", yes=yes)
    if not by_hand.close(dynamodb, table=table, entry=entry, by=caller(to.access), why=why, now=now):
        raise UserError(f"{alert_id} has just ended by itself; nothing was written")
    terminal.say(f"{entry.device_id} {entry.metric}: closed; the next sweep mails it")


def _line(text: str, *, option: str) -> str:
    """Return a line for e-mails. Raises UserError naming the option."""
    if not text.strip() or len(text) > _LONGEST_NOTE or not text.isprintable():
        raise UserError(f"{option}: give one line of at most {_LONGEST_NOTE} characters")
    return text.strip()


@app.command()
def preview() -> None:
    """Print one e-mail of each kind, made from fixed facts; no AWS is asked."""
    from sensorctl.alerts.preview import mails  # noqa: PLC0415

    for mail in mails():
        terminal.say(f"--- {mail.attributes['kind']} " + "-" * (67 - len(mail.attributes["kind"])))
        terminal.say(f"Subject: {mail.subject}")
        terminal.say("Attributes: " + ", ".join(f"{name}={value}" for name, value in mail.attributes.items()), "")
        terminal.say(*mail.body.split("\n"))
