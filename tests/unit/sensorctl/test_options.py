"""Instants as people give them."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from sensorctl.options import instant_of

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-22", NOW.replace(hour=0, minute=0)),
        ("2026-11-22T10:00:00Z", NOW.replace(minute=0)),
        ("2026-11-22T10:00:00.250Z", NOW.replace(minute=0, microsecond=250_000)),
        ("2026-11-22T10:00", NOW.replace(minute=0)),
        ("2026-11-22T12:00:00+02:00", NOW.replace(minute=0)),
        ("2026-11-22T04:30:00-05:30", NOW.replace(minute=0)),
        ("1h", NOW - timedelta(hours=1)),
        ("7d", NOW - timedelta(days=7)),
        ("today", NOW.replace(hour=0, minute=0)),
        ("yesterday", NOW.replace(day=21, hour=0, minute=0)),
    ],
)
def test_an_instant_is_a_time_with_any_offset_or_how_long_ago(text: str, meant: datetime) -> None:
    assert instant_of(text, now=NOW) == meant


@pytest.mark.parametrize("text", ["", "tomorrow", "1 h", "22.11.2026", "-1h", "0001-01-01T00:00:00+14:00"])
def test_anything_else_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="give an instant such as"):
        instant_of(text, now=NOW)
