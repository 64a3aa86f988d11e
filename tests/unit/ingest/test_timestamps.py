from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ingest_kit import NOW, decode, text

from lambdas.ingest.decoding.reading import UnclockedReading
from lambdas.ingest.decoding.timestamps import parse, texts


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
        ("2026-11-22T10:00:00+0200", "2026-11-22T08:00:00.000000Z"),
        ("2026-11-22T10:00:00-02", "2026-11-22T12:00:00.000000Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000000Z"),
        (1795341600, "2026-11-22T10:00:00.000000Z"),
        (1795341600.25, "2026-11-22T10:00:00.250000Z"),
        (1795341600250, "2026-11-22T10:00:00.250000Z"),
        (1795341600250000, "2026-11-22T10:00:00.250000Z"),
        (1795341600250000999, "2026-11-22T10:00:00.250000Z"),
        ("1795341600", "2026-11-22T10:00:00.000000Z"),
        (" 1.7953416e9 ", "2026-11-22T10:00:00.000000Z"),
    ],
)
@pytest.mark.parametrize("unusual", [{}, {"x": 1}], ids=["fast", "slow"])
def test_a_time_is_kept_in_utc_with_six_digits(sent: str | float, kept: str, unusual: dict[str, int]) -> None:
    decoded = decode(text(timestamp=sent, **unusual))
    assert (texts([reading.timestamp for reading in decoded.readings]), decoded.rejects) == ([kept], [])


@pytest.mark.parametrize(
    ("sent", "device_time"),
    [
        ("1970-01-01T00:03:12Z", "1970-01-01T00:03:12.000000Z"),
        ("1999-12-31T23:59:59.5Z", "1999-12-31T23:59:59.500000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        (192, "1970-01-01T00:03:12.000000Z"),
        (-5, "1969-12-31T23:59:55.000000Z"),
    ],
)
def test_a_clock_that_is_not_set_leaves_the_upload_s_time_and_its_own_beside_it(
    sent: str | int, device_time: str
) -> None:
    decoded = decode(b"\n".join([text(), text("b", timestamp=sent)]))
    (_, reading) = decoded.readings
    assert isinstance(reading, UnclockedReading)
    assert (texts([reading.timestamp, reading.device_time]), decoded.rejects) == ([texts([NOW])[0], device_time], [])


@pytest.mark.parametrize("moment", [datetime.min, datetime.max, datetime(999, 1, 1), datetime(2026, 11, 22, 1, 2, 3)])
def test_every_text_of_a_time_has_one_width_and_is_read_back(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    (written,) = texts([moment])
    assert len(written) == 27
    assert parse(written) == moment == datetime.fromisoformat(written)


def test_text_order_is_time_order() -> None:
    moments = [datetime(2026, 1, 1, 0, 0, second, micro, tzinfo=UTC) for second in (0, 1) for micro in (0, 1, 500_000)]
    assert texts(moments) == sorted(texts(moments))
    assert texts([]) == []


def test_a_block_with_offsets_is_in_utc_throughout() -> None:
    lines = [text(timestamp=f"2026-11-22T10:{minute:02}:00+0{minute % 9}:00") for minute in range(60)]
    decoded = decode(b"\n".join(lines))
    assert {str(reading.timestamp.tzinfo) for reading in decoded.readings} == {"UTC"}
    assert len(decoded.readings) == 60
