"""`sensorctl alerts`: what goes on, what went on, and what the e-mails look like."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.options import INSTANTS, Embedded, Profile, Region, Stage, connected, utc

app = typer.Typer()


@app.callback(invoke_without_command=True)
def list_(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    context: typer.Context,
    only_open: Annotated[bool, typer.Option("--open", help="Only open alerts and silent devices.")] = False,
    since: Annotated[
        datetime | None, typer.Option(formats=INSTANTS, help="Only what has changed from this instant (UTC) on.")
    ] = None,
    digest: Annotated[str | None, typer.Option(help="Only what this digest e-mail stands for: its id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """List what the ledger knows, the gravest that goes on first: device, metric, state, since, worst, last mail.

    It reads the whole alerts table (a scan), which costs one read unit for each 4 KB.
    """
    if context.invoked_subcommand is not None:
        return
    from sensorctl import alert_list, ledger_scan  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    items = ledger_scan.items(to.access.client("dynamodb"), table=to.pipeline.alerts_table)
    records, unreadable = alert_list.read(items)
    for key in unreadable:
        terminal.say(f"sensorctl: the ledger's item {key!r} cannot be read; is another version deployed?", err=True)
    if digest is not None:
        found = alert_list.in_digest(records, digest)
    else:
        found = alert_list.lines(records, only_open=only_open, since=utc(since))
    if as_json:
        for line in found:
            terminal.say(json.dumps(line.to_json()))
    elif found:
        terminal.console().print(alert_list.table(found))
    else:
        terminal.say("No alerts.")


@app.command()
def preview() -> None:
    """Print one e-mail of each kind, made from fixed facts; no AWS is asked."""
    from sensorctl import alert_preview  # noqa: PLC0415

    for mail in alert_preview.mails():
        terminal.say(f"--- {mail.attributes['kind']} " + "-" * (67 - len(mail.attributes["kind"])))
        terminal.say(f"Subject: {mail.subject}")
        terminal.say("Attributes: " + ", ".join(f"{name}={value}" for name, value in mail.attributes.items()), "")
        terminal.say(*mail.body.split("\n"))
