"""The environment of the ingest function, read once and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from lambdas.ingest.decoding.limits import MOST_DEVICES
from lambdas.ingest.domain.ownership import ANY_DEVICE, DeviceIdentity, Ownership
from lambdas.shared.keys import LEAST_PARTITIONS, MOST_PARTITIONS


class SettingsError(ValueError):
    """An environment variable is missing or wrong; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Names of what ingest uses. `retention` is how long readings are kept after their upload; None is for ever.

    `devices_per_source` is how many devices one source may have registered and alerted in an hour,
    `registry_partitions` over how many partitions the registry of devices is spread.
    """

    stage: str
    readings_table: str
    event_bus: str
    thresholds_parameter: str
    incoming_prefix: str
    quarantine_prefix: str
    retention: timedelta | None
    ownership: Ownership = ANY_DEVICE
    devices_per_source: int = MOST_DEVICES
    registry_partitions: int = LEAST_PARTITIONS

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the settings. Raises SettingsError."""
        settings = cls(
            stage=_text(env, "STAGE"),
            readings_table=_text(env, "READINGS_TABLE"),
            event_bus=_text(env, "EVENT_BUS"),
            thresholds_parameter=_text(env, "THRESHOLDS_PARAMETER"),
            incoming_prefix=_text(env, "INCOMING_PREFIX"),
            quarantine_prefix=_text(env, "QUARANTINE_PREFIX"),
            retention=_days(env, "RETENTION_DAYS"),
            ownership=_ownership(env),
            devices_per_source=_number(env, "DEVICES_PER_SOURCE", what="devices", most=1_000_000) or MOST_DEVICES,
            registry_partitions=_number(
                env, "REGISTRY_PARTITIONS", what="partitions", least=LEAST_PARTITIONS, most=MOST_PARTITIONS
            )
            or LEAST_PARTITIONS,
        )
        if settings.quarantine_prefix.startswith(settings.incoming_prefix):
            raise SettingsError(
                f"QUARANTINE_PREFIX ({settings.quarantine_prefix}) is inside INCOMING_PREFIX "
                f"({settings.incoming_prefix}); what is quarantined would be ingested again"
            )
        return settings


def _text(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise SettingsError(f"the environment variable {name} is not set")
    return env[name]


def _ownership(env: Mapping[str, str]) -> Ownership:
    identity = env.get("DEVICE_IDENTITY") or "open"
    if identity not in ("open", "folder"):
        raise SettingsError(f"the environment variable DEVICE_IDENTITY is {identity!r}; it must be open or folder")
    gateways = tuple(glob for glob in env.get("GATEWAYS", "").split(",") if glob)
    return Ownership(identity=cast(DeviceIdentity, identity), gateways=gateways)


def _days(env: Mapping[str, str], name: str) -> timedelta | None:
    days = _number(env, name, what="days", most=36_500)
    return timedelta(days=days) if days else None


def _number(env: Mapping[str, str], name: str, *, what: str, most: int, least: int = 1) -> int | None:
    text = env.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise SettingsError(
            f"the environment variable {name} is {text!r}; it must be a number of {what} from {least} to {most}"
        )
    return int(text)
