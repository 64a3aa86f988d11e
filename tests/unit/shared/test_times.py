"""Every text of a time has fixed width, sorts as the times do, and is read back as the same time."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.ingest.decoding.values import timestamps
from lambdas.shared.times import timestamp

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
times = st.datetimes(timezones=st.just(UTC))


@given(at=times)
@example(at=FIRST)
@example(at=FIRST + timedelta(microseconds=1))
@example(at=datetime(999, 12, 31, 23, 59, 59, tzinfo=UTC))
@example(at=LAST)
def test_both_functions_write_the_same_text_and_read_it_back(at: datetime) -> None:
    text = timestamp(at)
    assert len(text) == 27
    assert [text] == timestamps.texts([at])
    assert datetime.fromisoformat(text) == at == timestamps.parse(text)


@given(one=times, other=times)
@example(one=FIRST, other=LAST)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    assert (timestamp(one) < timestamp(other)) is (one < other)
