"""Which schedules are played: every single fault, then seeded pairs and triples, each once.

A fault is placed at a call of a run that has been seen, so that it happens: the number of the next call depends on
the faults before it. Waves follow each other, and each grows out of the calls of the one before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from tests.faults.schedule import Plan, Schedule, kinds, plans
from tests.faults.world.world import Call

DEFAULT_LIMIT = 400
# Of what is left behind the exhaustive part: single faults of other plans, and pairs; the rest are triples.
_SINGLES, _PAIRS = 0.30, 0.40

Seen = Mapping[str, Sequence[Call]]


class Waves:
    """The schedules of one scenario, wave by wave; `take` what one wave played before asking for the next.

    Every plan without a fault, every single fault of the plainest plan, and every single change between two invocations
    of alert are played even if that is more than `limit`; single faults of other plans, pairs and triples fill up to
    `limit`, and are never fewer than a fifth of it.
    """

    def __init__(self, scenario: str, *, several: bool, limit: int, seed: int = 1) -> None:
        self._limit = limit
        self._random = random.Random(f"{seed} {scenario}")  # noqa: S311 - a schedule must come again
        self._plans = plans(several=several)
        self._known: set[str] = set()
        self.seen: dict[str, Sequence[Call]] = {}

    def __iter__(self) -> Iterator[list[Schedule]]:
        yield self._new([Schedule(plan=plan) for plan in self._plans])
        yield self._new([*self._singles(Plan()), *self._switches()])
        left = max(self._limit - len(self._known), self._limit // 5)
        wanted = [int(left * _SINGLES), int(left * _PAIRS)]
        for depth, number in enumerate([*wanted, left - sum(wanted)]):
            yield self._new(self._grown(depth, number))

    def take(self, seen: Seen) -> None:
        """Take note of the calls that schedules of the last wave made."""
        self.seen.update(seen)

    def _singles(self, plan: Plan) -> list[Schedule]:
        base = Schedule(plan=plan)
        return [base.with_fault(*fault) for fault in faults_of(self.seen[str(base)])]

    def _switches(self) -> list[Schedule]:
        """Return every single change between two invocations, for events that come once and twice."""
        racing = [Plan(events=events, beside=beside) for events in (1, 2) for beside in ("paired", "swept")]
        return [single for plan in racing for single in self._singles(plan) if single.faults[0][1] == "switch"]

    def _new(self, schedules: list[Schedule]) -> list[Schedule]:
        new = [schedule for schedule in dict.fromkeys(schedules) if str(schedule) not in self._known]
        self._known.update(map(str, new))
        return new

    def _grown(self, depth: int, wanted: int) -> list[Schedule]:
        """Return so many new schedules with one fault more than those seen with `depth` faults."""
        runs = [(Schedule.parse(text), calls) for text, calls in self.seen.items()]
        parents = [(schedule, calls) for schedule, calls in runs if len(schedule.faults) == depth]
        found: dict[str, Schedule] = {}
        tries = 0
        while len(found) < wanted and tries < 50 * wanted and parents:
            tries += 1
            schedule, calls = self._random.choice(parents)
            faults = faults_of(calls, after=schedule.faults[-1][0] if schedule.faults else 0)
            if faults:
                child = schedule.with_fault(*self._random.choice(faults))
                if str(child) not in self._known:
                    found[str(child)] = child
        return list(found.values())


def faults_of(calls: Sequence[Call], *, after: int = 0) -> list[tuple[int, str]]:
    """Return every fault that could happen behind a call."""
    found: list[tuple[int, str]] = []
    operations: set[str] = set()
    for number, call in enumerate(calls, 1):
        if number > after:
            found += [(number, kind) for kind in kinds(call, first=call.operation not in operations)]
        operations.add(call.operation)
    return found
