from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ingest_kit import decode, text

from lambdas.ingest.decoding.timestamps import texts


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22T10:00:00.25Z", "2026-11-22T10:00:00.250000Z"),
        ("2026-11-22t10:00:00z", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22 10:00:00Z", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22T10:00:00+05:30", "2026-11-22T04:30:00.000000Z"),
        ("2026-11-22T10:00:00-00:00", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22T23:30:00.5-01:00", "2026-11-23T00:30:00.500000Z"),
        ("2026-11-22T10:00:00.1234564Z", "2026-11-22T10:00:00.123456Z"),
        ("2026-11-22T09:59:59.9999999Z", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("2017-01-01T00:59:60.5+01:00", "2017-01-01T00:00:00.500000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
@pytest.mark.parametrize("unusual", [{}, {"x": 1}], ids=["fast", "slow"])
def test_a_time_is_kept_in_utc_with_six_digits(sent: str, kept: str, unusual: dict[str, int]) -> None:
    decoded = decode(text(timestamp=sent, **unusual))
    assert (texts([reading.timestamp for reading in decoded.readings]), decoded.rejects) == ([kept], [])


def test_text_order_is_time_order() -> None:
    moments = [datetime(2026, 1, 1, 0, 0, second, micro, tzinfo=UTC) for second in (0, 1) for micro in (0, 1, 500_000)]
    assert texts(moments) == sorted(texts(moments))
    assert texts([]) == []


def test_a_block_with_offsets_is_in_utc_throughout() -> None:
    lines = [text(timestamp=f"2026-11-22T10:{minute:02}:00+0{minute % 9}:00") for minute in range(60)]
    decoded = decode(b"\n".join(lines))
    assert {str(reading.timestamp.tzinfo) for reading in decoded.readings} == {"UTC"}
    assert len(decoded.readings) == 60
