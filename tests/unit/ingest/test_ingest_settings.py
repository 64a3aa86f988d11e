from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.ingest.settings import Settings, SettingsError

ENVIRONMENT = {
    "STAGE": "dev",
    "READINGS_TABLE": "readings",
    "EVENT_BUS": "bus",
    "THRESHOLDS_PARAMETER": "/p",
    "INCOMING_PREFIX": "incoming/",
    "QUARANTINE_PREFIX": "quarantine/",
}


@pytest.mark.parametrize(("days", "retention"), [(None, None), ("", None), ("1", timedelta(days=1))])
def test_readings_are_kept_for_ever_unless_days_are_set(days: str | None, retention: timedelta | None) -> None:
    environment = ENVIRONMENT if days is None else {**ENVIRONMENT, "RETENTION_DAYS": days}
    settings = Settings.from_env(environment)
    assert settings == Settings(
        stage="dev",
        readings_table="readings",
        event_bus="bus",
        thresholds_parameter="/p",
        incoming_prefix="incoming/",
        quarantine_prefix="quarantine/",
        retention=retention,
    )


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set"):
        Settings.from_env({**ENVIRONMENT, name: ""})


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "ten", "36501", "१"])
def test_days_that_are_no_number_of_days_are_named(days: str) -> None:
    with pytest.raises(SettingsError, match="RETENTION_DAYS"):
        Settings.from_env({**ENVIRONMENT, "RETENTION_DAYS": days})


@pytest.mark.parametrize("devices", ["0", "1000001", "many"])
def test_a_source_without_a_number_of_devices_is_named(devices: str) -> None:
    assert Settings.from_env(ENVIRONMENT).devices_per_source == 20_000
    assert Settings.from_env({**ENVIRONMENT, "DEVICES_PER_SOURCE": "1000000"}).devices_per_source == 1_000_000
    with pytest.raises(SettingsError, match="DEVICES_PER_SOURCE"):
        Settings.from_env({**ENVIRONMENT, "DEVICES_PER_SOURCE": devices})


def test_quarantine_inside_incoming_would_never_end() -> None:
    with pytest.raises(SettingsError, match="QUARANTINE_PREFIX"):
        Settings.from_env({**ENVIRONMENT, "QUARANTINE_PREFIX": "incoming/bad/"})
