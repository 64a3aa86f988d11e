"""One schedule, played: scenario and schedule in, the world as it ended out."""

from __future__ import annotations

from contextlib import redirect_stdout

from proof.faults import Schedule
from proof.functions import Functions, Nowhere, Variant
from proof.pipeline import Pipeline
from proof.scenarios import Scenario
from proof.wire import Clients, Wire
from proof.world import World

_RIGHT = Variant()


def play(scenario: Scenario, schedule: Schedule, *, clients: Clients, variant: Variant = _RIGHT) -> World:
    """Run the functions through a schedule, in a process that is set up by `functions.installed`."""
    world = World(
        thresholds=scenario.thresholds,
        changes=scenario.changes,
        takes=scenario.takes,
        budget=scenario.budget,
        unreadable=frozenset(item["alert_key"]["S"] for item in scenario.unreadable),
    )
    for item in scenario.unreadable:
        world.alerts.put(item)
    wire = Wire(world, schedule)
    functions = Functions(world, wire, clients, variant=variant)
    with redirect_stdout(Nowhere()):
        Pipeline(world, functions, schedule.plan, copies_after=scenario.copies_after).run(scenario.uploads)
    return world
