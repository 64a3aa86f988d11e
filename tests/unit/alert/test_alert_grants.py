"""What alert calls is what alert is granted: nothing missing, nothing more."""

from typing import Any

import pytest

from lambdas.alert import sweep
from tests.grants import ALERT, ALERTS_INDEX, PARAMETER, for_own_use
from tests.unit.alert.alert_kit import (
    ALERTS,
    HOUR,
    MINUTE,
    NOON,
    READINGS,
    SWEEP,
    World,
    breach,
    event,
    rejected,
    time_for,
)
from tests.unit.exercised import places_of_calls, recording


def resource(world: World, operation: str, params: dict[str, Any]) -> str:
    """Return the granted resource that a call is about; a call about anything else fails here."""
    if operation == "Publish":
        return {
            world.settings.topic_arn: "${FanoutAlertsTopic}",
            world.settings.notification_topic_arn: "${FanoutAlertsNotificationsTopic}",
        }[params["TopicArn"]]
    if operation == "GetParameter":
        assert params == {"Name": world.settings.thresholds_parameter}
        return PARAMETER
    if "IndexName" in params:
        assert (params["TableName"], params["IndexName"]) == (ALERTS, "work")
        return ALERTS_INDEX
    return {ALERTS: "${StoreAlerts.Arn}", READINGS: "${StoreReadings.Arn}"}[params["TableName"]]


def test_alert_is_granted_what_it_calls_and_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(monkeypatch, lambda operation, params: resource(world, operation, params)) as exercised:
        function = world.function()
        function(event(breach()))
        function(event(rejected()))
        world.register("pump-1")
        world.store("pump-1", 20, at=NOON - HOUR)
        world.store("boiler-7", 20, at=NOON + MINUTE)
        world.clock.forward(minutes=2)
        function(SWEEP)
        # More alerts than a sweep reads: it notes where the next one goes on.
        monkeypatch.setattr(sweep, "_MOST_READ", 2)
        for number in range(9):
            function(event(breach(71, at=world.clock.now, device=f"d-{number}")))
        function.time_left = time_for(1 + 3)
        function(SWEEP)
        # An item that cannot be read, and a record that fails by itself.
        function.time_left = lambda: 60.0
        monkeypatch.setattr(sweep, "_MOST_READ", 99)
        function(SWEEP)
        world.put(ALERTS, alert_key="d-0#temperature", version="?", record="?")
        function(event(breach(71, at=world.clock.now, device="d-0")))
        world.store("d-1", "hot", at=world.clock.now + MINUTE / 2)
        with pytest.raises(KeyError):
            function(SWEEP)
    assert {"opened", "rejected", "resolved", "silent"} <= set(world.kinds())
    assert exercised.grants == for_own_use(ALERT)
    assert exercised.places == places_of_calls("alert", "shared")
