"""What the options of `sensorctl simulate` mean: durations, columns, metrics. Pure; imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sensorctl.errors import UserError

_DURATION = re.compile(r"([0-9]{1,7})(ms|s|m|h|d)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_COLUMNS = ("device_id", "timestamp")


def duration(text: str, option: str) -> timedelta:
    """Return a duration such as 500ms, 10s, 30m, 2h or 1d. Raises UserError naming the option."""
    found = _DURATION.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else timedelta(0)
    if not length:
        raise UserError(f"{option} {text}: give a whole number and ms, s, m, h or d, such as 10s or 30m")
    return length


def moment(text: str, option: str, *, now: datetime) -> datetime:
    """Return the instant that `now` or an ISO 8601 text means (without an offset: UTC). Raises UserError."""
    if text == "now":
        return now
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text}: give now or an instant such as 2026-11-22T10:00:00Z") from None
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)


def named_columns(pairs: Sequence[str]) -> dict[str, str]:
    """Return the columns of `--column device_id=machine`. Raises UserError for anything else."""
    columns = pairs_of(pairs, "--column")
    unknown = [name for name in columns if name not in _COLUMNS]
    if unknown:
        raise UserError(
            f"--column {unknown[0]}=...: only device_id and timestamp are columns; metrics are given with --metric"
        )
    return columns


def pairs_of(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return `name=column` texts as a mapping. Raises UserError naming the option."""
    pairs = {}
    for text in texts:
        name, _, column = text.partition("=")
        if not name or not column:
            raise UserError(f"{option} {text}: give it as name=column, such as temperature=temp_c")
        pairs[name] = column
    return pairs
