"""Is anything lost, duplicated or overdue? Reads the world as it ended and the uploads; no code of the functions.

Lost: a reading, a breach or a rejected record that is neither where it belongs nor in a queue with an alarm on it; a
message that nobody will send any more. Doubled: a reading stored twice or wrong, an e-mail sent again outside of the
window between SNS accepting it and the SENT mark. Overdue: an e-mail about an honest device (one whose source does
not flood) that left later than two sweeps after it could first be sent.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.faults import by_hand, timeliness
from tests.faults.expected import Breach, Event, Expected, Reading, expected, is_clear, newest, pairs
from tests.faults.world import inbox
from tests.faults.world.expressions import Item
from tests.faults.world.flow import ATTEMPTS
from tests.faults.world.inbox import Headline
from tests.faults.world.world import World

FINDINGS = ("lost", "duplicated", "overdue")
_SETTLED = ("SENT", "DIGESTED")
_EXCERPT = 1024


@dataclass(kw_only=True)
class Verdict:
    """What was found: sentences, and counts of what is allowed.

    `allowed_repeats` are e-mails sent again inside the window, `late_breaches` those that came after their alert had
    ended, `in_dead_letter_queue` events that wait in a failure or dead-letter queue.
    """

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    overdue: list[str] = field(default_factory=list)
    allowed_repeats: int = 0
    late_breaches: int = 0
    in_dead_letter_queue: int = 0

    @property
    def bad(self) -> list[str]:
        """Return all violations."""
        return [*self.lost, *self.duplicated, *self.overdue]

    def findings(self) -> dict[str, list[str]]:
        """Return the sentences by kind."""
        return {"lost": self.lost, "duplicated": self.duplicated, "overdue": self.overdue}

    def counts(self) -> dict[str, int]:
        """Return how much there is of each kind."""
        found = {kind: len(sentences) for kind, sentences in self.findings().items()}
        return {
            **found,
            "allowed_repeats": self.allowed_repeats,
            "late_breaches": self.late_breaches,
            "in_dead_letter_queue": self.in_dead_letter_queue,
        }


def check(world: World) -> Verdict:
    """Judge a world in which nothing is due any more."""
    return _Checker(world).run()


class _Checker:
    """Judges one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._verdict = Verdict(in_dead_letter_queue=len(world.dead_letters))
        self._objects = [expected(stored, thresholds=world.documents) for stored in world.objects.values()]
        rows = world.readings.rows
        self._notes = {key for key in rows if key[0].startswith("#")}
        self._stored = [item for key, item in rows.items() if key not in self._notes]
        self._found = Counter(map(_reading_of, self._stored))
        self._headlines = frozenset(line for mail in world.mails for line in inbox.headlines(mail))
        self._floods = set(map(inbox.flood_of, world.mails))
        self._dead_letters = [letter.event for letter in world.dead_letters]
        self._handled = [d.event for d in world.deliveries if d.function == "alert" and d.failed is None]

    def run(self) -> Verdict:
        for item in self._objects:
            # An object that waits in ingest's queue will come again whole, unless it is noted as taken in.
            waits = any(map(item.is_notified_by, self._dead_letters))
            if not waits or self._is_noted("objects", item.stored.version):
                self._readings(item)
                self._breaches(item)
                self._rejects(item)
        self._nothing_else_is_stored()
        self._emails()
        self._nothing_is_stuck()
        self._what_was_done_by_hand_stays_done()
        self._nothing_fails_without_a_fault()
        self._alerts_end()
        self._verdict.overdue = timeliness.overdue(self._world, self._objects)
        return self._verdict

    def _lost(self, what: str) -> None:
        self._verdict.lost.append(what)

    def _duplicated(self, what: str) -> None:
        self._verdict.duplicated.append(what)

    def _is_noted(self, kind: str, name: str) -> bool:
        return any(note[0].startswith(f"#{kind}#") and note[1] == name for note in self._notes)

    def _readings(self, item: Expected) -> None:
        for reading in item.readings - self._found.keys():
            self._lost(f"reading not stored: {reading.device} {reading.at} of {item.stored.key}")
        for device in {reading.device for reading in item.readings}:
            if not self._is_noted("devices", device):
                self._lost(f"device not registered, so its silence would not be noticed: {device}")

    def _nothing_else_is_stored(self) -> None:
        uploaded = frozenset().union(*(item.readings for item in self._objects))
        for reading, times in self._found.items():
            if reading not in uploaded:
                self._duplicated(f"stored, but nobody uploaded it so: {reading.device} {reading.at}")
            elif times > 1:
                self._duplicated(f"stored {times} times: {reading.device} {reading.at}")
        for stored in self._stored:
            source = stored["source"]["M"]
            if (source["key"]["S"], source["version_id"]["S"]) not in self._world.objects:
                self._duplicated(f"stored under a wrong name: {stored['reading_id']['S']}")

    def _breaches(self, item: Expected) -> None:
        for breach in item.breaches:
            about = [line for line in self._headlines if line.opens and _key(line) == _key(breach)]
            mailed = any(line.severity >= breach.severity for line in about)
            if mailed or self._is_flood(item, breach) or _is_reported(self._dead_letters, item, breach):
                continue
            if self._is_over_under_a_mute(breach):
                continue
            if about and self._is_late(item, breach):
                self._verdict.late_breaches += 1
            else:
                self._lost(f"breach not mailed: {breach.device} {breach.metric} of {item.stored.key}")

    def _alert(self, device: str, metric: str) -> Item:
        return self._world.alerts.rows.get((f"{device}#{metric}",), {})

    def _is_flood(self, item: Expected, breach: Breach) -> bool:
        """Return whether the alert is open, and an e-mail about its source covers it."""
        alert: Item = self._alert(*_key(breach)).get("alert", {"M": {}})["M"]
        return "flood" in alert and item.stored.key.split("/")[1] in self._floods

    def _is_over_under_a_mute(self, breach: Breach) -> bool:
        """Return whether the metric's last alert began after a mute did, and ended before its end was looked after.

        So it is where a sweep that nothing disturbed has had its turn since the mute ended: whatever is open is mailed.
        """
        marks = self._world.marks
        mutes = [(call, bool(item["mutes"]["L"])) for call, item in marks if item["alert_key"]["S"] == "mutes"]
        begun = min((call for call, some in mutes if some), default=None)
        if begun is None:
            return False
        ended = min((call for call, some in mutes if not some), default=begun)
        first_look = next(
            (
                delivery.invocation
                for delivery in self._world.deliveries
                if delivery.function == "sweep"
                and delivery.failed is None
                and not self._world.faults.get(delivery.invocation)
                and min(self._calls_of(delivery.invocation)) > ended
            ),
            None,
        )
        looked = max(self._calls_of(first_look)) if first_look is not None else len(self._world.calls)
        key = f"{breach.device}#{breach.metric}"
        own = [(call, "alert" in item) for call, item in marks if item["alert_key"]["S"] == key]
        opened = max(
            (call for place, (call, is_open) in enumerate(own) if is_open and (place == 0 or not own[place - 1][1])),
            default=0,
        )
        closed = max((call for call, is_open in own if not is_open), default=None)
        return opened >= begun and closed is not None and opened < closed <= looked

    def _calls_of(self, invocation: int) -> list[int]:
        return [number for number, call in enumerate(self._world.calls, 1) if call.invocation == invocation]

    def _is_late(self, item: Expected, breach: Breach) -> bool:
        """Return whether the breach was handled, but belongs to an alert that has ended (docs/alerts.md)."""
        ended = self._alert(*_key(breach)).get("settled_through", {"S": ""})["S"]
        return breach.last_at < ended and _is_reported(self._handled, item, breach)

    def _rejects(self, item: Expected) -> None:
        if not item.bad:
            return
        stored = item.stored
        bodies = [body for key, body in self._world.written.items() if stored.key in key and stored.version in key]
        lines = [json.loads(line) for body in bodies for line in body.splitlines()]
        records = [line["record"].strip() for line in lines if line["reason"]]
        if records != [raw[:_EXCERPT].decode() for raw in item.bad]:
            self._lost(f"quarantine not complete: {len(records)} of {len(item.bad)} records of {stored.key}")
        folder = stored.key.removeprefix("incoming/").rpartition("/")[0]
        mailed = any(line.label == "REJECTED" and line.device == folder for line in self._headlines)
        if not mailed and not _is_reported(self._dead_letters, item, None):
            self._lost(f"rejected records not mailed: {stored.key}")

    def _emails(self) -> None:
        world = self._world
        duplicated, self._verdict.allowed_repeats = inbox.duplicates(
            world.mails, marks=world.marks, faults=world.faults
        )
        self._verdict.duplicated += duplicated
        headlines = {document["id"]: document["content"]["title"] for document in world.notifications}
        for mail in world.mails:
            if mail.subject not in headlines.values():
                self._lost(f"an e-mail without its document: {mail.subject}")
            if not inbox.digest_is_whole(mail):
                self._lost(f"a digest does not name what it counts: {mail.subject}")
        by_metric: dict[tuple[str, str], list[Headline]] = defaultdict(list)
        for line in self._headlines:
            if line.severity or line.label == "RESOLVED":
                by_metric[_key(line)].append(line)
        for (device, metric), lines in by_metric.items():
            ends = sum(line.label == "RESOLVED" for line in lines)
            lowered = sum(line.text.startswith("no longer critical") for line in lines)
            escalations = sum(line.escalates for line in lines)
            crossings = sum(line.crosses for line in lines)
            if sum(line.opens for line in lines) - escalations - crossings > 1 + ends:
                self._duplicated(f"alert opened twice: {device} {metric}")
            if escalations > 1 + ends + lowered:
                self._duplicated(f"alert escalated twice: {device} {metric}")

    def _nothing_is_stuck(self) -> None:
        for item in self._world.alerts.rows.values():
            for message in item.get("outbox", {"L": []})["L"]:
                if message["M"]["status"]["S"] not in _SETTLED:
                    self._lost(f"message never sent: {message['M']['message_id']['S']}")

    def _what_was_done_by_hand_stays_done(self) -> None:
        lost, duplicated = by_hand.violations(self._world)
        self._verdict.lost += lost
        self._verdict.duplicated += duplicated

    def _alerts_end(self) -> None:
        """Find alerts that the last sweep left open, if it went undisturbed, although the newest reading is clear."""
        last = self._world.deliveries[-1]
        if last.failed is not None or self._world.faults.get(last.invocation):
            return
        for reading in newest(self._objects):
            for metric, value in reading.metrics if reading in self._found else ():
                is_open = "alert" in self._alert(reading.device, metric)
                if is_open and all(is_clear(metric, value, document) for document in self._world.documents):
                    self._lost(f"alert never ended: {reading.device} {metric}")

    def _nothing_fails_without_a_fault(self) -> None:
        """Find what would fail on AWS at every try: it failed at its last one without a fault."""
        for request in dict.fromkeys(self._world.refused):
            self._lost(f"refused by AWS: {request}")
        for delivery in self._world.deliveries:
            last = delivery.failed is not None and delivery.attempt == ATTEMPTS[delivery.function]
            if last and not self._world.faults.get(delivery.invocation):
                self._lost(f"{delivery.function} fails without a fault: {delivery.failed}")


def _key(about: Headline | Breach) -> tuple[str, str]:
    return about.device, about.metric


def _reading_of(item: Item) -> Reading:
    units, tags = (item.get(member, {"M": {}})["M"] for member in ("units", "tags"))
    return Reading(
        device=item["device_id"]["S"],
        at=item["reading_id"]["S"].partition("#")[0],
        metrics=tuple(sorted((name, Decimal(value["N"])) for name, value in item["metrics"]["M"].items())),
        units=pairs({name: value["S"] for name, value in units.items()}),
        tags=pairs({name: value["S"] for name, value in tags.items()}),
    )


def _is_reported(events: Iterable[Event], item: Expected, breach: Breach | None) -> bool:
    return any(item.is_reported_by(event, breach) for event in events)
