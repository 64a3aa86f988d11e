"""What ingest calls is what ingest is granted: nothing missing, nothing more."""

from typing import Any

import pytest

from tests.grants import INGEST, LANDING, PARAMETER, for_own_use
from tests.unit.exercised import places_of_calls, recording
from tests.unit.ingest.ingest_kit import text
from tests.unit.ingest.ingest_world import BUCKET, BUS, TABLE, World
from tests.unit.ingest.ingest_world import PARAMETER as PARAMETER_NAME
from tests.unit.ingest.test_handler import HOT


def resource(operation: str, params: dict[str, Any]) -> str:
    """Return the granted resource that a call is about; a call about anything else fails here."""
    if operation in ("GetObject", "PutObject"):
        assert params["Bucket"] == BUCKET
        return f"{LANDING}/{params['Key'].split('/')[0]}/*"
    if operation == "BatchWriteItem":
        assert set(params["RequestItems"]) == {TABLE}
        return "${StoreReadings.Arn}"
    if operation == "PutEvents":
        assert {(entry["EventBusName"], entry["Source"]) for entry in params["Entries"]} == {(BUS, "sensors.ingest")}
        return "${FanoutBus.Arn}"
    assert (operation, params) == ("GetParameter", {"Name": PARAMETER_NAME})
    return PARAMETER


def test_ingest_is_granted_what_it_calls_and_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    many = b"\n".join(text(f"d-{number}", metrics={"temperature": 99}) for number in range(60))
    with recording(monkeypatch, resource) as exercised:
        handler = world.handler()
        for body in (text(), HOT, b"nonsense", many, HOT + b"\n{}"):
            handler({"Records": [world.upload("incoming/boiler-7/a.json", body)]}, None)
    assert exercised.grants == for_own_use(INGEST)
    assert exercised.places == places_of_calls("ingest", "shared")
