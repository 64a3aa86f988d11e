"""Derives what the pipeline must do with what was sent, independently of the functions that it checks.

From uploads in the order they were sent, and the thresholds in force, follow the readings that must be stored, the
rejected records and values by reason, and the e-mails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.shared.thresholds.thresholds import Crossing, Thresholds
from lambdas.shared.times import stamped_time
from sensorctl.simulate.fleet import SentObject, SentReading

ReadingKey = tuple[str, str, tuple[tuple[str, float], ...]]


@dataclass(frozen=True, order=True)
class ExpectedMail:
    """One e-mail; `subject` is the device with the metric, or the source prefix of rejected records."""

    kind: str
    severity: str
    subject: str


@dataclass
class Expected:
    """Grows with each upload; all counts are of distinct things unless the name says otherwise.

    `lag` is how long ago the readings of an upload may have been taken when it is sent. Of the devices that are `led`
    each e-mail but a reminder is expected: whoever sends lets their time pass.
    """

    thresholds: Thresholds
    lag: timedelta = timedelta(0)
    led: frozenset[str] = frozenset()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    readings: set[ReadingKey] = field(default_factory=set)
    duplicates_sent: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    bad_values: Counter[str] = field(default_factory=Counter)
    breaching: int = 0
    mails: list[ExpectedMail] = field(default_factory=list)
    _open: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # severity by side of the range
    _rejecting: set[tuple[str, str]] = field(default_factory=set)
    _silent: set[str] = field(default_factory=set)
    _newest: dict[tuple[str, str], tuple[datetime, float]] = field(default_factory=dict)

    def add(self, uploads: Iterable[SentObject]) -> None:
        """Take in the uploads of one round."""
        for upload in uploads:
            rejects, bad_values = Counter(upload.rejects), Counter(upload.bad_values)
            for reading in upload.readings:
                self._add_reading(reading)
                not_judged = self._not_judged(reading)
                bad_values.update(not_judged)
                rejects["no_metrics"] += len(not_judged) == len(reading.metrics) and "unit_mismatch" not in not_judged
            rejects = +rejects
            self._judge(upload)
            self.rejects.update(rejects)
            self.bad_values.update(bad_values)
            if rejects or bad_values:
                self._mail_rejects(upload.key.rsplit("/", 1)[0])

    def sweep(self, *, now: datetime) -> None:
        """Take in that the sweep has looked at everything: what is clear again ends, who says nothing is silent."""
        for (device, metric), sides in list(self._open.items()):
            rule = self.thresholds.rule_for(device, metric)
            if rule is not None and rule.is_clear(self._newest[device, metric][1]):
                del self._open[device, metric]
                self.mails.append(ExpectedMail("resolved", _worst(sides.values()), f"{device} {metric}"))
        for device, seen in self._last_seen().items():
            limit = self.thresholds.silent_after(device)
            silent = limit is not None and now - seen > limit
            mail = ExpectedMail("silent" if silent else "back", "none", f"{device} -")
            if silent != (device in self._silent) and self.is_predictable(mail):
                self._silent ^= {device}
                self.mails.append(mail)

    def is_predictable(self, mail: ExpectedMail) -> bool:
        """Return whether such a mail is predictable, and does not depend on when the sweep looks.

        A reminder is not, an alert that waits out a `for`, the silence of a device behind a gateway, and one so short
        that readings are too old for it when they come: a run compresses minutes into seconds.
        """
        device, _, metric = mail.subject.partition(" ")
        if device in self.led:
            return mail.kind != "reminder"
        if mail.kind in {"silent", "back"}:
            limit = self.thresholds.silent_after(device)
            gateways = self.thresholds.gateways
            return not gateways.of(device) and device not in gateways.ids and (limit is None or limit > self.lag)
        rule = self.thresholds.rule_for(device, metric) if metric else None
        return mail.kind != "reminder" and (rule is None or not rule.hold)

    def _last_seen(self) -> dict[str, datetime]:
        """Return when each device was last seen; a gateway stands for those behind it, which fall silent with it."""
        seen: dict[str, datetime] = {}
        for (device, _), (at, _) in self._newest.items():
            known_by = next(iter(self.thresholds.gateways.of(device)), device)
            seen[known_by] = max(seen.get(known_by, at), at)
        return seen

    def _add_reading(self, reading: SentReading) -> None:
        stored = {metric: reading.metrics[metric] for metric in reading.metrics if self._is_stored(reading, metric)}
        key = reading_key(reading.device_id, reading.timestamp, stored)
        if not stored:
            return
        if key in self.readings:
            self.duplicates_sent += 1
            return
        self.readings.add(key)
        for metric in reading.metrics:
            value = self._judged(reading, metric)
            if value is None:
                continue
            newest = self._newest.get((reading.device_id, metric))
            if newest is None or newest[0] <= reading.timestamp:
                self._newest[reading.device_id, metric] = (reading.timestamp, value)
        if any(self._crossing(reading, metric) for metric in reading.metrics):
            self.breaching += 1

    def _judge(self, upload: SentObject) -> None:
        """Let an object's worst crossing of each device, metric and side open an alert, or raise the open one."""
        worst: dict[tuple[str, str, str], Crossing] = {}
        for reading in upload.readings:
            for metric in reading.metrics:
                crossing = self._crossing(reading, metric)
                if crossing is not None:
                    known = worst.setdefault((reading.device_id, metric, crossing.bound), crossing)
                    if known.severity == "warning":
                        worst[reading.device_id, metric, crossing.bound] = crossing
        # Ingest puts the critical ones on the bus first.
        for (device, metric, _), crossing in sorted(worst.items(), key=lambda pair: pair[1].severity != "critical"):
            if self.is_predictable(ExpectedMail("opened", crossing.severity, f"{device} {metric}")):
                self._raise(device, metric, crossing)

    def _raise(self, device: str, metric: str, crossing: Crossing) -> None:
        sides = self._open.setdefault((device, metric), {})
        before, on_side = _worst(sides.values()), sides.get(crossing.bound, "none")
        sides[crossing.bound] = _worst([on_side, crossing.severity])
        after = _worst(sides.values())
        if before == "none":
            kind = "opened"
        elif after != before:
            kind = "escalated"
        elif sides[crossing.bound] != on_side:
            kind = "crossed"
        else:
            return
        self.mails.append(ExpectedMail(kind, after, f"{device} {metric}"))

    def _mail_rejects(self, prefix: str) -> None:
        hour = self.clock().strftime("%Y-%m-%dT%H")
        if (prefix, hour) not in self._rejecting:
            self._rejecting.add((prefix, hour))
            self.mails.append(ExpectedMail("rejected", "-", prefix))

    def _crossing(self, reading: SentReading, metric: str) -> Crossing | None:
        rule, value = self.thresholds.rule_for(reading.device_id, metric), self._judged(reading, metric)
        return rule.crossing(value) if rule and value is not None else None

    def _judged(self, reading: SentReading, metric: str) -> float | None:
        """Return a value in its rule's unit, or None where the rule does not judge it."""
        rule, value = self.thresholds.rule_for(reading.device_id, metric), reading.metrics[metric]
        return rule.judged(value, reading.known_units().get(metric)) if rule else value

    def _is_stored(self, reading: SentReading, metric: str) -> bool:
        """Return whether a value is plausible, or in a unit that does not convert."""
        rule, unit = self.thresholds.rule_for(reading.device_id, metric), reading.known_units().get(metric)
        if rule is None or self._judged(reading, metric) is not None:
            return True
        return rule.in_its_unit(reading.metrics[metric], unit) is None

    def _not_judged(self, reading: SentReading) -> list[str]:
        """Return the reasons why no rule judges some of a reading's values."""
        stored = [self._is_stored(reading, metric) for metric in reading.metrics]
        return [
            "unit_mismatch" if kept else "implausible_value"
            for kept, metric in zip(stored, reading.metrics, strict=True)
            if self._judged(reading, metric) is None
        ]


def _worst(severities: Iterable[str]) -> str:
    return max(severities, key=("none", "warning", "critical").index, default="none")


def reading_key(device_id: str, timestamp: datetime, metrics: dict[str, float]) -> ReadingKey:
    """Return what makes a reading the same reading: device, instant, values."""
    instant = timestamp.astimezone(UTC).isoformat(timespec="microseconds")
    return device_id, instant, tuple(sorted((metric, float(value)) for metric, value in metrics.items()))


def keys_of(items: Iterable[dict[str, Any]]) -> Counter[ReadingKey]:
    """Return how often each reading is among the items of the readings table."""
    return Counter(reading_key(item["device_id"], stamped_time(item["reading_id"]), item["metrics"]) for item in items)
