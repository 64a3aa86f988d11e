"""The `mutes` of a thresholds document: whom each concerns, and when it is in force.

    "mutes": [{"name": "night shift", "devices": "press-*", "metric": "noise",
               "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "24:00"}],
                                   "weekdays": ["monday:friday"], "location": "Europe/Berlin"}]}]

`time_intervals` are Alertmanager's (see `time_intervals.py`), so that one that works there can be pasted; it is JSON
here, and numbers may stand for texts of digits. Without them the mute is always in force. What Alertmanager refuses is
refused, with a sentence that says what to write: an end before its start (a night is two times, one to 24:00 and one
from 00:00), a range of days that runs over the end of a week. Also refused is what it takes and what can never hold or
holds always by mistake: an empty list, month 13.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.shared.document_reader import DocumentReader, shown
from lambdas.shared.thresholds.patterns import DEVICES, METRIC, matcher
from lambdas.shared.thresholds.time_intervals import Range, TimeInterval, end_of, is_in_any, is_zone

_MUTE = ("name", "devices", "metric", "time_intervals")
_LISTS = ("times", "weekdays", "days_of_month", "months", "years")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_NUMBER = re.compile(r"-?[0-9]{1,4}")
_LONGEST_NAME = 64
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
# By field: names of members, the number of the first name, and the numbers that a member may be.
_FIELDS: dict[str, tuple[tuple[str, ...], int, range]] = {
    "weekdays": (_WEEKDAYS, 0, range(0)),
    "days_of_month": ((), 0, range(-31, 32)),
    "months": (_MONTHS, 1, range(1, 13)),
    "years": ((), 0, range(1970, 10_000)),
}
_EXAMPLES = {
    "weekdays": "a day such as saturday, or a range such as monday:friday (weeks begin on sunday)",
    "days_of_month": "a day such as 1, or -1 for the last, or a range such as 1:7 or -3:-1",
    "months": "a month such as may or 5, or a range such as november:december",
    "years": "a year such as 2026, or a range such as 2026:2028",
}


@dataclass(frozen=True, kw_only=True)
class RecurringMute:
    """A mute without an end; `devices` is a pattern. Without a metric it mutes all of them, and the device's silence.

    `source` is its path in the document, for people.
    """

    name: str
    devices: str
    metric: str | None = None
    intervals: tuple[TimeInterval, ...] = ()
    source: str

    def concerns(self, device_id: str, metric: str | None) -> bool:
        """Return whether it mutes this metric of a device, or (None) its silence, while it is in force."""
        return self.metric in (None, metric) and bool(matcher(self.devices)(device_id))

    def is_in_force(self, at: datetime) -> bool:
        """Return whether it mutes at that instant."""
        return not self.intervals or is_in_any(self.intervals, at)

    def until(self, at: datetime) -> datetime | None:
        """Return when it ends, in force as it is; None: never, or not within a year."""
        return end_of(self.intervals, at) if self.intervals else None


class MuteReader(DocumentReader):
    """Checks `mutes`."""

    def _mutes(self, value: object) -> tuple[RecurringMute, ...]:
        if not isinstance(value, list):
            self._fail(f"mutes must be an array of mutes, not {shown(value)}")
        mutes = tuple(self._mute(mute, path=f"mutes[{place}]") for place, mute in enumerate(value))
        names: set[str] = set()
        for mute in mutes:
            if mute.name in names:
                self._fail(f"{mute.source}.name {shown(mute.name)} is another mute's already; give it one of its own")
            names.add(mute.name)
        return mutes

    def _mute(self, value: object, *, path: str) -> RecurringMute:
        members = self._members(value, path=path, known=_MUTE)
        name, devices, metric = (members.get(member) for member in ("name", "devices", "metric"))
        if not isinstance(name, str) or not name.isprintable() or not 1 <= len(name.strip()) <= _LONGEST_NAME:
            self._fail(f"{path}.name must be 1 to {_LONGEST_NAME} printable characters, not {shown(name)}")
        if not isinstance(devices, str) or not DEVICES.fullmatch(devices):
            self._fail(f"{path}.devices must be a device id or a pattern such as press-*, not {shown(devices)}")
        if metric is not None and not (isinstance(metric, str) and METRIC.fullmatch(metric)):
            self._fail(f"{path}.metric must be a metric's name, not {shown(metric)}; without it all are muted")
        intervals: list[Any] = []
        if "time_intervals" in members:
            intervals = self._list(members["time_intervals"], path=f"{path}.time_intervals")
        return RecurringMute(
            name=name,
            devices=devices,
            metric=metric,
            intervals=tuple(
                self._interval(interval, path=f"{path}.time_intervals[{place}]")
                for place, interval in enumerate(intervals)
            ),
            source=path,
        )

    def _interval(self, value: object, *, path: str) -> TimeInterval:
        members = self._members(value, path=path, known=(*_LISTS, "location"))
        lists = {name: self._list(members[name], path=f"{path}.{name}") for name in _LISTS if name in members}
        if not lists:
            self._fail(f"{path} needs one of {', '.join(_LISTS)}; a mute that is always in force has no time_intervals")
        found: dict[str, tuple[Range, ...]] = {}
        for name, entries in lists.items():
            read = self._time if name == "times" else self._range
            found[name] = tuple(read(entry, path=f"{path}.{name}[{place}]") for place, entry in enumerate(entries))
        return TimeInterval(**found, location=self._location(members.get("location", "UTC"), path=f"{path}.location"))

    def _time(self, value: object, *, path: str) -> Range:
        """Return the minutes of a time of day, the last one included."""
        members = self._members(value, path=path, known=("start_time", "end_time"))
        start, end = (
            self._minute(members.get(member), path=f"{path}.{member}") for member in ("start_time", "end_time")
        )
        if start >= end:
            self._fail(
                f"{path} ends at {members['end_time']}, not after its start at {members['start_time']}; a night is two "
                "times, one that ends at 24:00 and one that starts at 00:00"
            )
        return start, end - 1

    def _minute(self, value: object, *, path: str) -> int:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            self._fail(f"{path} must be a time such as 08:30, from 00:00 to 24:00, not {shown(value)}")
        hours, minutes = value.split(":")
        return int(hours) * 60 + int(minutes)

    def _range(self, value: object, *, path: str) -> Range:
        name = path.rpartition(".")[2].partition("[")[0]
        text = str(value).lower() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        ends = [_member(name, end) for end in text.split(":")]
        if len(ends) > 2 or None in ends:
            self._fail(f"{path} must be {_EXAMPLES[name]}, not {shown(value)}")
        first, last = ends[0] or 0, ends[-1] or 0
        # A month has 28 days at least: what is never in order there may be in a longer one (Alertmanager's own check).
        if (first < 0 < last) or (first if first >= 0 else 28 + first) > (last if last >= 0 else 28 + last):
            self._fail(f"{path} ends before it starts: {shown(value)}; give {_EXAMPLES[name]}")
        return first, last

    def _location(self, value: object, *, path: str) -> str:
        if not isinstance(value, str) or not is_zone(value):
            self._fail(
                f"{path} must be a time zone of the IANA database, such as Europe/Berlin or UTC, not {shown(value)}"
            )
        return value

    def _list(self, value: object, *, path: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            self._fail(f"{path} must be an array with something in it, or be left out, not {shown(value)}")
        return value


def _member(name: str, text: str) -> int | None:
    """Return the number of a range's end, or None: it is none of this field."""
    names, first, numbers = _FIELDS[name]
    if text in names:
        return names.index(text) + first
    number = int(text) if _NUMBER.fullmatch(text) else None
    is_known = number is not None and number in numbers and (number != 0 or name != "days_of_month")
    return number if is_known else None
