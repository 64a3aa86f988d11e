"""Does what a person does to an alert stay done? Reads the ledger, all that was ever written there, and the e-mails.

An acknowledgement is never lost: the running alert has it, or the ended one its name; and no reminder was decided on
after it. What was closed has ended, and its e-mail has left.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.world.expressions import Item
from tests.faults.world.world import HandWrite, World

_STOPPED = ("reminder", "unattended")


def violations(world: World) -> tuple[list[str], list[str]]:
    """Return a sentence for each thing that was lost, and for each that was mailed although it must not be."""
    lost, duplicated = [], []
    for write in world.by_hand:
        item = world.alerts.rows[write.key,]
        alert: Item = item.get("alert", {"M": {}})["M"]
        is_running = alert.get("alert_id") == {"S": write.alert_id}
        ended = next((e["M"] for e in item["ended"]["L"] if e["M"]["alert_id"]["S"] == write.alert_id), None)
        if write.deed == "closed":
            if is_running:
                lost.append(f"closed by hand, and still running: {write.key}")
            if ended is not None and not _is_mailed(world, write):
                lost.append(f"closed by hand, and not mailed: {write.key}")
        elif "acknowledged" not in alert if is_running else "acknowledged_by" not in (ended or {}):
            lost.append(f"acknowledgement lost: {write.key}")
        else:
            duplicated += [f"mailed although it was acknowledged: {name}" for name in set(_mailed_later(world, write))]
    return lost, duplicated


def _is_mailed(world: World, write: HandWrite) -> bool:
    """Return whether the end was mailed: by itself, or as one of a digest."""
    device = write.key.partition("#")[0]
    return any("[RESOLVED]" in mail.subject + mail.body and device in mail.subject + mail.body for mail in world.mails)


def _mailed_later(world: World, write: HandWrite) -> Iterator[str]:
    """Yield the ids of messages that were decided on later and that an acknowledgement stops."""
    at = write.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for _, item in world.marks:
        for message in (member["M"] for member in item.get("outbox", {"L": []})["L"]):
            name, kind = message["message_id"]["S"], message["kind"]["S"]
            if name.startswith(write.alert_id) and kind in _STOPPED and message["created_at"]["S"] > at:
                yield name
