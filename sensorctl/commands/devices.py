"""`sensorctl devices`: who reports, who has fallen silent, and who has an open alert."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.options import Embedded, Profile, Region, Stage, connected


def devices(
    only_silent: Annotated[bool, typer.Option("--silent", help="Only devices that have fallen silent.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """List every device that has ever reported, the silent ones first: last reading, how long ago, open alerts.

    Who is silent, `silent_after` in the thresholds says. It costs one query a device and a scan of the alerts table.
    """
    from sensorctl import alert_list, device_registry, ledger_scan  # noqa: PLC0415
    from sensorctl import devices as listing  # noqa: PLC0415
    from sensorctl.thresholds_in_force import thresholds_in_force  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    now = datetime.now(UTC)
    thresholds, problem = thresholds_in_force(to.access, to.pipeline)
    if problem is not None:
        terminal.say(f"sensorctl: who is silent cannot be told: {problem}", err=True)
    records, _ = alert_list.read(ledger_scan.items(to.access.client("dynamodb"), table=to.pipeline.alerts_table))
    found = listing.listed(
        device_registry.last_readings(to.access, to.pipeline, now=now),
        thresholds=thresholds,
        alerts=alert_list.lines(records),
        now=now,
    )
    found = [device for device in found if device.silent or not only_silent]
    if as_json:
        for device in found:
            terminal.say(json.dumps(device.to_json(now=now)))
    elif found:
        terminal.console().print(listing.table(found, now=now))
    else:
        terminal.say("No device is silent." if only_silent else "No device has reported yet.")
