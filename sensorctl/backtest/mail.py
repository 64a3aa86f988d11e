"""What a backtest finds: an e-mail that would have been sent, at the minute of a sweep or at an upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.alert.domain.notices import Notice


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An e-mail that would have been sent: when, about which device, and what it says."""

    at: datetime
    device_id: str
    notice: Notice


def full_minute(at: datetime) -> datetime:
    """Return the first full minute that is not before `at`, at which the next sweep looks."""
    full = at.replace(second=0, microsecond=0)
    return full if full == at else full + timedelta(minutes=1)
