"""What can go wrong at a call, and how a schedule is written: `1-1-inorder-alone/12=crash-before/15=failed:3`.

A schedule is a plan (how events are delivered) and faults, each at the number of a call. The same text always gives the
same run.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import product
from typing import Literal, cast, get_args

from tests.faults.world.world import Call

Order = Literal["inorder", "reversed", "mixed1", "mixed2"]
Beside = Literal["alone", "paired", "swept"]

# Of an operation with more entries than this not every subset fails, but the first, the last, all, and some.
_EVERY_SUBSET_OF = 3
_SOME_SUBSETS = 3

# How often uploads and events come; a repeated upload causes its events anew.
_COPIES = ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1))

WORDS = {
    "crash-before": "the worker is killed before it",
    "crash-after": "the worker is killed after it took effect",
    "refused": "one try is answered with 500 and has no effect",
    "down": "every try is answered with 500 and none has an effect",
    "denied": "it is refused for good, without effect",
    "unanswered": "it takes effect and is answered with 500",
    "timeout": "it takes effect and the answer never comes",
    "limbo": "every try takes effect and no answer ever comes",
    "deadline": "from it on only a second is left",
    "outage": "it and all calls like it are refused for ten minutes",
    "cut": "the connection breaks in the middle of the body",
    "stale": "it is answered from before the last write",
    "switch": "the other invocation goes on before it",
    "acknowledged": "a person acknowledges what is open before it",
    "closed": "a person closes what is running before it",
    "operator": "an operator's next change is made before it, and not at its time",
    "failed": "entries fail",
    "killed": "the time is up",
}
_EVERYWHERE = ("crash-before", "crash-after", "refused", "down", "denied", "deadline")
_OF_WRITES = ("unanswered", "timeout", "limbo")
WRITES = frozenset(("PutObject", "BatchWriteItem", "PutItem", "UpdateItem", "PutEvents", "Publish"))
BATCHES = frozenset(("BatchWriteItem", "PutEvents"))
DEEDS = ("acknowledged", "closed")
_FAULT = re.compile(rf"([1-9][0-9]*)=((?:{'|'.join(WORDS)})(?::[0-9a-f]+)?)")
_PLAN = re.compile(rf"([123])-([123])-({'|'.join(get_args(Order))})-({'|'.join(get_args(Beside))})")


class ScheduleError(ValueError):
    """The text is not a schedule."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often and in which order events come, and whether alert runs alone, two at a time, or beside a sweep."""

    uploads: int = 1
    events: int = 1
    order: Order = "inorder"
    beside: Beside = "alone"

    def __str__(self) -> str:
        return f"{self.uploads}-{self.events}-{self.order}-{self.beside}"

    def words(self) -> str:
        """Return the plan in words."""
        alert = {"alone": "alert one at a time", "paired": "alert two at a time", "swept": "sweeps beside alert"}
        return f"each upload {self.uploads}x, each event {self.events}x, {self.order}, {alert[self.beside]}"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A plan and the faults in it, by the number of the call."""

    plan: Plan
    faults: tuple[tuple[int, str], ...] = ()

    def __str__(self) -> str:
        return "/".join([str(self.plan), *(f"{number}={kind}" for number, kind in self.faults)])

    def with_fault(self, number: int, kind: str) -> Schedule:
        """Return the schedule with one fault more, behind all it has."""
        return Schedule(plan=self.plan, faults=(*self.faults, (number, kind)))

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read what `str` writes. Raises ScheduleError."""
        head, *rest = text.split("/")
        plan = _PLAN.fullmatch(head)
        if plan is None:
            raise ScheduleError(f"{head!r} is not a plan; a plan looks like {Plan()}")
        faults = []
        for part in rest:
            fault = _FAULT.fullmatch(part)
            if fault is None:
                raise ScheduleError(f"{part!r} is not a fault; a fault looks like 12=crash-before")
            faults.append((int(fault[1]), fault[2]))
        uploads, events, order, beside = plan.groups()
        return cls(plan=_plan((int(uploads), int(events)), order, beside), faults=tuple(faults))


def plans(*, several: bool) -> list[Plan]:
    """Return every plan, the plainest first; where `several` things never come at once, there is no order of them."""
    orders = get_args(Order) if several else ("inorder",)
    return [_plan(*parts) for parts in product(_COPIES, orders, get_args(Beside))]


def _plan(copies: tuple[int, int], order: str, beside: str) -> Plan:
    return Plan(uploads=copies[0], events=copies[1], order=cast(Order, order), beside=cast(Beside, beside))


def kinds(call: Call, *, first: bool = False) -> list[str]:
    """Return what can go wrong at a call; at the `first` of its operation an outage can begin."""
    found = list(_EVERYWHERE)
    operation = call.operation
    if first:
        found.append("outage")
    if operation in WRITES:
        found += _OF_WRITES
    if operation == "GetObject":
        found.append("cut")
    if operation == "Query":
        found.append("stale")
    if operation in BATCHES:
        found += [f"failed:{mask:x}" for mask in _subsets(call.entries)]
    if not call.alone:
        found.append("switch")
    if call.operated:
        found += DEEDS
    return found


def in_words(kind: str) -> str:
    """Return what goes wrong."""
    name, _, mask = kind.partition(":")
    if not mask:
        return WORDS[name]
    entries = [str(place + 1) for place in range(int(mask, 16).bit_length()) if int(mask, 16) >> place & 1]
    return f"{'entry' if len(entries) == 1 else 'entries'} {', '.join(entries)} fail"


def _subsets(entries: int) -> list[int]:
    whole = (1 << entries) - 1
    if entries <= _EVERY_SUBSET_OF:
        return list(range(1, whole + 1))
    some = random.Random(entries)  # noqa: S311 - the same subsets every time
    chosen = [1, 1 << (entries - 1), whole, *(some.randrange(1, whole) for _ in range(_SOME_SUBSETS))]
    return list(dict.fromkeys(chosen))
