"""What a sweep reads, in read units: `python -m tests.faults.sweep_cost` measures it on the simulated AWS.

The real function sweeps a ledger with so many open alerts and mutes; each alert's device has sent a reading since, out
of bounds as before, and every mute is a pattern that matches none of them. Time is not limited here: a real one leaves
to the next what it has no time for.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from datetime import timedelta

from lambdas.alert.adapters.ledger_items import item_of
from lambdas.alert.adapters.mute_list import MuteList
from lambdas.alert.adapters.mute_list import item_of as mutes_item
from lambdas.alert.domain.lifecycle import on_breach
from lambdas.alert.domain.models import MetricState, Record
from lambdas.alert.domain.mutes import Mute
from lambdas.shared.events import ObjectRef, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import timestamp
from tests.faults.scenarios import story, thresholds
from tests.faults.schedule import Plan, Schedule
from tests.faults.world.clients import Clients
from tests.faults.world.functions import Functions, Variant, installed
from tests.faults.world.scenario import START
from tests.faults.world.wire import Wire
from tests.faults.world.world import World

MEASURED = ((0, 0), (0, 1_000), (100, 0), (100, 1_000), (10_000, 0), (10_000, 1_000))


def read_units(clients: Clients, *, alerts: int, mutes: int) -> float:
    """Return the read units of one sweep."""
    world = World(story("sweep", "a sweep, and nothing else"))
    for number in range(alerts):
        device = f"boiler-{number}"
        world.alerts.rows[(f"{device}#temperature",)] = item_of(_open_alert(device), now=START)
        reading_id = f"{timestamp(START + timedelta(seconds=30))}#0123456789abcdef"
        world.readings.rows[device, reading_id] = {
            "device_id": {"S": device},
            "reading_id": {"S": reading_id},
            "metrics": {"M": {"temperature": {"N": "91.5"}, "humidity": {"N": "40.25"}}},
            "uploaded_at": {"S": timestamp(START + timedelta(seconds=31))},
        }
    if mutes:
        listed = MuteList(version=1, mutes=tuple(map(_mute, range(mutes))))
        world.alerts.rows["mutes",] = mutes_item(listed)
    world.clock.until(START + timedelta(minutes=1))
    wire = Wire(world, Schedule(plan=Plan()))
    functions = Functions(world, wire, clients, variant=Variant())
    wire.invocations = [wire.begin(seconds=1e6)]
    with redirect_stdout(io.StringIO()):
        counts = functions.alerting(0).handle({"sweep": True}, time_left=lambda: 60.0)
    if counts.get("watched", 0) != alerts:
        raise RuntimeError(f"the sweep looked at {counts.get('watched', 0)} of {alerts} alerts")
    return world.alerts.read_units + world.readings.read_units


def _open_alert(device: str) -> Record:
    breach = ThresholdBreached(
        breach_id="0123456789abcdef0123456789abcdef",
        device_id=device,
        metric="temperature",
        unit="Cel",
        severity="critical",
        bound="above",
        limit=85,
        value=92.4,
        count=12,
        first_at=timestamp(START),
        last_at=timestamp(START),
        object=ObjectRef(bucket="landing", key=f"incoming/{device}/2026-11-22T10-00-00.ndjson", version_id="v" * 32),
        trace_id="1-65a1b2c3-0123456789abcdef01234567",
        uploaded_at=timestamp(START),
    )
    rule = Thresholds.parse(thresholds()).rule_for(device, "temperature")
    state = MetricState(device_id=device, metric="temperature")
    opened = on_breach(state, breach, rule=rule, now=START)
    return Record(key=f"{device}#temperature", version=1, state=opened.state)


def _mute(number: int) -> Mute:
    return Mute(
        mute_id=f"{number:08x}",
        devices=f"line-{number % 40}-press-{number}-*",
        begin=START,
        until=START + timedelta(hours=3),
        by="arn:aws:sts::123456789012:assumed-role/operators/ada@example.com",
        why="belt change on the night shift",
    )


def main() -> None:
    """Print the table of docs/scale.md."""
    with installed() as clients:
        for alerts, mutes in MEASURED:
            units = read_units(clients, alerts=alerts, mutes=mutes)
            print(f"| {alerts:,} | {mutes:,} | {units:,.0f} | {units * 43_800 * 0.125e-6:,.2f} |")  # noqa: T201


if __name__ == "__main__":
    main()
