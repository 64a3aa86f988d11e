"""Plays the schedules of all scenarios on all processors, and gathers what the checker says of each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from proof.checker import Verdict, check
from proof.enumeration import Waves
from proof.faults import Schedule
from proof.functions import installed
from proof.play import play
from proof.scenarios import SCENARIOS, Scenario
from proof.wire import BrokenWorldError, Clients
from proof.world import Call, World

_CHUNK = 8


@dataclass(frozen=True, kw_only=True)
class Played:
    """One schedule, what was found, and the calls it made."""

    schedule: str
    verdict: Verdict
    calls: tuple[Call, ...]


@dataclass(kw_only=True)
class Total:
    """What all schedules of a scenario came to; `by_faults` counts schedules by the number of their faults.

    `first_bad` is the first that lost or doubled something.
    """

    scenario: str
    schedules: int = 0
    lost: int = 0
    doubled: int = 0
    repeats: int = 0
    late: int = 0
    parked: int = 0
    calls: int = 0
    by_faults: dict[int, int] = field(default_factory=dict)
    first_bad: Played | None = field(default=None)

    def add(self, played: Played) -> None:
        """Count one schedule."""
        verdict = played.verdict
        self.schedules += 1
        faults = played.schedule.count("/")
        self.by_faults[faults] = self.by_faults.get(faults, 0) + 1
        self.calls += len(played.calls)
        self.lost += len(verdict.lost)
        self.doubled += len(verdict.doubled)
        self.repeats += verdict.repeats
        self.late += verdict.late
        self.parked += verdict.parked
        if self.first_bad is None and (verdict.lost or verdict.doubled):
            self.first_bad = played


def prove(
    scenarios: Sequence[Scenario],
    *,
    limit: int,
    seed: int,
    planned: Callable[[str, int], None],
    done: Callable[[str, int], None],
) -> list[Total]:
    """Play at least `limit` schedules of each scenario, and return the totals in the same order.

    `seed` chooses among pairs and triples of faults; `planned` is told how many a scenario will have, `done` how many
    were just played.
    """
    # Spawned, not forked: the progress bar has a thread, and a fork of a process with threads may hang.
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn"), initializer=_set_up)
    totals = []
    try:
        for scenario in scenarios:
            total = Total(scenario=scenario.name)
            waves = Waves(scenario.name, several=scenario.several, limit=limit, seed=seed)
            for wave in waves:
                planned(scenario.name, max(limit, total.schedules + len(wave)))
                for part in pool.map(_play_all, _chunks(scenario.name, wave)):
                    for played in part:
                        total.add(played)
                    waves.take({played.schedule: played.calls for played in part})
                    done(scenario.name, len(part))
            planned(scenario.name, total.schedules)
            totals.append(total)
    finally:
        pool.shutdown(cancel_futures=True)
    return totals


def play_one(scenario: Scenario, schedule: Schedule) -> tuple[World, Verdict]:
    """Play one schedule in this process."""
    with installed() as clients:
        world = play(scenario, schedule, clients=clients)
    return world, check(world)


_kept: list[tuple[ExitStack, Clients]] = []


def _chunks(scenario: str, wave: Sequence[Schedule]) -> list[tuple[str, list[str]]]:
    texts = [str(schedule) for schedule in wave]
    return [(scenario, texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]


def _set_up() -> None:
    """Set up a process of the pool, for as long as it lives; Ctrl-C is the first process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stack = ExitStack()
    _kept.append((stack, stack.enter_context(installed())))


def _play_all(work: tuple[str, list[str]]) -> list[Played]:
    name, texts = work
    _, clients = _kept[0]
    return list(_played(SCENARIOS[name], texts, clients))


def _played(scenario: Scenario, texts: list[str], clients: Clients) -> Iterator[Played]:
    for text in texts:
        try:
            world = play(scenario, Schedule.parse(text), clients=clients)
        except BrokenWorldError as error:
            # A BaseException would end the process without a word.
            raise RuntimeError(f"{scenario.name} {text}: {''.join(traceback.format_exception(error))}") from None
        yield Played(schedule=text, verdict=check(world), calls=tuple(world.calls))
