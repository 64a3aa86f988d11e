"""What alert calls is what alert is granted: nothing missing, nothing more."""

from datetime import timedelta
from typing import Any

import pytest
from alert_events import NOON, SWEEP, breach, event, rejected
from alert_kit import ALERTS, READINGS, World, time_for
from alert_kit import PARAMETER as PARAMETER_NAME
from exercised import places_of_calls, recording
from grants import ALERT, ALERTS_INDEX, PARAMETER, for_own_use

from lambdas.alert import sweep


def resource(world: World, operation: str, params: dict[str, Any]) -> str:
    """Return the granted resource that a call is about; a call about anything else fails here."""
    if operation == "Publish":
        assert params["TopicArn"] == world.settings.topic_arn
        return "${FanoutAlertsTopic}"
    if operation == "GetParameter":
        assert params == {"Name": PARAMETER_NAME}
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
        world.store("pump-1", 20, at=NOON - timedelta(hours=1))
        world.store("boiler-7", 20, at=NOON + timedelta(minutes=1))
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
        world.dynamodb.put_item(
            TableName=ALERTS, Item={"alert_key": {"S": "d-0#temperature"}, "version": {"S": "?"}, "record": {"S": "?"}}
        )
        function(event(breach(71, at=world.clock.now, device="d-0")))
        world.dynamodb.put_item(
            TableName=READINGS,
            Item={
                "device_id": {"S": "d-1"},
                "reading_id": {"S": "2026-11-22T12:02:30.000000Z#0"},
                "uploaded_at": {"S": "2026-11-22T12:02:30.000000Z"},
                "metrics": {"M": {"temperature": {"S": "hot"}}},
            },
        )
        with pytest.raises(KeyError):
            function(SWEEP)
    assert {"opened", "rejected", "resolved", "silent"} <= set(world.kinds())
    assert exercised.grants == for_own_use(ALERT)
    assert exercised.places == places_of_calls("alert", "shared")
