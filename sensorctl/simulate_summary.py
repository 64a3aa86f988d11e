"""What was sent and what must come of it, in words and for programs. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambdas.alert.lifecycle import STALE_AFTER
from lambdas.alert.wording import spoken
from sensorctl.expectations import Expected
from sensorctl.simulator import Upload


@dataclass
class Sent:
    """Grows with each upload; `expected` derives what the pipeline must make of them."""

    expected: Expected
    planned: int
    objects: int = 0
    octets: int = 0
    readings: int = 0
    devices: set[str] = field(default_factory=set)
    oldest: datetime | None = None

    def add(self, upload: Upload) -> None:
        """Take in an upload that was done."""
        self.expected.add([upload])
        self.objects += 1
        self.octets += len(upload.body)
        self.readings += len(upload.readings)
        for reading in upload.readings:
            self.devices.add(reading.device_id)
            self.oldest = min(self.oldest or reading.timestamp, reading.timestamp)

    def to_json(self) -> dict[str, Any]:
        """Return it for a program; `emails` counts by kind."""
        expected = self.expected
        return {
            "objects": self.objects,
            "objects_planned": self.planned,
            "bytes": self.octets,
            "devices": len(self.devices),
            "readings": self.readings,
            "expected": {
                "stored": len(expected.readings),
                "duplicates_dropped": expected.duplicates_sent,
                "rejected": dict(sorted(expected.rejects.items())),
                "breaching_readings": expected.breaching,
                "emails": dict(sorted(self.emails().items())),
            },
        }

    def emails(self) -> Counter[str]:
        """Return how many e-mails of each kind must come, if nothing about these devices is open yet."""
        return Counter(mail.kind for mail in self.expected.mails)

    def words(self, *, where: str, now: datetime) -> list[str]:
        """Return it in sentences. `where` is said of the uploads: `to the embedded AWS`."""
        expected, emails = self.expected, self.emails()
        stopped = f" of {self.planned:,}" if self.objects < self.planned else ""
        lines = [
            f"Sent {self.objects:,}{stopped} objects with {self.readings:,} readings of {len(self.devices):,} devices "
            f"({self.octets:,} bytes) {where}."
        ]
        rejected = ", ".join(f"{count} {reason}" for reason, count in sorted(expected.rejects.items()))
        lines.append(
            f"To come of it: {len(expected.readings):,} readings stored, {expected.duplicates_sent:,} duplicates "
            f"dropped, {expected.rejects.total():,} records rejected{f' ({rejected})' if rejected else ''}, "
            f"{expected.breaching:,} readings out of bounds."
        )
        mailed = ", ".join(f"{count} {kind}" for kind, count in sorted(emails.items())) or "none"
        lines.append(f"E-mails, if nothing about these devices is open yet: {mailed}.")
        if self.oldest is not None and now - self.oldest > STALE_AFTER:
            lines.append(
                f"Readings older than {spoken(STALE_AFTER)} are stored, but their breaches are not mailed; "
                "--rebase-to now makes a replay new."
            )
        return lines
