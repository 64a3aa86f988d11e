"""Takes a device out of the registry, and closes what it has open. Its readings stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.alert.adapters.registry import Registry
from lambdas.alert.domain.models import Decision, Silence
from lambdas.shared.keys import registry_partitions
from sensorctl.alerts import by_hand
from sensorctl.alerts.by_hand import Running

WHY = "the device was taken out of the registry"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What there is of a device: whether it is registered, and what of it is running in the ledger."""

    is_registered: bool
    alerts: tuple[Running, ...] = ()
    silence: Running | None = None


def known(dynamodb: Any, device: str, *, readings: str, alerts: str, now: datetime) -> Known:
    """Look a device up in the registry (of the readings table), and in the index of the ledger."""
    registered = Registry(dynamodb, table=readings).walk(prefix=device)
    entries = [entry for entry in by_hand.running(dynamodb, table=alerts, now=now) if entry.device_id == device]
    return Known(
        is_registered=any(found.key == device for page in registered for found in page),
        alerts=tuple(entry for entry in entries if entry.alert is not None),
        silence=next((entry for entry in entries if entry.record == "silence"), None),
    )


def forget(dynamodb: Any, device: str, *, readings: str, alerts: str, of: Known, by: str, now: datetime) -> None:
    """Take the device out of the registry, then close what is running.

    In this order: a sweep in between must not find it silent again. Done again after an error, it goes on. A device may
    stand in several partitions of the registry, whose number was raised since.
    """
    for partition in registry_partitions(Registry(dynamodb, table=readings).count()):
        dynamodb.delete_item(TableName=readings, Key={"device_id": {"S": partition}, "reading_id": {"S": device}})
    for entry in of.alerts:
        by_hand.close(dynamodb, table=alerts, entry=entry, by=by, why=WHY, now=now)
    if of.silence is not None:
        by_hand.write(dynamodb, table=alerts, key=of.silence.alert_key, decide=_ended, now=now)


def _ended(state: Silence) -> Decision[Silence]:
    """Return a silence that nobody waits to end; like that of a device without any reading, it ends without a word."""
    return Decision(state=Silence(device_id=state.device_id, source=state.source), outcome="dropped")
