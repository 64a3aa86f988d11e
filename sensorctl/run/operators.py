"""What the people of the run's story do: set thresholds, mute, acknowledge, as the commands of that name do it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from lambdas.alert.adapters.ledger_items import alert_key
from lambdas.alert.domain.mutes import Mute
from lambdas.alert.domain.notices import Acknowledgement
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.alerts import by_hand
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.mutes import stored as mutes
from sensorctl.simulate.fleet import GATEWAY

# How long the story lets alerts grow old: longer than a reminder and an escalation take.
HOURS = timedelta(hours=5)
_OPERATOR = "operator"


def with_their_rules(document: str) -> str:
    """Return the thresholds with what the story needs: ovens that must not go unattended, tanks behind a gateway.

    Raises ThresholdsError for a document that cannot be used.
    """
    Thresholds.parse(document)
    thresholds: dict[str, Any] = json.loads(document)
    usual = thresholds.get("metrics", {}).get("temperature", {"unit": "Cel", "warning": {"above": 70}})
    oven = {**usual, "escalate_after": "30m", "runbook": "Open the door, call the shift"}
    thresholds["devices"] = {**thresholds.get("devices", {}), "oven-*": {"temperature": oven}}
    thresholds["behind"] = {**thresholds.get("behind", {}), "tank-*": GATEWAY}
    return json.dumps(thresholds)


def set_thresholds(access: Access, pipeline: Pipeline, document: str) -> None:
    """Put the document into force at once, also for functions that are running: they keep theirs for a minute."""
    access.client("ssm").put_parameter(Name=pipeline.thresholds_parameter, Value=document, Overwrite=True)
    functions = access.client("lambda")
    for name in (pipeline.ingest_function, pipeline.alert_function):
        # A change of the configuration makes new environments; the memory stays what it is.
        memory = functions.get_function_configuration(FunctionName=name)["MemorySize"]
        functions.update_function_configuration(FunctionName=name, MemorySize=memory)


def mute(access: Access, pipeline: Pipeline, device: str, *, why: str, now: datetime) -> str:
    """Mute a device for three hours; return the mute's id."""
    wanted = Mute(
        mute_id="", devices=device, metric=None, begin=now, until=now + timedelta(hours=3), by=_OPERATOR, why=why
    )
    return mutes.add(access.client("dynamodb"), table=pipeline.alerts_table, mute=wanted, now=now).mute_id


def end_mute(access: Access, pipeline: Pipeline, mute_id: str, *, now: datetime) -> None:
    """End a mute before its time."""
    mutes.end(access.client("dynamodb"), table=pipeline.alerts_table, mute_ids=(mute_id,), now=now)


def acknowledge(access: Access, pipeline: Pipeline, device: str, *, now: datetime) -> None:
    """Acknowledge the open alert of a device's temperature. Raises LookupError when none is open."""
    dynamodb, table = access.client("dynamodb"), pipeline.alerts_table
    entry = next(
        entry
        for entry in by_hand.running(dynamodb, table=table, now=now)
        if entry.alert_key == alert_key(device, "temperature")
    )
    given = Acknowledgement(by=_OPERATOR, at=now, note="a new gasket is on its way", until=None)
    if not by_hand.acknowledge(dynamodb, table=table, entry=entry, given=given):
        raise LookupError(f"no alert of {device} is open")


def is_open(access: Access, pipeline: Pipeline, device: str) -> bool:
    """Return whether the alert of a device's temperature is open."""
    item = access.client("dynamodb").get_item(
        TableName=pipeline.alerts_table, Key={"alert_key": {"S": alert_key(device, "temperature")}}
    )
    return "Item" in item and item["Item"]["status"]["S"] == "open"
