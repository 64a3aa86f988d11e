"""`sensorctl subscribers`: who gets which e-mails."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ListOptions, PipelineOptions, with_options

if TYPE_CHECKING:
    from sensorctl.aws.outputs import Pipeline
    from sensorctl.subscribers.endpoints import Endpoint
    from sensorctl.subscribers.subscriptions import Subscriber

app = typer.Typer(
    help="See who gets the alerts; add, confirm and remove addresses, queues and functions.", no_args_is_help=True
)

Address = Annotated[
    str, typer.Argument(help="An e-mail address, a web address (https://...), or the ARN of a queue or a function.")
]
Alarms = Annotated[bool, typer.Option("--alarms", help="CloudWatch's alarms about the pipeline, instead of alerts.")]


@dataclass(frozen=True, kw_only=True)
class MailSelection:
    """Which e-mails."""

    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only alerts that are or were this severe (critical), or of readings with this tag (site=plant-2, "
            "site=- for none); may be repeated."
        ),
    ] = None
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind, such as opened, resolved or silent; may be repeated.")
    ] = None
    device: Annotated[
        list[str] | None, typer.Option(help="Only this device, or freezer-* or *-7; may be repeated.")
    ] = None
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric; may be repeated.")] = None


@app.command("list")
@with_options
def list_(*, target: ListOptions) -> None:
    """List the addresses: confirmed or not, which alerts they get, and who can end it."""
    from sensorctl.subscribers import subscriptions  # noqa: PLC0415

    to = target.connect()
    topics = {
        "alerts": (to.pipeline.alert_topic, subscriptions.MAIL),
        "documents": (to.pipeline.notification_topic, subscriptions.PROGRAMS),
        "alarms": (to.pipeline.alarm_topic, subscriptions.MAIL),
    }
    listed = [
        (mails, subscriber)
        for mails, (topic, protocols) in topics.items()
        if topic is not None
        for subscriber in subscriptions.subscriptions_of(to.access.client("sns"), topic=topic, protocols=protocols)
    ]
    if target.as_json:
        terminal.say_json(*({"mails": mails, **subscriber.to_json()} for mails, subscriber in listed))
        return
    if "alerts" not in {mails for mails, _ in listed}:
        terminal.say("Nobody is subscribed to alerts; add an address with `sensorctl subscribers add`.")
    if listed:
        rows = (_row(mails, subscriber) for mails, subscriber in listed)
        terminal.console().print(terminal.table(("address", "mails", "status", "gets", "ended by"), rows))


@app.command()
@with_options
def add(address: Address, *, selection: MailSelection, alarms: Alarms = False, target: PipelineOptions) -> None:
    """Subscribe an address, to everything or to a part; of a confirmed address this changes the part.

    People get e-mails. Queues, functions and web addresses get each alert as a JSON document (docs/integrations.md).
    Silences and rejected records have no severity and are left out by --only, and so is, by --only site=plant-2, a
    device that has no such tag. CloudWatch's alarms carry nothing to
    choose by.
    """
    from sensorctl.subscribers import endpoints, filters, subscriptions  # noqa: PLC0415

    endpoint, kinds = endpoints.endpoint(address), selection.kind or ()
    policy = filters.policy(
        only=selection.only or (), kinds=kinds, devices=selection.device or (), metrics=selection.metric or ()
    )
    if alarms and policy:
        raise UserError("alarms cannot be chosen among; give --alarms alone")
    to = target.connect()
    topic = _topic(to.pipeline, alarms=alarms, endpoint=endpoint)
    before = subscriptions.add(
        to.access.client("sns"),
        topic=topic,
        endpoint=endpoint,
        policy=policy,
        dead_letters=subscriptions.queue_arn(to.access.client("sqs"), url=to.pipeline.mail_dead_letters),
    )
    gets = filters.in_words(json.dumps(policy))
    if before is not None and before.confirmed:
        now = f"from now on it gets {gets} (SNS may take 15 minutes to follow)."
        terminal.say(f"{endpoint.address} was subscribed already; {now}")
    elif target.embedded and not endpoint.is_program:
        terminal.say(
            f"{endpoint.address} is subscribed to {gets}.",
            "The embedded AWS asks nobody to confirm and sends nothing out: the e-mails are kept in .run/up/inbox, and",
            "handed to the mail server that `make up` was given, if it was.",
        )
    else:
        terminal.say(
            f"{endpoint.address} is subscribed to {gets}"
            + ("." if endpoint.protocol in ("sqs", "lambda") else ", once it is confirmed."),
            "",
            *endpoint.steps(topic=topic),
        )
    if kinds and not set(filters.OF_MANY) <= set(kinds):
        terminal.say(
            "Note: in a storm what is over the e-mail budget comes as a digest, and from a source that opens too many "
            "alerts as a flood; add --kind digest and --kind flood to get those."
        )


@app.command()
@with_options
def confirm(
    token_or_link: Annotated[str, typer.Argument(help="The link of the confirmation mail, in quotes, or its token.")],
    *,
    alarms: Alarms = False,
    target: PipelineOptions,
) -> None:
    """Confirm a subscription so that only AWS credentials can end it, not a link that a mail scanner opens."""
    from sensorctl.subscribers import subscriptions  # noqa: PLC0415

    to = target.connect()
    # A link names its topic; a bare token does not.
    named = subscriptions.topic_in(token_or_link)
    of_alarms = alarms or named == to.pipeline.alarm_topic is not None
    of_program = named == to.pipeline.notification_topic
    topic = to.pipeline.notification_topic if of_program else _topic(to.pipeline, alarms=of_alarms)
    subscriptions.confirm(to.access.client("sns"), topic=topic, token_or_link=token_or_link)
    terminal.say("Confirmed; unsubscribing it takes AWS credentials from now on.")


@app.command()
@with_options
def remove(address: Address, *, alarms: Alarms = False, target: PipelineOptions) -> None:
    """Unsubscribe an address, also one that a deployment has added."""
    from sensorctl.subscribers import endpoints, subscriptions  # noqa: PLC0415

    endpoint, to = endpoints.endpoint(address), target.connect()
    topic = _topic(to.pipeline, alarms=alarms, endpoint=endpoint)
    subscriptions.remove(to.access.client("sns"), topic=topic, endpoint=endpoint)
    terminal.say(f"{endpoint.address} gets no more {'alarms' if alarms else 'alerts'}.")
    if endpoint.is_program:
        return
    terminal.say(
        "No deployment adds it again by itself; leave it out of EMAILS and of the stage's alert_emails from now on."
    )
    if not alarms and to.pipeline.alarm_topic is not None:
        terminal.say("Alarms are another subscription: `sensorctl subscribers remove --alarms`.")


def _row(mails: str, subscriber: Subscriber) -> list[str | Text]:
    from sensorctl.subscribers.filters import in_words  # noqa: PLC0415

    mails = mails if subscriber.protocol == "email" else f"{mails} by {subscriber.protocol}"
    if not subscriber.confirmed:
        return [subscriber.address, mails, Text("waiting for confirmation", style="yellow"), "nothing yet", "-"]
    ended_by = "AWS credentials" if subscriber.protected else "anybody with the link in a message"
    return [subscriber.address, mails, "confirmed", in_words(subscriber.filter), ended_by]


def _topic(pipeline: Pipeline, *, alarms: bool, endpoint: Endpoint | None = None) -> str:
    if endpoint is not None and endpoint.is_program:
        if alarms:
            raise UserError("alarms go to e-mail addresses alone; CloudWatch has actions of its own for programs")
        return pipeline.notification_topic
    if not alarms:
        return pipeline.alert_topic
    if pipeline.alarm_topic is None:
        raise UserError("this stage mails no alarms; set alarms_to_topic in cdk.json and deploy")
    return pipeline.alarm_topic
