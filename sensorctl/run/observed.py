"""Reads back the result of a run from the embedded AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.embedded.mailbox import Mail
from sensorctl.readings import stored


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was read back: reading items, quarantine lines, delivered mails, ledger items, events in failure queues."""

    items: list[dict[str, Any]]
    rejected: list[stored.RejectedRecord]
    mails: list[Mail]
    ledger: list[dict[str, Any]]
    failed_events: int


def observe(aws: EmbeddedAws) -> Observed:
    """Read it all back."""
    return Observed(
        items=stored.stored_readings(aws.access, aws.pipeline),
        rejected=stored.rejected_records(aws.access, aws.pipeline),
        mails=aws.mailbox.mails,
        ledger=stored.alert_items(aws.access, aws.pipeline),
        failed_events=stored.failed_events(aws.access, aws.pipeline),
    )
