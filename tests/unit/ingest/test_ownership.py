"""Where a stage says so, an upload speaks for the device whose folder it lies in, and a named gateway for others."""

from __future__ import annotations

import pytest

from lambdas.ingest.domain.ownership import Ownership
from lambdas.ingest.settings import Settings, SettingsError
from tests.unit.ingest.ingest_kit import text
from tests.unit.ingest.ingest_world import World

HOT = text("boiler-7", metrics={"temperature": 99})
COOL = text("boiler-7", metrics={"temperature": 20})


def _strict(world: World, gateways: str = "") -> World:
    world.environment |= {"DEVICE_IDENTITY": "folder", "GATEWAYS": gateways}
    return world


@pytest.mark.parametrize(
    "key", ["incoming/press-1/a.json", "incoming/a.json", "incoming//a.json", "incoming/boiler-77/a"]
)
def test_a_reading_in_anothers_name_is_rejected_and_neither_stored_nor_alerted(world: World, key: str) -> None:
    counts = _strict(world).handler()({"Records": [world.upload(key, HOT)]}, None)

    assert (counts["readings_stored"], counts["breaches"], counts["readings_rejected"]) == (0, 0, 1)
    assert world.stored() == []
    (event,) = world.heard()
    assert event["detail"]["reasons"] == {"not_its_device": 1}
    (line,) = world.quarantined(event["detail"]["quarantine_key"])
    assert (line["reason"], line["position"]) == ("not_its_device", "device boiler-7")
    assert "boiler-7" in line["record"]
    assert "gateways" in line["detail"]


def test_its_own_readings_are_stored_beside_foreign_ones(world: World) -> None:
    body = b"\n".join([text("press-1"), HOT, text("press-1", metrics={"temperature": 90})])
    counts = _strict(world).handler()({"Records": [world.upload("incoming/press-1/a.ndjson", body)]}, None)

    assert (counts["readings_stored"], counts["breaches"], counts["readings_rejected"]) == (2, 1, 1)
    assert {item["device_id"]["S"] for item in world.stored()} == {"press-1"}


@pytest.mark.parametrize("gateways", ["gateway-*", "other,gateway-5"])
def test_a_named_gateway_speaks_for_others(world: World, gateways: str) -> None:
    counts = _strict(world, gateways).handler()({"Records": [world.upload("incoming/gateway-5/a.json", HOT)]}, None)

    assert (counts["readings_stored"], counts["breaches"]) == (1, 1)


def test_an_open_stage_takes_any_device_from_anywhere(world: World) -> None:
    assert world.handler()({"Records": [world.upload("incoming/a.json", HOT)]}, None)["readings_stored"] == 1


def test_no_pattern_of_gateways_lets_uploads_in_no_folder_through() -> None:
    assert Ownership(identity="folder", gateways=("*",)).only_device("incoming/a.json") == ""


def test_a_wrong_setting_is_named() -> None:
    names = ("STAGE", "READINGS_TABLE", "EVENT_BUS", "THRESHOLDS_PARAMETER", "INCOMING_PREFIX", "QUARANTINE_PREFIX")
    with pytest.raises(SettingsError, match="DEVICE_IDENTITY is 'strict'"):
        Settings.from_env({**dict.fromkeys(names, "x"), "INCOMING_PREFIX": "incoming/", "DEVICE_IDENTITY": "strict"})
