"""Between the real boto3 clients and the world: every try of every call passes here, and here it is made to fail.

botocore's `before-send` event hands over the request as it would leave and takes the response as it would come, so that
serialisation, retries, parsing and the mapping of errors are the real ones. Nothing reaches a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import HTTPClientError, ReadTimeoutError
from botocore.retries import standard
from botocore.retries.quota import RetryQuota

from lambdas.shared import clients
from proof import answers, services
from proof.baton import Baton
from proof.faults import Schedule
from proof.world import Call, World

_CALL_S = 0.02
_TIMEOUT_S = 10.0
_LITTLE_S = 1.0
_OUTAGE = timedelta(minutes=10)
# Faults that every further try of the same call meets too.
_STICKY = ("down", "limbo")


class CrashError(BaseException):
    """The worker dies: no handler may catch this, and no later call of the invocation has an effect."""


class BrokenWorldError(BaseException):
    """The proof itself does not know what AWS would do; no handler may take it for an answer."""


@dataclass(kw_only=True)
class Invocation:
    """One run of a function: when Lambda would stop it, whether it is dead, and a fault that goes on."""

    number: int
    until: datetime
    dead: bool = False
    sticky: str | None = None


class Clients:
    """Real clients, made once for each shape: making them costs more than a schedule.

    What a function registers with a client's events is forgotten when the next environment asks for that client.
    """

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self._made: dict[tuple[Any, ...], Any] = {}
        self._registered: dict[tuple[Any, ...], list[tuple[str, Any]]] = {}
        self._quotas: list[RetryQuota] = []

    def __call__(self, service: str, **options: Any) -> Any:
        """Return a client, as `lambdas.shared.clients.client` makes it."""
        wanted = (service, *sorted(options.items()))
        if wanted not in self._made:
            self._made[wanted] = self._make(service, options)
            self._registered[wanted] = _remembered(self._made[wanted].meta.events)
        made, registered = self._made[wanted], self._registered[wanted]
        while registered:
            made.meta.events.unregister(*registered.pop())
        return made

    def reset(self) -> None:
        """Give each client its whole quota of retries back, as a new process has it."""
        for quota in self._quotas:
            quota.release(RetryQuota.INITIAL_CAPACITY)

    def _make(self, service: str, options: dict[str, Any]) -> Any:
        quotas = self._quotas

        class Remembered(RetryQuota):
            def __init__(self, *args: Any, **others: Any) -> None:
                super().__init__(*args, **others)
                quotas.append(self)

        standard.quota.RetryQuota = Remembered  # type: ignore[misc]
        try:
            made = _real_client(service, **options)
        finally:
            standard.quota.RetryQuota = RetryQuota  # type: ignore[misc]
        made.meta.events.register("before-send", self._send)
        self._lighten(made)
        return made

    @staticmethod
    def _lighten(made: Any) -> None:
        """Leave out what nobody here looks at and what takes a third of the time: signature and user agent."""
        created = f"request-created.{made.meta.service_model.service_id.hyphenize()}"
        made.meta.events.unregister(created, made._request_signer.handler)
        made.meta.events.unregister(created, made._user_agent_creator.rebuild_and_replace_user_agent_handler)
        made._user_agent_creator.to_string = lambda: "proof"

    def _send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        if self.wire is None:
            raise RuntimeError(f"{event_name} outside of a schedule")
        service, operation = event_name.split(".")[1:]
        return self.wire.send(_SERVICES[service], operation, request)


def _remembered(events: Any) -> list[tuple[str, Any]]:
    """Return a list that grows with each handler which is registered from now on."""
    register = events.register
    registered: list[tuple[str, Any]] = []

    def remember(event_name: str, handler: Any, *args: Any, **options: Any) -> None:
        register(event_name, handler, *args, **options)
        registered.append((event_name, handler))

    events.register = remember
    return registered


_real_client = clients.client
_SERVICES = {"s3": "s3", "dynamodb": "dynamodb", "eventbridge": "events", "sns": "sns", "ssm": "ssm"}


class Wire:
    """One schedule's faults on one world's calls. `current` is the invocation that runs."""

    def __init__(self, world: World, schedule: Schedule) -> None:
        self._world = world
        self._faults = dict(schedule.faults)
        self._outages: dict[str, datetime] = {}
        self._invocations = 0
        self.baton = Baton()
        self.current: Invocation | None = None

    def begin(self, *, seconds: float) -> Invocation:
        """Return a new invocation that may run so long."""
        self._invocations += 1
        return Invocation(number=self._invocations, until=self._world.clock.now + timedelta(seconds=seconds))

    def left(self, invocation: Invocation) -> float:
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
        params = answers.parameters(service, operation, request)
        entries = services.entries(operation, params)
        if self._faults.get(self._world.call + 1) == "switch" and not self.baton.alone:
            self._note("switch", entries=0, fault="switch")
            self.baton.switch()
        invocation = self._running()
        fault = self._fault(invocation, operation, first_try=b"attempt=1" in _attempt(request))
        if self.left(invocation) <= 0:
            fault = "killed"
        self._note(operation, entries=entries, fault=fault)
        self._world.clock.sleep(_CALL_S)
        kind, _, mask = (fault or "").partition(":")
        early = self._without_effect(kind, service, invocation)
        answer = early or services.answer(
            self._world,
            service,
            operation,
            params,
            failing=frozenset(place for place in range(entries) if mask and int(mask, 16) >> place & 1),
            stale=kind == "stale",
            by=invocation.number,
        )
        if kind == "crash-after":
            self._kill(invocation)
        if kind in ("timeout", "limbo"):
            self._world.clock.sleep(_TIMEOUT_S)
            raise ReadTimeoutError(endpoint_url=request.url, error="the schedule wants it")
        if kind == "unanswered":
            answer = answers.internal_error(service)
        return answers.response(answer, url=request.url, cut=kind == "cut")

    def _running(self) -> Invocation:
        invocation = self.current
        if invocation is None:
            raise RuntimeError("a call outside of an invocation")
        if invocation.dead:
            raise CrashError
        return invocation

    def _fault(self, invocation: Invocation, operation: str, *, first_try: bool) -> str | None:
        if first_try:
            invocation.sticky = None
        fault = self._faults.get(self._world.call + 1) or invocation.sticky
        if fault == "switch":
            fault = None
        if fault in _STICKY:
            invocation.sticky = fault
        now = self._world.clock.now
        if fault == "outage":
            self._outages[operation] = now + _OUTAGE
        elif fault is None and now < self._outages.get(operation, now):
            fault = "outage"
        return fault

    def _without_effect(self, kind: str, service: str, invocation: Invocation) -> answers.Answer | None:
        """Return the answer to a call that has none, or None: it shall take effect."""
        if kind in ("crash-before", "killed"):
            self._kill(invocation)
        if kind == "deadline":
            invocation.until = min(invocation.until, self._world.clock.now + timedelta(seconds=_LITTLE_S))
        if kind in ("refused", "down"):
            return answers.internal_error(service)
        return answers.denied(service) if kind in ("denied", "outage") else None

    def _kill(self, invocation: Invocation) -> None:
        invocation.dead = True
        raise CrashError

    def _note(self, operation: str, *, entries: int, fault: str | None) -> None:
        number = self.current.number if self.current is not None else 0
        self._world.calls.append(
            Call(operation=operation, invocation=number, entries=entries, alone=self.baton.alone, fault=fault)
        )


def _attempt(request: AWSPreparedRequest) -> bytes:
    """Return botocore's own count of tries (standard retry mode sends it with each)."""
    header = request.headers["amz-sdk-request"]
    return header if isinstance(header, bytes) else str(header).encode()
