"""What alert should have done by now, from readings and ledger alone, so that it needs no CloudWatch metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from lambdas.alert.adapters.ledger_items import alert_key
from lambdas.alert.domain.models import MetricState, Record
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.devices.registry import LastReading
from sensorctl.status.facts import Unsent


def missed_breaches(
    last: Mapping[str, LastReading | None],
    records: Sequence[Record],
    *,
    thresholds: Thresholds | None,
    before: datetime,
) -> tuple[str, ...]:
    """Return `device metric` of each newest reading that is out of bounds and that the ledger does not cover.

    Only readings uploaded before `before` count: a breach needs its seconds from ingest to alert.
    """
    states = {record.key: record.state for record in records}
    missed = []
    for device_id, reading in last.items():
        if reading is None or reading.uploaded_at >= before:
            continue
        for metric in reading.breaching:
            state = states.get(alert_key(device_id, metric))
            ruled = thresholds is None or thresholds.rule_for(device_id, metric) is not None
            if ruled and not (isinstance(state, MetricState) and _covers(state, reading.at)):
                missed.append(f"{device_id} {metric}")
    return tuple(missed)


def unsent(records: Iterable[Record], *, now: datetime, allowed: timedelta) -> Unsent:
    """Return the e-mails that have waited longer than `allowed`: each minute's sweep sends what is left."""
    created = [
        message.created_at
        for record in records
        for message in record.outbox
        if message.status in ("PENDING", "LEASED") and now - message.created_at > allowed
    ]
    return Unsent(count=len(created), since=min(created, default=None))


def _covers(state: MetricState, at: datetime) -> bool:
    known = [
        state.alert.last_at if state.alert else None,
        state.settled_through,
        state.recorded.last_at if state.recorded else None,
    ]
    return any(known_at is not None and known_at >= at for known_at in known)
