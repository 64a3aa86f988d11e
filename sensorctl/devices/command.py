"""`sensorctl devices`: who reports, who has fallen silent, who has an open alert, and who is to be forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ListOptions, PipelineOptions, Yes, confirm, with_options

app = typer.Typer()


@app.callback(invoke_without_command=True)
@with_options
def list_(
    context: typer.Context,
    *,
    only_silent: Annotated[bool, typer.Option("--silent", help="Only devices that have fallen silent.")] = False,
    target: ListOptions,
) -> None:
    """List every device that has ever reported, the silent ones first: last reading, how long ago, open alerts.

    A device is silent after `silent_after` of the thresholds. Costs a page for some thousands of devices, a query for
    each of those that seem silent (of 500 in any case), and a scan of the alerts table.
    """
    if context.invoked_subcommand is not None:
        return
    from sensorctl.alerts import ledger_records  # noqa: PLC0415
    from sensorctl.alerts.listing import lines  # noqa: PLC0415
    from sensorctl.devices import listing  # noqa: PLC0415
    from sensorctl.devices.registry import last_readings  # noqa: PLC0415
    from sensorctl.thresholds.parameter import thresholds_in_force  # noqa: PLC0415

    to, now = target.connect(), datetime.now(UTC)
    thresholds, problem = thresholds_in_force(to.access, to.pipeline)
    if problem is not None:
        terminal.say(f"sensorctl: cannot say which devices are silent: {problem}", err=True)
    records, _ = ledger_records.read(to.access.client("dynamodb"), table=to.pipeline.alerts_table)
    last = last_readings(to.access, to.pipeline, thresholds=thresholds, now=now)
    listed = listing.listed(last, thresholds=thresholds, alerts=lines(records), now=now)
    listed = [device for device in listed if device.silent or not only_silent]
    if target.as_json:
        terminal.say_json(*(device.to_json(now=now) for device in listed))
    elif listed:
        terminal.console().print(listing.table(listed, now=now))
        terminal.say_if_cut(min(len(listed), listing.MOST_ROWS), len(listed), more="--json lists all")
        terminal.say(listing.sums(listed))
    else:
        terminal.say("No device is silent." if only_silent else "No device has reported yet.")


@app.command()
@with_options
def forget(
    device: Annotated[str, typer.Argument(help="The device's id.")],
    *,
    yes: Yes = False,
    target: PipelineOptions,
) -> None:
    """Take a device out of the registry and close what it has open; its readings stay.

    Nobody asks for it any more, however silent it is. If it reports again, it is registered anew within an hour.
    """
    from sensorctl.aws.identity import caller  # noqa: PLC0415
    from sensorctl.devices import forget as forgetting  # noqa: PLC0415

    to, now = target.connect(), datetime.now(UTC)
    dynamodb, readings, alerts = to.access.client("dynamodb"), to.pipeline.readings_table, to.pipeline.alerts_table
    known = forgetting.known(dynamodb, device, readings=readings, alerts=alerts, now=now)
    if known == forgetting.Known(is_registered=False):
        raise UserError(f"{device} is not registered and has nothing open; `sensorctl devices` lists who is")
    terminal.say(f"{device} of {target.name}:")
    terminal.say("  is taken out of the registry" if known.is_registered else "  is not in the registry any more")
    for entry in known.alerts:
        terminal.say(f"  its alert on {entry.metric} is closed, and that is mailed")
    if known.silence is not None:
        terminal.say("  its silence is not waited out any more")
    confirm("Go on?", yes=yes)
    forgetting.forget(dynamodb, device, readings=readings, alerts=alerts, of=known, by=caller(to.access), now=now)
    terminal.say(f"{device} is forgotten.")
