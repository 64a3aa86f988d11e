"""The real functions in execution environments: made as Lambda makes them, from the environment's variables.

Replaced are only what no schedule could repeat: the clocks, the pauses, the names of leases, and the order in which a
thread pool happens to run. A worker that was killed is followed by a new environment.
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.endpoint

from lambdas.alert.alerting import Alerting
from lambdas.ingest import store
from lambdas.shared import clients
from lambdas.shared.retrying import Retrying
from lambdas.shared.threshold_source import ThresholdSource
from proof.wire import BrokenWorldError, Clients, CrashError, Invocation, Wire
from proof.world import ALERTS, BUS, PARAMETER, READINGS, TOPIC, World

# The functions' time-outs (constructs_lib/pipeline_stack.py).
TIMEOUT_S = {"ingest": 120.0, "alert": 50.0}
_VARIABLES = {
    "STAGE": "proof",
    "READINGS_TABLE": READINGS,
    "ALERTS_TABLE": ALERTS,
    "EVENT_BUS": BUS,
    "TOPIC_ARN": TOPIC,
    "THRESHOLDS_PARAMETER": PARAMETER,
    "INCOMING_PREFIX": "incoming/",
    "QUARANTINE_PREFIX": "quarantine/",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "proof",
    "AWS_SECRET_ACCESS_KEY": "proof",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_FOREIGN = (
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "AWS_SESSION_TOKEN",
    "LAMBDA_TASK_ROOT",
    "_X_AMZN_TRACE_ID",
)

# The bundles' copy of the thresholds knows nothing of the scenario's, so that whoever judges by it loses an alert.
_BUNDLED = '{"version": 1}'

Rework = Callable[[Any], None]


def _as_it_is(_: Any) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Changes what a new environment holds (IngestFunction, Alerting), to try handlers that are known to be wrong."""

    ingest: Rework = _as_it_is
    alert: Rework = _as_it_is


@contextmanager
def installed() -> Iterator[Clients]:
    """Set up this process to run schedules: variables, no pauses, no thread pools."""
    made = Clients()
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    with (
        patch.dict(os.environ, {**kept, **_VARIABLES}, clear=True),
        patch.object(clients, "client", made),
        patch.object(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None)),
        patch.object(store, "ThreadPoolExecutor", OneAtATime),
        patch.object(store, "wait", _wait),
    ):
        yield made


class OneAtATime:
    """A thread pool without threads: what is submitted runs, in order, when it is waited for."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Keep the work for `_wait`."""
        future: Future[Any] = Future()
        future.work = partial(function, *args)  # type: ignore[attr-defined]
        return future


def _wait(futures: list[Future[Any]]) -> None:
    for future in futures:
        try:
            future.set_result(future.work())  # type: ignore[attr-defined]
        except (Exception, CrashError) as error:  # as a pool does: raised by `result()`
            future.set_exception(error)


class Nowhere(io.StringIO):
    """Takes what the functions log."""

    def write(self, text: str) -> int:
        """Count it and forget it."""
        return len(text)


@dataclass(frozen=True)
class _Context:
    """What of Lambda's context object the functions use."""

    left: Callable[[], float]

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left() * 1000)


class Functions:
    """Invokes ingest and alert, each in a warm environment if its last one is still alive."""

    def __init__(self, world: World, wire: Wire, made: Clients, *, variant: Variant) -> None:
        self._world = world
        self._wire = wire
        self._clients = made
        self._variant = variant
        self._tokens = itertools.count(1)
        self._warm: dict[tuple[str, int], ModuleType] = {}
        made.wire = wire
        made.reset()

    def run(self, works: list[tuple[str, dict[str, Any]]]) -> list[tuple[Invocation, str | None]]:
        """Invoke functions (name, event) side by side; return each invocation and what it raised, if anything."""
        invocations = [self._wire.begin(seconds=TIMEOUT_S[name]) for name, _ in works]
        failures: list[str | None] = [None] * len(works)
        broken: list[BrokenWorldError] = []

        def work(place: int) -> None:
            name, event = works[place]
            try:
                failures[place] = self._invoke(name, event, place, invocations[place])
            except BrokenWorldError as error:
                broken.append(error)

        def enter(place: int) -> None:
            self._wire.current = invocations[place]

        places = range(len(works))
        self._wire.baton.run([partial(work, place) for place in places], enter=[partial(enter, p) for p in places])
        self._wire.current = None
        if broken:
            raise broken[0]
        return list(zip(invocations, failures, strict=True))

    def _invoke(self, name: str, event: dict[str, Any], place: int, invocation: Invocation) -> str | None:
        environment = self._warm.get((name, place)) or self._environment(name)
        self._warm[name, place] = environment
        try:
            environment.handler(event, _Context(left=lambda: self._wire.left(invocation)))
        except CrashError:
            del self._warm[name, place]
            return "killed"
        except Exception as error:  # Lambda reports it and tries the event again
            return f"{type(error).__name__}: {error}"
        # Whatever a handler may have caught: dead is dead.
        return "killed" if invocation.dead else None

    def _environment(self, name: str) -> ModuleType:
        module = ModuleType(f"lambdas.{name}.handler")
        os.environ["EMAILS_PER_MINUTE"] = str(self._world.budget)
        exec(_code(module.__name__), module.__dict__)  # noqa: S102 - the handler's own module, as an import runs it
        self._wind(name, module)
        return module

    def _wind(self, name: str, module: Any) -> None:
        """Make the module's function anew, on the world's clock."""
        clock = self._world.clock
        retrying = partial(Retrying, sleep=clock.sleep, uniform=lambda _low, high: high)
        if name == "ingest":
            module.Retrying = retrying
            module.ThresholdSource = partial(ThresholdSource, clock=clock.seconds, retrying=retrying)
            module.BUNDLED = SimpleNamespace(read_text=lambda: _BUNDLED)
            module._function = module.IngestFunction(module.Settings.from_env(os.environ))
            self._variant.ingest(module._function)
            return
        settings = module.Settings.from_env(os.environ)
        thresholds = ThresholdSource(
            self._clients("ssm"),
            parameter=settings.thresholds_parameter,
            fallback=_BUNDLED,
            clock=clock.seconds,
            retrying=retrying,
        )
        module._alerting = Alerting.on_aws(
            settings,
            client=self._clients,
            clock=clock,
            new_lease=lambda: f"lease-{next(self._tokens)}",
            thresholds=thresholds,
        )
        self._variant.alert(module._alerting)


@cache
def _code(name: str) -> CodeType:
    spec = importlib.util.find_spec(name)
    code = spec.loader.get_code(name) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined]
    if not isinstance(code, CodeType):
        raise ImportError(f"{name} cannot be found on {sys.path}")
    return code
