"""What was sent and what the pipeline must do with it, in words and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambdas.alert.domain.lifecycle import STALE_AFTER
from lambdas.alert.mail.formatting import counted, duration_text
from sensorctl.simulate.expectations import Expected
from sensorctl.simulate.fleet import SentObject


def rejections(records: int, values: int) -> str:
    """Return how much was rejected, in words."""
    single = f" and {counted(values, 'single value')}" if values else ""
    return f"{counted(records, 'record')}{single} rejected"


@dataclass
class SentSummary:
    """Grows with each upload; `expected` derives what the pipeline must make of them."""

    expected: Expected
    planned: int
    objects: int = 0
    octets: int = 0
    readings: int = 0
    devices: set[str] = field(default_factory=set)
    oldest: datetime | None = None

    def add(self, upload: SentObject) -> None:
        """Take in an upload that was done."""
        self.expected.add([upload])
        self.objects += 1
        self.octets += len(upload.body)
        self.readings += len(upload.readings)
        for reading in upload.readings:
            self.devices.add(reading.device_id)
            self.oldest = min(self.oldest or reading.timestamp, reading.timestamp)

    def to_json(self) -> dict[str, Any]:
        """Return it for a program; `emails` counts by kind, if nothing about these devices is open yet."""
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
                "values_rejected": dict(sorted(expected.bad_values.items())),
                "breaching_readings": expected.breaching,
                "emails": dict(sorted(Counter(mail.kind for mail in expected.mails).items())),
            },
        }

    def words(self, *, where: str, now: datetime, verb: str = "Sent") -> list[str]:
        """Return it in sentences. `where` is where to: `the embedded AWS`."""
        expected, emails = self.expected, Counter(mail.kind for mail in self.expected.mails)
        stopped = f"{self.objects:,} of " if self.objects < self.planned else ""
        lines = [
            f"{verb} {stopped}{counted(self.planned, 'object')} with {counted(self.readings, 'reading')} of "
            f"{counted(len(self.devices), 'device')} ({counted(self.octets, 'byte')}) to {where}."
        ]
        reasons = sorted((expected.rejects + expected.bad_values).items())
        rejected = rejections(expected.rejects.total(), expected.bad_values.total())
        if reasons:
            rejected += f" ({', '.join(f'{count} {reason}' for reason, count in reasons)})"
        lines.append(
            f"Expected: {counted(len(expected.readings), 'reading')} stored, "
            f"{counted(expected.duplicates_sent, 'duplicate')} dropped, {rejected}, "
            f"{counted(expected.breaching, 'reading')} out of bounds."
        )
        mailed = ", ".join(f"{count} {kind}" for kind, count in sorted(emails.items())) or "none"
        lines.append(f"E-mails, if nothing about these devices is open yet: {mailed}.")
        if self.oldest is not None and now - self.oldest > STALE_AFTER:
            lines.append(
                f"Readings older than {duration_text(STALE_AFTER)} are stored, but their breaches are not mailed; "
                "--rebase-to now makes those of your file new."
            )
        return lines
