"""The times that events bring: read, checked, and never later than the upload."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from lambdas.shared.events import ContractError, ThresholdBreached


def instant(text: str, *, name: str) -> datetime:
    """Read an RFC 3339 time with an offset as UTC. Raises ContractError, naming the member."""
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    raise ContractError(f"event detail: {name} is {text!r:.80}, not an RFC 3339 time with an offset")


def counted_span(breach: ThresholdBreached, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and last reading time, neither later than the upload (than now, where the event has none)."""
    first, last = instant(breach.first_at, name="first_at"), instant(breach.last_at, name="last_at")
    if first > last:
        raise ContractError(f"event detail: first_at ({breach.first_at}) is after last_at ({breach.last_at})")
    uploaded = instant(breach.uploaded_at, name="uploaded_at") if breach.uploaded_at else now
    return min(first, uploaded), min(last, uploaded)
