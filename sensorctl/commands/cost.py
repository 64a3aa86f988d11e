"""`sensorctl cost`: the monthly bill of a fleet, and what would halve it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sensorctl import terminal


def cost(
    devices: Annotated[int, typer.Option(min=1, help="How many devices report.")] = 1000,
    every: Annotated[str, typer.Option(help="Between two readings of one device: 30s, 1m, 2h.")] = "1m",
    readings_per_object: Annotated[int, typer.Option(min=1, help="How many readings an uploaded object holds.")] = 1,
    breaching: Annotated[float, typer.Option(min=0, max=1, help="Which share of readings is out of bounds.")] = 0.001,
    emails: Annotated[float, typer.Option(min=0, help="How many e-mails a day that makes.")] = 10,
    traced: Annotated[
        float | None, typer.Option(min=0, max=1, help="Which share of objects is traced; X-Ray's default otherwise.")
    ] = None,
    kept_days: Annotated[float, typer.Option(min=1, help="How many days of readings and objects are kept.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what a fleet costs a month on AWS, by service, at list prices, and what would make it cheaper."""

    from sensorctl import cost as model  # noqa: PLC0415
    from sensorctl import cost_view  # noqa: PLC0415

    fleet = model.Fleet(
        devices=devices,
        every_s=model.seconds(every),
        readings_per_object=readings_per_object,
        breaching=breaching,
        emails_a_day=emails,
        traced=traced,
        kept_days=kept_days,
    )
    if as_json:
        terminal.say(json.dumps(cost_view.to_json(fleet)))
    else:
        cost_view.show(terminal.console(), fleet)
