"""Times that come again, in the grammar of Alertmanager's `time_interval`.

Source: Prometheus, "Alertmanager configuration", `<time_interval_spec>`, and its package `timeinterval`. Within a field
one range must hold, and every field that is there; times of day end before their `end_time`, all other ranges with
their last member; weeks begin on Sunday; days of the month count from its end where they are negative; without a
location times are UTC.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

# First and last member of a range.
Range = tuple[int, int]

_MINUTE = timedelta(minutes=1)
# An end that is further away is none.
_HORIZON = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class TimeInterval:
    """One interval; a field without ranges holds always. `times` are minutes of the day, `weekdays` 0 to 6."""

    times: tuple[Range, ...] = ()
    weekdays: tuple[Range, ...] = ()
    days_of_month: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()
    location: str = "UTC"

    def contains(self, at: datetime) -> bool:
        """Return whether an instant is in the interval, by the clocks of its location."""
        local = at.astimezone(_zone(self.location))
        return (
            _holds(self.times, local.hour * 60 + local.minute)
            and _holds(self.weekdays, local.isoweekday() % 7)
            and _holds(_counted_from_the_first(self.days_of_month, local), local.day)
            and _holds(self.months, local.month)
            and _holds(self.years, local.year)
        )

    def next_boundary(self, at: datetime) -> datetime:
        """Return the next instant at which the interval may end: a midnight of its location, or the end of a time."""
        midnight = at.astimezone(_zone(self.location)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        minutes = {0, *(last + 1 for _, last in self.times)}
        walls = (midnight + timedelta(days=day, minutes=minute) for day in (0, 1) for minute in minutes)
        # A wall clock that is put back shows the same time twice.
        instants = (wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1))
        return min(instant for instant in instants if instant > at)


def is_zone(name: str) -> bool:
    """Return whether a name is that of a time zone of the IANA database."""
    try:
        _zone(name)
    # A folder of the database, a path out of it, a name of no file, a file that holds no zone.
    except (KeyError, ValueError, OSError):
        return False
    return True


def is_in_any(intervals: Sequence[TimeInterval], at: datetime) -> bool:
    """Return whether one of the intervals contains the instant."""
    return any(interval.contains(at) for interval in intervals)


def end_of(intervals: Sequence[TimeInterval], at: datetime) -> datetime | None:
    """Return when an instant that is in one of the intervals is in none any more, to the minute.

    None: not within a year.
    """
    end = at.astimezone(UTC)
    while is_in_any(intervals, end):
        end = min(interval.next_boundary(end) for interval in intervals)
        if end - at > _HORIZON:
            return None
    # Where clocks are put forward, an interval ends before a time that they never show.
    while end - _MINUTE > at and not is_in_any(intervals, end - _MINUTE):
        end -= _MINUTE
    return end


def _zone(name: str) -> tzinfo:
    # Few documents name one, and its import costs every cold start of both functions 5 ms.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return ZoneInfo(name)


def _holds(ranges: Sequence[Range], value: int) -> bool:
    return not ranges or any(first <= value <= last for first, last in ranges)


def _counted_from_the_first(ranges: Sequence[Range], local: datetime) -> list[Range]:
    """Return days of this month; those before its first and behind its last match no day of it."""
    days = monthrange(local.year, local.month)[1]
    return [(_day(first, days), _day(last, days)) for first, last in ranges]


def _day(day: int, days: int) -> int:
    return day if day > 0 else days + day + 1
