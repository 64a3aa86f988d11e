"""A person who acknowledges or closes what is open, with the code of `sensorctl alerts` and calls of their own.

Their calls are answered at once and never fail: what is tried here is the function, which finds the ledger changed
between any two calls of its own. Each write is remembered, for the checker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from lambdas.alert.domain.notices import Acknowledgement
from sensorctl.alerts import by_hand
from tests.faults.world import answers, services
from tests.faults.world.clients import Clients
from tests.faults.world.world import ALERTS, HandWrite, World

NAME = "alice"


@cache
def _clients() -> Clients:
    """Their own, of which the function's wire knows nothing."""
    return Clients()


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Acts on one world."""

    world: World

    def act(self, deed: str) -> None:
        """Acknowledge (`acknowledged`) or close (`closed`) whatever is running, if anything is."""
        clients, table, now = _clients(), ALERTS["TableName"], self.world.clock.now
        clients.send = self._answer
        dynamodb = clients("dynamodb")
        for entry in by_hand.running(dynamodb, table=table, now=now):
            if entry.alert is not None and self._is_done(dynamodb, table, entry, deed, now=now):
                self.world.by_hand.append(
                    HandWrite(deed=deed, key=entry.alert_key, alert_id=entry.alert.alert_id, at=now)
                )

    def _is_done(self, dynamodb: Any, table: str, entry: by_hand.Running, deed: str, *, now: datetime) -> bool:
        if deed == "acknowledged":
            given = Acknowledgement(by=NAME, at=now)
            return by_hand.acknowledge(dynamodb, table=table, entry=entry, given=given)
        return by_hand.close(dynamodb, table=table, entry=entry, by=NAME, why="seen to", now=now)

    def _answer(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        call = services.Request(service=service, operation=operation, params=answers.parameters(service, request), by=0)
        return answers.response(services.answer(self.world, call), url=request.url)
