"""Is anything lost, or doubled? Reads the world as it ended, and what was uploaded; no code of the functions.

Lost: a reading, a breach or a rejected record that is neither where it belongs nor in a queue with an alarm on it; a
message that nobody will send any more. Doubled: a reading stored twice or wrong, an e-mail sent again outside of the
window between SNS accepting it and the SENT mark.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

from proof import inbox
from proof.expected import Breach, Expected, Reading, expected, is_clear, newest, pairs
from proof.expressions import Item
from proof.inbox import Told
from proof.pipeline import ATTEMPTS
from proof.world import World

_SETTLED = ("SENT", "DIGESTED")
_EXCERPT = 1024


@dataclass(kw_only=True)
class Verdict:
    """What was found: sentences, and counts of what is allowed.

    `repeats` are e-mails sent again inside the window, `late` breaches that came after their alert had ended, `parked`
    events that wait in a queue.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeats: int = 0
    late: int = 0
    parked: int = 0


def check(world: World) -> Verdict:
    """Judge a world in which nothing is due any more."""
    return _Checker(world).run()


class _Checker:
    """One judgement."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._verdict = Verdict(parked=len(world.parked))
        self._documents = [world.thresholds, *(text for _, text in world.changes)]
        self._objects = [expected(stored, thresholds=self._documents) for stored in world.objects.values()]
        self._stored = [item for item in world.readings.rows.values() if not _is_note(item)]
        self._notes = {(item["device_id"]["S"], item["reading_id"]["S"]) for item in world.readings.rows.values()}
        self._found = Counter(map(_reading_of, self._stored))
        self._told = frozenset(each for mail in world.mails for each in inbox.told(mail))
        self._parked = [parked.event for parked in world.parked]
        self._handled = [d.event for d in world.deliveries if d.function == "alert" and d.failed is None]

    def run(self) -> Verdict:
        for each in self._objects:
            # An object that waits in ingest's queue will come again whole, unless it is noted as taken in.
            if not self._waits(each) or self._is_noted(each):
                self._readings(each)
                self._breaches(each)
                self._rejects(each)
        self._nothing_else_is_stored()
        self._emails()
        self._nothing_is_stuck()
        self._nothing_fails_of_itself()
        self._alerts_end()
        return self._verdict

    def _lost(self, what: str) -> None:
        self._verdict.lost.append(what)

    def _waits(self, each: Expected) -> bool:
        return any(
            record["s3"]["object"]["versionId"] == each.stored.version
            and unquote_plus(record["s3"]["object"]["key"]) == each.stored.key
            for event in self._parked
            for record in event.get("Records", [])
        )

    def _is_noted(self, each: Expected) -> bool:
        return any(kind.startswith("#objects#") and name == each.stored.version for kind, name in self._notes)

    def _readings(self, each: Expected) -> None:
        for reading in each.readings - self._found.keys():
            self._lost(f"reading not stored: {reading.device} {reading.at} of {each.stored.key}")
        for device in {reading.device for reading in each.readings}:
            if not any(kind.startswith("#devices#") and name == device for kind, name in self._notes):
                self._lost(f"device not named, so its silence would not be noticed: {device}")

    def _nothing_else_is_stored(self) -> None:
        all_good = frozenset().union(*(each.readings for each in self._objects))
        for reading, times in self._found.items():
            if reading not in all_good:
                self._verdict.doubled.append(f"stored, but nobody uploaded it so: {reading.device} {reading.at}")
            elif times > 1:
                self._verdict.doubled.append(f"stored {times} times: {reading.device} {reading.at}")
        versions = {(each.stored.key, each.stored.version) for each in self._objects}
        for item in self._stored:
            source = item["source"]["M"]
            at = item["reading_id"]["S"].partition("#")[0]
            if (source["key"]["S"], source["version_id"]["S"]) not in versions or at != _reading_of(item).at:
                self._verdict.doubled.append(f"stored under a wrong name: {item['reading_id']['S']}")

    def _breaches(self, each: Expected) -> None:
        for breach in each.breaches:
            about = [one for one in self._told if one.opens and one.device == breach.device]
            about = [one for one in about if one.metric == breach.metric]
            if any(one.gravity >= breach.gravity for one in about) or self._event_waits(each, breach):
                continue
            if about and self._is_late(each, breach):
                self._verdict.late += 1
                continue
            self._lost(f"breach not told: {breach.device} {breach.metric} of {each.stored.key}")

    def _event_waits(self, each: Expected, breach: Breach) -> bool:
        return any(_is_of(event, each, breach) for event in self._parked)

    def _is_late(self, each: Expected, breach: Breach) -> bool:
        """Tell whether the breach was taken note of, but belongs to an alert that has ended (docs/alerts.md)"""
        key = f"{breach.device}#{breach.metric}"
        ended = self._world.alerts.rows.get((key,), {}).get("settled_through", {"S": ""})["S"]
        return breach.last_at < ended and any(_is_of(event, each, breach) for event in self._handled)

    def _rejects(self, each: Expected) -> None:
        if not each.bad:
            return
        stored = each.stored
        bodies = [body for key, body in self._world.written.items() if stored.key in key and stored.version in key]
        lines = [json.loads(line) for body in bodies for line in body.splitlines()]
        records = [line["record"].strip() for line in lines if line["reason"]]
        if records != [raw[:_EXCERPT].decode() for raw in each.bad]:
            self._lost(f"quarantine not complete: {len(records)} of {len(each.bad)} records of {stored.key}")
        folder = stored.key.removeprefix("incoming/").rpartition("/")[0]
        mailed = any(one.label == "REJECTED" and one.device == folder for one in self._told)
        if not mailed and not any(_is_of(event, each, None) for event in self._parked):
            self._lost(f"rejected records not told: {stored.key}")

    def _emails(self) -> None:
        doubled, self._verdict.repeats = inbox.repeats(
            self._world.mails, marks=self._world.marks, faults=self._world.faults
        )
        self._verdict.doubled += doubled
        for mail in self._world.mails:
            if not inbox.digest_is_whole(mail):
                self._lost(f"a digest does not name what it counts: {mail.subject}")
        for (device, metric), told in _by_metric(self._told).items():
            ends = sum(one.label == "RESOLVED" for one in told)
            lowered = sum(one.text.startswith("no longer critical") for one in told)
            escalations = sum(one.escalates for one in told)
            crossings = sum(one.crosses for one in told)
            if sum(one.opens for one in told) - escalations - crossings > 1 + ends:
                self._verdict.doubled.append(f"alert opened twice: {device} {metric}")
            if escalations > 1 + ends + lowered:
                self._verdict.doubled.append(f"alert escalated twice: {device} {metric}")

    def _nothing_is_stuck(self) -> None:
        for item in self._world.alerts.rows.values():
            for message in item.get("outbox", {"L": []})["L"]:
                if message["M"]["status"]["S"] not in _SETTLED:
                    self._lost(f"message never sent: {message['M']['message_id']['S']}")

    def _alerts_end(self) -> None:
        """Find alerts that the last sweep left open, if it went undisturbed, although the newest reading is clear."""
        last = self._world.deliveries[-1]
        if last.failed is not None or self._world.faults.get(last.invocation):
            return
        stored = (reading for reading in newest(self._objects) if reading in self._found)
        for reading in stored:
            for metric, value in reading.metrics:
                is_open = "alert" in self._world.alerts.rows.get((f"{reading.device}#{metric}",), {})
                if is_open and all(is_clear(metric, value, document) for document in self._documents):
                    self._lost(f"alert never ended: {reading.device} {metric}")

    def _nothing_fails_of_itself(self) -> None:
        """Find what would fail on AWS however often it came again: at its last try, and not of a fault."""
        for request in dict.fromkeys(self._world.refused):
            self._lost(f"refused by AWS: {request}")
        for delivery in self._world.deliveries:
            last = delivery.failed is not None and delivery.attempt == ATTEMPTS
            if last and not self._world.faults.get(delivery.invocation):
                self._lost(f"{delivery.function} fails without a fault: {delivery.failed}")


def _is_note(item: Item) -> bool:
    return bool(item["device_id"]["S"].startswith("#"))


def _reading_of(item: Item) -> Reading:
    texts = {
        member: {name: value["S"] for name, value in item.get(member, {"M": {}})["M"].items()}
        for member in ("units", "tags")
    }
    return Reading(
        device=item["device_id"]["S"],
        at=item["reading_id"]["S"].partition("#")[0],
        metrics=tuple(sorted((name, Decimal(value["N"])) for name, value in item["metrics"]["M"].items())),
        units=pairs(texts["units"]),
        tags=pairs(texts["tags"]),
    )


def _is_of(event: dict[str, Any], each: Expected, breach: Breach | None) -> bool:
    """Tell whether an event of the bus is about this object and this breach, or (None) about its rejected records."""
    detail = event.get("detail", {})
    source = detail.get("object", {})
    if (source.get("key"), source.get("version_id")) != (each.stored.key, each.stored.version):
        return False
    if breach is None:
        return event.get("detail-type") == "ReadingsRejected"
    return (detail.get("device_id"), detail.get("metric")) == (breach.device, breach.metric)


def _by_metric(told: frozenset[Told]) -> dict[tuple[str, str], list[Told]]:
    found: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        if one.gravity or one.label == "RESOLVED":
            found.setdefault((one.device, one.metric), []).append(one)
    return found
