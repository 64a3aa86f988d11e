"""What the pipeline must make of what was sent. Pure, and written apart from the functions it judges.

In: uploads in the order they were sent, and the thresholds in force. Out: the readings that must be stored, the
rejects by reason, and the e-mails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lambdas.shared.thresholds import Crossing, Thresholds
from sensorctl.simulator import SentReading, Upload

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

    `lag` is how long ago the readings of an upload may have been taken when it is sent.
    """

    thresholds: Thresholds
    lag: timedelta = timedelta(0)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    readings: set[ReadingKey] = field(default_factory=set)
    duplicates_sent: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    breaching: int = 0
    mails: list[ExpectedMail] = field(default_factory=list)
    _open: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # severity by side of the range
    _rejecting: set[tuple[str, str]] = field(default_factory=set)
    _silent: set[str] = field(default_factory=set)
    _newest: dict[tuple[str, str], tuple[datetime, float]] = field(default_factory=dict)

    def add(self, uploads: Iterable[Upload]) -> None:
        """Take in the uploads of one round."""
        for upload in uploads:
            for reading in upload.readings:
                self._add_reading(reading)
            self._judge(upload)
            self.rejects.update(upload.rejects)
            if upload.rejects:
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
            if silent != (device in self._silent) and self.foretells(mail):
                self._silent ^= {device}
                self.mails.append(mail)

    def foretells(self, mail: ExpectedMail) -> bool:
        """Tell whether such a mail can be foretold, or depends on when the sweep looks.

        A reminder does, an alert that waits out a `for`, and a silence so short that readings are too old for it when
        they come: a run compresses minutes into seconds.
        """
        device, _, metric = mail.subject.partition(" ")
        if mail.kind in {"silent", "back"}:
            limit = self.thresholds.silent_after(device)
            return limit is None or limit > self.lag
        rule = self.thresholds.rule_for(device, metric) if metric else None
        return mail.kind != "reminder" and (rule is None or not rule.hold)

    def _last_seen(self) -> dict[str, datetime]:
        seen: dict[str, datetime] = {}
        for (device, _), (at, _) in self._newest.items():
            seen[device] = max(seen.get(device, at), at)
        return seen

    def _add_reading(self, reading: SentReading) -> None:
        key = reading_key(reading.device_id, reading.timestamp, reading.metrics)
        if key in self.readings:
            self.duplicates_sent += 1
            return
        self.readings.add(key)
        for metric, value in reading.metrics.items():
            newest = self._newest.get((reading.device_id, metric))
            if newest is None or newest[0] <= reading.timestamp:
                self._newest[reading.device_id, metric] = (reading.timestamp, value)
        if any(self._crossing(reading.device_id, metric, value) for metric, value in reading.metrics.items()):
            self.breaching += 1

    def _judge(self, upload: Upload) -> None:
        """Let an object's worst crossing of each device, metric and side open an alert, or raise the open one."""
        worst: dict[tuple[str, str, str], Crossing] = {}
        for reading in upload.readings:
            for metric, value in reading.metrics.items():
                crossing = self._crossing(reading.device_id, metric, value)
                if crossing is not None:
                    known = worst.setdefault((reading.device_id, metric, crossing.bound), crossing)
                    if known.severity == "warning":
                        worst[reading.device_id, metric, crossing.bound] = crossing
        # Ingest puts the critical ones on the bus first.
        for (device, metric, _), crossing in sorted(worst.items(), key=lambda pair: pair[1].severity != "critical"):
            if self.foretells(ExpectedMail("opened", crossing.severity, f"{device} {metric}")):
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

    def _crossing(self, device_id: str, metric: str, value: float) -> Crossing | None:
        rule = self.thresholds.rule_for(device_id, metric)
        return rule.crossing(value) if rule else None


def _worst(severities: Iterable[str]) -> str:
    return max(severities, key=("none", "warning", "critical").index, default="none")


def reading_key(device_id: str, timestamp: datetime, metrics: dict[str, float]) -> ReadingKey:
    """Return what makes a reading the same reading: device, instant, values."""
    instant = timestamp.astimezone(UTC).isoformat(timespec="microseconds")
    return device_id, instant, tuple(sorted((metric, float(value)) for metric, value in metrics.items()))
