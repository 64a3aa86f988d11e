"""`sensorctl subscribers`: who gets the e-mails, and which."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import Embedded, Profile, Region, Stage, connected

if TYPE_CHECKING:
    from sensorctl.pipeline import Pipeline

app = typer.Typer(help="See who gets the alert e-mails; add, confirm and remove addresses.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(help="An e-mail address.")]
Alarms = Annotated[bool, typer.Option("--alarms", help="CloudWatch's alarms about the pipeline, instead of alerts.")]


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """List the addresses: confirmed or not, which e-mails they get, and who can end it."""
    from sensorctl import subscribers  # noqa: PLC0415
    from sensorctl.subscriber_filters import in_words  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    topics = {"alerts": to.pipeline.alert_topic, "alarms": to.pipeline.alarm_topic}
    found = [
        (mails, subscriber)
        for mails, topic in topics.items()
        if topic is not None
        for subscriber in subscribers.all_of(to.access.client("sns"), topic=topic)
    ]
    if as_json:
        for mails, subscriber in found:
            policy = json.loads(subscriber.filter) if subscriber.filter else None
            terminal.say(json.dumps({"mails": mails, **asdict(subscriber), "filter": policy}))
        return
    if "alerts" not in {mails for mails, _ in found}:
        terminal.say("Nobody is subscribed to alerts; add an address with `sensorctl subscribers add`.")
    if not found:
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("address", "mails", "status", "gets", "ended by"):
        table.add_column(column, overflow="fold")
    for mails, subscriber in found:
        if subscriber.confirmed:
            ended_by = "AWS credentials" if subscriber.protected else "anybody with the link in an e-mail"
            gets = in_words(subscriber.filter)
            table.add_row(Text(subscriber.address), mails, "confirmed", Text(gets), ended_by)
        else:
            waits = Text("waiting for confirmation", style="yellow")
            table.add_row(Text(subscriber.address), mails, waits, "nothing yet", "-")
    terminal.console().print(table)


@app.command()
def add(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    address: Address,
    only: Annotated[str | None, typer.Option(help="Only alerts that are or were this severe: critical.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind, such as opened, resolved or silent; may be repeated.")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="Only this device, or freezer-* or *-7; may be repeated.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric; may be repeated.")] = None,
    alarms: Alarms = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Subscribe an address, to everything or to a part; of a confirmed address this changes the part.

    Silences and rejected records have no severity and are left out by --only. CloudWatch's alarms carry nothing to
    choose by.
    """
    from sensorctl import subscriber_filters as filters  # noqa: PLC0415
    from sensorctl import subscribers  # noqa: PLC0415

    email = filters.email_address(address)
    policy = filters.policy(severity=only, kinds=kind or (), devices=device or (), metrics=metric or ())
    if alarms and policy:
        raise UserError("alarms cannot be chosen among; give --alarms alone")
    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    before = subscribers.add(
        to.access.client("sns"),
        topic=_topic(to.pipeline, alarms=alarms),
        address=email,
        policy=policy,
        dead_letters=subscribers.queue_arn(to.access.client("sqs"), url=to.pipeline.mail_dead_letters),
    )
    gets = filters.in_words(json.dumps(policy))
    if before is not None and before.confirmed:
        terminal.say(f"{email} was subscribed already; from now on it gets {gets} (SNS may take 15 minutes to follow).")
    else:
        terminal.say(f"{email} is subscribed to {gets}, once it is confirmed.", "")
        terminal.say("AWS has sent it a mail with a link, which is good for two days. Copy the link and confirm with")
        terminal.say("    sensorctl subscribers confirm 'LINK'")
        terminal.say(
            "Clicking it confirms too, but then each alert ends with a link that unsubscribes whoever, or whatever"
        )
        terminal.say("mail scanner, opens it. Confirmed by the command, only AWS credentials can.")
    if kind and filters.DIGEST not in kind:
        terminal.say(
            "Note: in a storm what is over the e-mail budget comes as a digest; add --kind digest to get those."
        )


@app.command()
def confirm(
    token_or_link: Annotated[str, typer.Argument(help="The link of the confirmation mail, in quotes, or its token.")],
    alarms: Alarms = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Confirm a subscription so that only AWS credentials can end it, not a link that a mail scanner opens."""
    from sensorctl import subscribers  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    # A link names its topic; a bare token does not.
    of_alarms = alarms or subscribers.topic_in(token_or_link) == to.pipeline.alarm_topic is not None
    topic = _topic(to.pipeline, alarms=of_alarms)
    subscribers.confirm(to.access.client("sns"), topic=topic, token_or_link=token_or_link)
    terminal.say("Confirmed; unsubscribing it takes AWS credentials from now on.")


@app.command()
def remove(
    address: Address,
    alarms: Alarms = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Unsubscribe an address, also one that a deployment has added."""
    from sensorctl import subscribers  # noqa: PLC0415
    from sensorctl.subscriber_filters import email_address  # noqa: PLC0415

    email = email_address(address)
    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    subscribers.remove(to.access.client("sns"), topic=_topic(to.pipeline, alarms=alarms), address=email)
    terminal.say(f"{email} gets no more {'alarms' if alarms else 'alerts'}.")
    terminal.say(
        "No deployment adds it again by itself; leave it out of EMAILS and of the stage's alert_emails from now on."
    )
    if not alarms and to.pipeline.alarm_topic is not None:
        terminal.say("Alarms are another subscription: `sensorctl subscribers remove --alarms`.")


def _topic(pipeline: Pipeline, *, alarms: bool) -> str:
    if not alarms:
        return pipeline.alert_topic
    if pipeline.alarm_topic is None:
        raise UserError("this stage mails no alarms; set alarms_to_topic in cdk.json and deploy")
    return pipeline.alarm_topic
