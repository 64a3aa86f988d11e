from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lambdas.ingest.decoding.reading import Problem, RecordError, UnclockedReading
from lambdas.ingest.decoding.values.timestamps import CLOCK_SET_FROM, from_seconds, parse, settled, texts
from tests.unit.ingest.ingest_kit import NOW, decode, text


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


NO_YEAR = "the time is not between the years 1 and 9999"
NO_TIME = (
    "it must be RFC 3339 with an offset, such as 2026-11-22T10:00:00.250Z, "
    "or a number of seconds, ms, us or ns since 1970"
)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (None, "timestamp is missing"),
        (True, "timestamp is a boolean"),
        ([], "timestamp is an array"),
        (10**30, NO_YEAR),
        ("1e30", NO_YEAR),
        (-(10**11) + 1, NO_YEAR),
        ("noon", f"timestamp is 'noon'; {NO_TIME}"),
        ("y" * 70, f"timestamp is '{'y' * 64}'; {NO_TIME}"),
        ("2026-11-22T10:00:00", f"timestamp is '2026-11-22T10:00:00'; {NO_TIME}"),
        ("2026-11-22T10:00:61Z", f"timestamp is '2026-11-22T10:00:61Z'; {NO_TIME}"),
        ("2026-11-22T23:58:60Z", f"timestamp is '2026-11-22T23:58:60Z'; {NO_TIME}"),
        ("2026-11-22T22:59:60Z", f"timestamp is '2026-11-22T22:59:60Z'; {NO_TIME}"),
        ("9999-12-31T23:59:60Z", f"timestamp is '9999-12-31T23:59:60Z'; {NO_TIME}"),
        ("0001-01-01T00:00:00+01:00", f"timestamp is '0001-01-01T00:00:00+01:00'; {NO_TIME}"),
        ("2026-11-22T10:00:00Z!", f"timestamp is '2026-11-22T10:00:00Z!'; {NO_TIME}"),
    ],
)
def test_what_is_no_time_is_refused_in_a_sentence(value: object, detail: str) -> None:
    with pytest.raises(RecordError) as refused:
        parse(value)
    assert refused.value.problem == Problem("invalid_timestamp", detail)


@pytest.mark.parametrize(
    ("number", "microseconds"),
    [
        (10**11 - 1, (10**11 - 1) * 10**6),
        (10**11, 10**14),
        (-(10**11), -(10**14)),
        (10**14 - 1, (10**14 - 1) * 1000),
        (10**14, 10**14),
        (10**17 - 1, 10**17 - 1),
        (10**17, 10**14),
        (-(10**17), -(10**14)),
        (10**17 + 1999, 10**14 + 1),
    ],
)
def test_a_number_is_seconds_ms_us_or_ns_by_its_size(number: int, microseconds: int) -> None:
    assert parse(number) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def test_seconds_of_senml_count_from_1970_from_2_to_the_28th_on_and_from_the_upload_below() -> None:
    assert from_seconds(2**28, relative_to=NOW) == datetime(1978, 7, 4, 21, 24, 16, tzinfo=UTC)
    assert from_seconds(2**28 - 1, relative_to=NOW) == NOW + timedelta(seconds=2**28 - 1)
    assert from_seconds(-1.5, relative_to=NOW) == NOW - timedelta(seconds=1.5)
    with pytest.raises(RecordError) as refused:
        from_seconds(1e30, relative_to=NOW)
    assert refused.value.problem == Problem("invalid_timestamp", NO_YEAR)


def test_a_clock_may_be_a_day_ahead_and_is_set_from_2000_on() -> None:
    tick = timedelta(microseconds=1)
    ahead = NOW + timedelta(hours=24)
    assert settled(ahead, uploaded_at=NOW) == (ahead, None)
    assert settled(CLOCK_SET_FROM, uploaded_at=NOW) == (CLOCK_SET_FROM, None)
    assert settled(CLOCK_SET_FROM - tick, uploaded_at=NOW) == (NOW, CLOCK_SET_FROM - tick)
    with pytest.raises(RecordError) as refused:
        settled(ahead + tick, uploaded_at=NOW)
    assert refused.value.problem == Problem(
        "timestamp_in_future",
        "timestamp 2026-11-23T12:00:00.000001Z is over 24 hours after the upload; check the device's clock",
    )
