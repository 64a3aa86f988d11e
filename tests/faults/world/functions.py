"""The real functions in execution environments: made as Lambda makes them, from the environment's variables.

Replaced are only what no schedule could repeat: the clocks, the pauses, the names of leases, and the order in which a
thread pool happens to run. A worker that was killed is followed by a new environment.
"""

from __future__ import annotations

import importlib
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.endpoint

from lambdas.alert.function import Alerting
from lambdas.alert.settings import Settings
from lambdas.shared.backoff import Backoff
from lambdas.shared.thresholds.parameter import ThresholdSource
from tests import deployed
from tests.faults.world.clients import Clients, observed_quotas
from tests.faults.world.wire import BrokenWorldError, CrashError, Invocation, Wire
from tests.faults.world.world import World

_TIMEOUT_S = {name: deployed.timeout_s(name.title()) for name in ("ingest", "alert")}
_LAMBDA = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    # A body is itself, and not chunks with a checksum at their end, which this world would have to take apart.
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
}
# The bundles' copy of the thresholds knows nothing of the scenario's, so that whoever judges by it loses an alert.
_BUNDLED = '{"version": 1}'

Rework = Callable[[Any], None]


def _unchanged(_: Any) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Changes what a new environment holds (IngestFunction, Alerting), to try handlers that are known to be wrong."""

    ingest: Rework = _unchanged
    alert: Rework = _unchanged


@contextmanager
def installed() -> Iterator[Clients]:
    """Set up this process to run schedules: Lambda's variables, and no pauses."""
    clients = Clients()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAMBDA_", "_X_AMZN_"))}
    with (
        patch.dict(os.environ, {**kept, **deployed.variables("Ingest"), **_LAMBDA}, clear=True),
        patch.object(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None)),
        observed_quotas(),
    ):
        module: Any = importlib.import_module("lambdas.ingest.handler")
        bundled = SimpleNamespace(read_text=lambda: _BUNDLED)
        # Functions puts the clock of each world into the other two.
        others = {"Backoff": module.Backoff, "ThresholdSource": module.ThresholdSource}
        with patch.multiple(module, client=clients, BUNDLED=bundled, **others):
            yield clients


class OneAtATime:
    """A thread pool without threads: what is submitted runs at once."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run the function; as in a pool, what it raises is raised by `result()`."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except (Exception, CrashError) as error:
            future.set_exception(error)
        return future


class Functions:
    """Invokes ingest and alert, each in a warm environment if its last one is still alive."""

    def __init__(self, world: World, wire: Wire, clients: Clients, *, variant: Variant) -> None:
        self._world = world
        self._wire = wire
        self._clients = clients
        self._variant = variant
        self._leases = itertools.count(1)
        self._warm: dict[tuple[str, int], Any] = {}
        self._ingest = ingest = importlib.import_module("lambdas.ingest.handler").__dict__
        ingest["Backoff"] = partial(Backoff, pause=world.clock.sleep, uniform=lambda _low, high: high)
        ingest["ThresholdSource"] = self._thresholds = partial(
            ThresholdSource, clock=world.clock.seconds, backoff=ingest["Backoff"]
        )
        clients.start(wire.send)

    def run(self, works: list[tuple[str, dict[str, Any]]]) -> list[tuple[Invocation, str | None]]:
        """Invoke functions (name, event) side by side; return each invocation and what it raised, if anything."""
        invocations = self._wire.invocations = [self._wire.begin(seconds=_TIMEOUT_S[name]) for name, _ in works]
        failures: list[str | None] = [None] * len(works)
        broken: list[BrokenWorldError] = []

        def work(place: int) -> None:
            try:
                failures[place] = self._invoke(*works[place], place, invocations[place])
            except BrokenWorldError as error:
                broken.append(error)

        self._wire.turns.run([partial(work, place) for place in range(len(works))])
        self._wire.invocations = []
        if broken:
            raise broken[0]
        return list(zip(invocations, failures, strict=True))

    def _invoke(self, name: str, event: dict[str, Any], place: int, invocation: Invocation) -> str | None:
        if (name, place) not in self._warm:
            self._warm[name, place] = self._ingesting() if name == "ingest" else self.alerting(place)
        function, remaining_s = self._warm[name, place], partial(self._wire.remaining_s, invocation)
        try:
            if name == "ingest":
                function(event, SimpleNamespace(get_remaining_time_in_millis=lambda: int(remaining_s() * 1000)))
            else:
                function.handle(event, time_left=remaining_s)
        except CrashError:
            del self._warm[name, place]
            return "killed"
        except Exception as error:  # Lambda reports it and tries the event again
            return f"{type(error).__name__}: {error}"
        # Whatever a handler may have caught: dead is dead.
        return "killed" if invocation.dead else None

    def _ingesting(self) -> Any:
        function = self._ingest["IngestFunction"](self._ingest["Settings"].from_env(os.environ))
        function._ingest.store._pool = OneAtATime()
        # An hour of the world, in which a device is registered again, is no hour of this process.
        function._ingest.names._clock = self._world.clock.seconds
        self._variant.ingest(function)
        return function

    def alerting(self, place: int) -> Alerting:
        """Return a new environment of alert, with the clock of this place."""
        scenario, clock = self._world.scenario, self._world.clock
        settings = Settings.from_env({**deployed.variables("Alert"), **_LAMBDA, **scenario.variables})
        alerting = Alerting.on_aws(
            settings,
            client=self._clients,
            clock=clock.shifted(scenario.alert_ahead_s[place]),
            new_lease=lambda: f"lease-{next(self._leases)}",
            thresholds=self._thresholds(
                self._clients("ssm"), parameter=settings.thresholds_parameter, fallback=_BUNDLED
            ),
        )
        alerting._readings.registry._pool = OneAtATime()
        self._variant.alert(alerting)
        return alerting
