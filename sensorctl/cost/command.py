"""`sensorctl cost`: what makes a fleet cheaper, and its monthly bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.options import Json, duration, with_options


@dataclass(frozen=True, kw_only=True)
class BilledFleetOptions:
    """A fleet; the fields are those of `model.Fleet`, but for `every`."""

    devices: Annotated[int, typer.Option(min=1, help="How many devices report.")] = 1000
    every: Annotated[str, typer.Option(help="Between two readings of one device: 30s, 1m, 2h.")] = "1m"
    readings_per_object: Annotated[int, typer.Option(min=1, help="How many readings an upload holds.")] = 1
    breaching: Annotated[float, typer.Option(min=0, max=1, help="Which share of readings is out of bounds.")] = 0.001
    emails: Annotated[float, typer.Option(min=0, help="How many e-mails a day that makes.")] = 10
    traced: Annotated[
        float | None, typer.Option(min=0, max=1, help="Which share of objects is traced; X-Ray's default otherwise.")
    ] = None
    front_door: Annotated[bool, typer.Option("--front-door", help="Uploads are records put into the front door.")] = (
        False
    )
    provisioned: Annotated[bool, typer.Option("--provisioned", help="The readings table has capacity of its own.")] = (
        False
    )
    lambda_logs: Annotated[bool, typer.Option(help="Lambda logs each invocation, not failures alone.")] = True
    kept_days: Annotated[float, typer.Option(min=1, help="How many days of readings and objects are kept.")] = 30


@with_options
def cost(*, options: BilledFleetOptions, as_json: Json = False) -> None:
    """Say what would make a fleet cheaper, and what it costs a month on AWS, by service, at list prices."""
    from sensorctl.cost import view  # noqa: PLC0415
    from sensorctl.cost.model import Fleet  # noqa: PLC0415

    fleet = Fleet(
        devices=options.devices,
        every_s=duration(options.every, "--every").total_seconds(),
        readings_per_object=options.readings_per_object,
        breaching=options.breaching,
        emails_a_day=options.emails,
        traced=options.traced,
        kept_days=options.kept_days,
        front_door=options.front_door,
        provisioned=options.provisioned,
        lambda_logs=options.lambda_logs,
    )
    if as_json:
        terminal.say_json(view.to_json(fleet))
    else:
        view.show(terminal.console(), fleet)
