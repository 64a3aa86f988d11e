"""Silence at fleet scale: who is found, within how many ticks, and what the reads cost, as the cost model says."""

from __future__ import annotations

import io
import random
from collections import Counter
from contextlib import redirect_stdout
from datetime import datetime, timedelta

import pytest

from lambdas.alert import silences
from lambdas.alert.adapters import registry
from sensorctl.cost.model import NAMES_SWEPT_A_MINUTE, sweep_read_units
from tests.faults.sample import LONG
from tests.faults.scenarios import story, thresholds
from tests.faults.schedule import Plan, Schedule
from tests.faults.world import fleet as fleet_table
from tests.faults.world.clients import Clients
from tests.faults.world.fleet import FleetTable
from tests.faults.world.functions import Functions, Variant
from tests.faults.world.scenario import START
from tests.faults.world.wire import Wire
from tests.faults.world.world import World

MINUTE = timedelta(minutes=1)
LIMIT = 15 * MINUTE
SWEEP = {"sweep": True}


class Fleet:
    """So many devices that report every five minutes or sooner, but for the `silent`; a world with a sweep a minute.

    Of the `replayed` an old delivery has put an upload of long ago into the registry.
    """

    def __init__(self, clients: Clients, devices: int, *, silent: int, replayed: int = 0) -> None:
        self.world = World(story("fleet", "a fleet", thresholds=thresholds(silent_after={"*": "15m"})))
        names = [f"plant-{number % 40:02}-{number:07}" for number in range(devices)]
        chosen = random.Random(1).sample(names, silent + replayed)  # noqa: S311 - the same ones every time
        self.silent, self.replayed = set(chosen[:silent]), set(chosen[silent:])
        self.table = FleetTable(
            keys=self.world.readings.keys,
            devices=names,
            registered=self._registered,
            uploaded=self._uploaded,
            works=self.world.clock.sleep,
        )
        self.world.readings = self.table
        self._functions = Functions(self.world, Wire(self.world, Schedule(plan=Plan())), clients, variant=Variant())

    def tick(self) -> Counter[str]:
        """Sweep at the next full minute; return what was called."""
        self.world.clock.until(self.world.clock.now.replace(second=0) + MINUTE)
        before = len(self.world.calls)
        with redirect_stdout(io.StringIO()):
            ((_, failed),) = self._functions.run([("alert", SWEEP)])
        assert failed is None
        return Counter(call.operation for call in self.world.calls[before:])

    def found(self) -> set[str]:
        """Return the devices that the ledger holds for silent."""
        rows = self.world.alerts.rows.values()
        return {item["device_id"]["S"] for item in rows if item.get("record") == {"S": "silence"}}

    def goes_on(self) -> bool:
        """Return whether the next tick has to read on where this one stopped."""
        return "after" in self.world.alerts.rows.get(("cursor#sweep#devices",), {})

    def _uploaded(self, name: str) -> datetime:
        if name in self.silent:
            return START - LIMIT
        return self.world.clock.now - timedelta(seconds=int(name[-3:]) % 300)

    def _registered(self, name: str) -> datetime:
        return START - timedelta(days=300) if name in self.replayed else self._uploaded(name)


def test_a_hundred_thousand_devices_are_looked_at_in_one_tick_and_only_suspects_are_asked(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the suite each name stands for ten: a page has a tenth of them and takes as long; so does a tick."""
    part = 1 if LONG else 10
    monkeypatch.setattr(registry, "_NAMES", registry._NAMES // part)
    monkeypatch.setattr(silences, "NAMES_A_TICK", NAMES_SWEPT_A_MINUTE // part)
    monkeypatch.setattr(fleet_table, "_NAMES_A_SECOND", fleet_table._NAMES_A_SECOND / part)
    fleet = Fleet(clients, 100_000 // part, silent=3, replayed=5)
    calls = fleet.tick()
    assert fleet.found() == fleet.silent
    assert len(fleet.world.mails) == 3
    # A suspect that reports is asked once, and one that does not once more behind its newest readings.
    assert fleet.table.read_units == pytest.approx(sweep_read_units(100_000 // part) + 5 * 0.5 + 3 * 1.0, rel=0.05)
    assert calls["Query"] < 60


@pytest.mark.skipif(not LONG, reason="a minute of CPU: `make prove` runs it")
def test_a_million_devices_are_looked_at_within_fifteen_ticks(clients: Clients) -> None:
    fleet = Fleet(clients, 1_000_000, silent=20, replayed=200)
    units: list[float] = []
    while fleet.goes_on() or not units:
        before = fleet.table.read_units
        fleet.tick()
        units.append(fleet.table.read_units - before)
    assert fleet.found() == fleet.silent
    assert len(units) <= 15
    assert max(units) <= 1.4 * sweep_read_units(NAMES_SWEPT_A_MINUTE)
    assert sum(units) == pytest.approx(sweep_read_units(1_000_000), rel=0.05)
