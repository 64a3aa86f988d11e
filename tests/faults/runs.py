"""Plays one schedule, or those of all scenarios on all processors, and gathers the verdict on each."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field

from tests.faults.enumeration import Waves
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedule import Schedule
from tests.faults.verdict import Verdict, check
from tests.faults.world.clients import Clients
from tests.faults.world.flow import Pipeline
from tests.faults.world.functions import Functions, Variant, installed
from tests.faults.world.scenario import Scenario
from tests.faults.world.wire import BrokenWorldError, Wire
from tests.faults.world.world import Call, World

_CHUNK = 8
_UNCHANGED = Variant()


@dataclass(frozen=True, kw_only=True)
class Played:
    """One schedule, what was found, and the calls it made."""

    schedule: str
    verdict: Verdict
    calls: tuple[Call, ...]


@dataclass(kw_only=True)
class Total:
    """The results of all schedules of a scenario; `bad` is the first with a violation."""

    scenario: str
    counts: Counter[str] = field(default_factory=Counter)
    bad: Played | None = None

    def add(self, played: Played) -> None:
        """Count one schedule."""
        self.counts.update(schedules=1, calls=len(played.calls), **played.verdict.counts())
        if self.bad is None and played.verdict.bad:
            self.bad = played


class _Nowhere(io.StringIO):
    """Discards what the functions log."""

    def write(self, text: str) -> int:
        return len(text)


def play(scenario: Scenario, schedule: Schedule, *, clients: Clients, variant: Variant = _UNCHANGED) -> World:
    """Run the functions through a schedule, in a process that is set up by `installed`; return the world at its end."""
    world = World(scenario)
    functions = Functions(world, Wire(world, schedule), clients, variant=variant)
    with redirect_stdout(_Nowhere()):
        Pipeline(world, functions, schedule.plan).run()
    return world


def run_all(
    scenarios: Sequence[Scenario], *, limit: int, seed: int, progress: Callable[[str, int, int], None]
) -> list[Total]:
    """Play at least `limit` schedules of each scenario, and return the totals in the same order.

    `seed` chooses among pairs and triples of faults; `progress` is called with a scenario's name, how many of its
    schedules were played, and how many it will have.
    """
    # Spawned, not forked: the progress bar has a thread, and a fork of a process with threads may hang.
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn"), initializer=_set_up)
    totals = []
    try:
        for scenario in scenarios:
            total = Total(scenario=scenario.name)
            waves = Waves(scenario.name, several=scenario.several, limit=limit, seed=seed)
            for wave in waves:
                planned = max(limit, total.counts["schedules"] + len(wave))
                texts = [str(schedule) for schedule in wave]
                chunks = [(scenario.name, texts[at : at + _CHUNK]) for at in range(0, len(texts), _CHUNK)]
                for part in pool.map(_play_all, chunks):
                    for played in part:
                        total.add(played)
                    waves.take({played.schedule: played.calls for played in part})
                    progress(scenario.name, total.counts["schedules"], planned)
            totals.append(total)
    finally:
        pool.shutdown(cancel_futures=True)
    return totals


def run_one(scenario: Scenario, schedule: Schedule) -> tuple[World, Verdict]:
    """Play one schedule in this process."""
    with installed() as clients:
        world = play(scenario, schedule, clients=clients)
    return world, check(world)


# What a process of the pool keeps for as long as it lives.
_process = ExitStack()
_clients: list[Clients] = []


def _set_up() -> None:
    """Set up a process of the pool; Ctrl-C is the first process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _clients.append(_process.enter_context(installed()))


def _play_all(chunk: tuple[str, Sequence[str]]) -> list[Played]:
    name, texts = chunk
    played = []
    for text in texts:
        try:
            world = play(SCENARIOS[name], Schedule.parse(text), clients=_clients[0])
        except BrokenWorldError as error:
            # A BaseException would end the process without a word.
            raise RuntimeError(f"{name} {text}: {''.join(traceback.format_exception(error))}") from None
        played.append(Played(schedule=text, verdict=check(world), calls=tuple(world.calls)))
    return played
