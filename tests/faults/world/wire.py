"""Between the clients and the world: every try of every call passes here, and here it is made to fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import HTTPClientError, ReadTimeoutError

from tests.faults.schedule import DEEDS, Schedule
from tests.faults.world import answers, services
from tests.faults.world.operator import Operator
from tests.faults.world.turns import TurnTaker
from tests.faults.world.world import NO_FAULTS, Call, World

_CALL_S = 0.02
_TIMEOUT_S = 10.0
_TIME_LEFT = timedelta(seconds=1)
_OUTAGE = timedelta(minutes=10)
# Faults that every further try of the same call meets too.
_STICKY = ("down", "limbo")


class CrashError(BaseException):
    """The worker dies: no handler may catch this, and no later call of the invocation has an effect."""


class BrokenWorldError(BaseException):
    """Fault injection does not know what AWS would do; no handler may take it for an answer."""


@dataclass(kw_only=True)
class Invocation:
    """One run of a function: when Lambda would stop it, whether it is dead, and a fault of all its further calls."""

    number: int
    until: datetime
    dead: bool = False
    sticky: str | None = None

    def die(self) -> None:
        """Have no further effect. Raises CrashError."""
        self.dead = True
        raise CrashError


class Wire:
    """One schedule's faults on one world's calls. `invocations` are those that run, side by side."""

    def __init__(self, world: World, schedule: Schedule) -> None:
        self._world = world
        self._faults = dict(schedule.faults)
        self._outages: dict[str, datetime] = {}
        self._begun = 0
        self.turns = TurnTaker()
        self.invocations: list[Invocation] = []

    def begin(self, *, seconds: float) -> Invocation:
        """Return a new invocation that may run so long."""
        self._begun += 1
        return Invocation(number=self._begun, until=self._world.clock.now + timedelta(seconds=seconds))

    def remaining_s(self, invocation: Invocation) -> float:
        """Return the seconds until Lambda stops the invocation."""
        return max(0.0, (invocation.until - self._world.clock.now).total_seconds())

    def send(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        """Answer one try of one call. Raises CrashError, BrokenWorldError, and what botocore's HTTP library would."""
        try:
            return self._send(service, operation, request)
        except HTTPClientError:
            raise
        except Exception as error:
            raise BrokenWorldError(f"{service} {operation}: {error!r}") from error

    def _send(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        params = answers.parameters(service, request)
        entries = services.entries(operation, params)
        if self._planned() == "switch" and not self.turns.alone:
            self._note("switch", entries=0, fault="switch")
            self.turns.switch()
        if self._planned() == "operator":
            self._note("operator", entries=0, fault="operator")
            self._world.operate()
        invocation = self.invocations[self.turns.turn]
        if invocation.dead:
            raise CrashError
        while (deed := self._planned()) in DEEDS:
            self._note(deed, entries=0, fault=deed)
            Operator(world=self._world).act(deed)
        fault = self._fault(invocation, operation, first_try=answers.is_first_try(request))
        self._note(operation, entries=entries, fault=fault)
        self._world.clock.sleep(_CALL_S)
        kind, _, mask = (fault or "").partition(":")
        answer = self._without_effect(kind, service, invocation)
        if answer is None:
            call = services.Request(
                service=service,
                operation=operation,
                params=params,
                by=invocation.number,
                failing=frozenset(place for place in range(entries) if mask and int(mask, 16) >> place & 1),
                stale=kind == "stale",
            )
            answer = services.answer(self._world, call)
        if kind == "crash-after":
            invocation.die()
        if kind in ("timeout", "limbo"):
            self._world.clock.sleep(_TIMEOUT_S)
            raise ReadTimeoutError(endpoint_url=request.url, error="injected by the schedule")
        if kind == "unanswered":
            answer = answers.internal_error(service)
        return answers.response(answer, url=request.url, cut=kind == "cut")

    def _planned(self) -> str | None:
        return self._faults.get(self._world.call + 1)

    def _fault(self, invocation: Invocation, operation: str, *, first_try: bool) -> str | None:
        """Return the fault of this try: a planned one, one that lasts, or that the time is up."""
        if first_try:
            invocation.sticky = None
        planned = self._planned()
        fault = (None if planned in NO_FAULTS else planned) or invocation.sticky
        if fault in _STICKY:
            invocation.sticky = fault
        now = self._world.clock.now
        if fault == "outage":
            self._outages[operation] = now + _OUTAGE
        elif fault is None and now < self._outages.get(operation, now):
            fault = "outage"
        return fault if self.remaining_s(invocation) > 0 else "killed"

    def _without_effect(self, kind: str, service: str, invocation: Invocation) -> answers.Answer | None:
        """Return the answer to a call that has none, or None: it shall take effect."""
        if kind in ("crash-before", "killed"):
            invocation.die()
        if kind == "deadline":
            invocation.until = min(invocation.until, self._world.clock.now + _TIME_LEFT)
        if kind in ("refused", "down"):
            return answers.internal_error(service)
        return answers.denied(service) if kind in ("denied", "outage") else None

    def _note(self, operation: str, *, entries: int, fault: str | None) -> None:
        number = self.invocations[self.turns.turn].number
        self._world.calls.append(
            Call(
                operation=operation,
                invocation=number,
                entries=entries,
                alone=self.turns.alone,
                fault=fault,
                operated=self._world.scenario.operated,
            )
        )
