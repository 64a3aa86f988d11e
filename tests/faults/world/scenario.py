"""What a story is made of: what is uploaded when, and what the deployment and the world do otherwise than usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.faults.world.expressions import Item

Record = Mapping[str, Any] | bytes

START = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
# When the second and third copy of one event come: at once, and after a sweep has looked.
COPIES_AFTER = (0.0, 0.3, 75.0)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An object that somebody puts into the bucket, so many seconds after the start.

    Its records are readings in the native form, and bytes that are no record.
    """

    key: str
    body: bytes
    records: tuple[Record, ...]
    after_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One story. `several`: it has several uploads or events, so that schedules vary their order.

    `variables` replace some of alert's environment. `changes` replace the thresholds (seconds from the start,
    document). The readings table accepts `batch_items_accepted` items of a batch at a time. E-mails about `honest`
    devices must not be late. Copies of an event come `copies_after` so many seconds. `unreadable` are items in the
    ledger from the start; `operator` are those that operators write into it, so many seconds after the start.
    `alert_ahead_s` is how far ahead the clocks of alert's two environments are. `operated`: a person acknowledges and
    closes alerts before any call.
    """

    name: str
    title: str
    uploads: tuple[Upload, ...]
    thresholds: str
    variables: Mapping[str, str] = field(default_factory=dict)
    honest: tuple[str, ...] = ()
    batch_items_accepted: int = 25
    several: bool = True
    changes: tuple[tuple[float, str], ...] = ()
    copies_after: tuple[float, ...] = COPIES_AFTER
    unreadable: tuple[Item, ...] = ()
    operator: tuple[tuple[float, Item], ...] = ()
    alert_ahead_s: tuple[float, float] = (0.0, 0.0)
    operated: bool = False
