"""Alertmanager's grammar of time intervals: the cases of its documentation, of its own tests, and of clock changes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.shared.thresholds.recurring_mutes import RecurringMute
from lambdas.shared.thresholds.thresholds import Thresholds, ThresholdsError

DAY = {"start_time": "09:00", "end_time": "17:00"}


def mutes(*entries: dict[str, Any]) -> tuple[RecurringMute, ...]:
    return Thresholds.parse(json.dumps({"version": 1, "mutes": entries})).mutes


def mute(*intervals: dict[str, Any], **others: Any) -> RecurringMute:
    members = {"time_intervals": list(intervals)} if intervals else {}
    (found,) = mutes({"name": "m", "devices": "*", **members, **others})
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        # "inclusive of the starting time and exclusive of the end time"
        ({"times": [DAY]}, ["2026-11-26 09:00", "2026-11-26 16:59:59"], ["2026-11-26 08:59:59", "2026-11-26 17:00"]),
        # "will begin at 17:00 and finish immediately before 24:00"
        (
            {"times": [{"start_time": "17:00", "end_time": "24:00"}]},
            ["2026-11-26 17:00", "2026-11-26 23:59:59"],
            ["2026-11-27 00:00", "2026-11-26 16:59"],
        ),
        # A night is two times.
        (
            {"times": [{"start_time": "22:00", "end_time": "24:00"}, {"start_time": "00:00", "end_time": "06:00"}]},
            ["2026-11-26 22:00", "2026-11-27 00:00", "2026-11-27 05:59"],
            ["2026-11-27 06:00", "2026-11-26 21:59"],
        ),
        # "inclusive on both ends", "['monday:wednesday','saturday', 'sunday']": the 23rd is a Monday
        (
            {"weekdays": ["monday:wednesday", "saturday", "sunday"]},
            [f"2026-11-{day} 12:00" for day in (23, 24, 25, 28, 29)],
            ["2026-11-26 12:00", "2026-11-27 12:00"],
        ),
        ({"weekdays": ["Sunday:Monday"]}, ["2026-11-29 00:00", "2026-11-30 23:59"], ["2026-11-28 12:00"]),
        # "['1:5', '-3:-1']": -1 is the last day, in a leap year too
        (
            {"days_of_month": ["1:5", "-3:-1"]},
            ["2026-01-31 12:00", "2026-02-26 12:00", "2028-02-29 12:00", "2028-02-27 12:00", "2026-02-05 12:00"],
            ["2026-02-25 12:00", "2028-02-26 12:00", "2026-01-06 12:00"],
        ),
        # "specifying ['1:31'] during February will clamp", and what begins behind the month is not in it
        ({"days_of_month": ["1:31"]}, ["2026-02-01 00:00", "2026-02-28 23:59"], []),
        ({"days_of_month": ["30:31"]}, ["2026-01-30 12:00"], ["2026-02-28 12:00"]),
        ({"days_of_month": ["-31:-29"]}, ["2026-01-01 12:00"], ["2026-02-01 12:00", "2026-01-04 12:00"]),
        ({"days_of_month": ["25:-2"]}, ["2026-11-29 12:00"], ["2026-11-30 12:00", "2026-11-24 12:00"]),
        # "['1:3', 'may:august', 'december']", "case-insensitive"
        (
            {"months": ["1:3", "May:August", "december"]},
            ["2026-03-31 12:00", "2026-05-01 12:00", "2026-08-31 12:00", "2026-12-01 12:00"],
            ["2026-04-01 12:00", "2026-09-01 12:00", "2026-11-30 12:00"],
        ),
        ({"years": ["2020:2022", "2030"]}, ["2022-12-31 23:59", "2030-06-01 12:00"], ["2023-01-01 00:00"]),
        # JSON has numbers where YAML has texts
        ({"years": [2026], "months": [11], "days_of_month": [26, -1]}, ["2026-11-26 12:00"], ["2026-11-27 12:00"]),
        # "all fields must match"
        (
            {"times": [DAY], "weekdays": ["monday:friday"], "months": ["november"]},
            ["2026-11-26 12:00"],
            ["2026-11-28 12:00", "2026-12-01 12:00", "2026-11-26 18:00"],
        ),
        # "using the local time in Sydney", eleven hours ahead in summer: a Friday's evening in UTC is no Friday there
        (
            {"times": [DAY], "weekdays": ["monday:friday"], "location": "Australia/Sydney"},
            ["2026-11-25 22:00", "2026-11-26 05:59"],
            ["2026-11-26 06:00", "2026-11-27 22:00"],
        ),
        # Berlin's clocks are put back on 2026-10-25 at 01:00 UTC, and forward on 2027-03-28 at 01:00 UTC
        (
            {"times": [{"start_time": "02:00", "end_time": "03:00"}], "location": "Europe/Berlin"},
            ["2026-10-25 00:00", "2026-10-25 01:59", "2027-03-27 01:30"],
            ["2026-10-25 02:00", "2026-10-24 23:59", "2027-03-28 00:59", "2027-03-28 01:00"],
        ),
    ],
)
def test_an_instant_is_in_an_interval_as_alertmanager_says(
    interval: dict[str, Any], inside: list[str], outside: list[str]
) -> None:
    found = mute(interval)
    assert [text for text in inside if not found.is_in_force(at(text))] == []
    assert [text for text in outside if found.is_in_force(at(text))] == []


@pytest.mark.parametrize(
    ("intervals", "now", "end"),
    [
        ([{"times": [DAY]}], "2026-11-26 12:00:30", "2026-11-26 17:00"),
        # Two times that meet at midnight are one night; so are two intervals.
        (
            [{"times": [{"start_time": "22:00", "end_time": "24:00"}, {"start_time": "00:00", "end_time": "06:00"}]}],
            "2026-11-26 23:00",
            "2026-11-27 06:00",
        ),
        ([{"weekdays": ["saturday"]}, {"weekdays": ["sunday"]}], "2026-11-28 01:00", "2026-11-30 00:00"),
        ([{"days_of_month": ["-1"], "location": "Europe/Berlin"}], "2026-11-30 12:00", "2026-11-30 23:00"),
        # 02:30 is never shown on the day that clocks are put forward, and twice on the day that they are put back.
        (
            [{"times": [{"start_time": "01:00", "end_time": "02:30"}], "location": "Europe/Berlin"}],
            "2027-03-28 00:30",
            "2027-03-28 01:00",
        ),
        (
            [{"times": [{"start_time": "01:00", "end_time": "02:30"}], "location": "Europe/Berlin"}],
            "2026-10-25 00:10",
            "2026-10-25 00:30",
        ),
        ([{"years": ["2026:2099"]}], "2026-11-26 12:00", None),
        ([], "2026-11-26 12:00", None),
    ],
)
def test_a_mute_in_force_says_when_it_ends(intervals: list[dict[str, Any]], now: str, end: str | None) -> None:
    found = mute(*intervals)
    assert found.is_in_force(at(now))
    assert found.until(at(now)) == (at(end) if end is not None else None)


def test_whom_a_mute_concerns() -> None:
    all_metrics, noise = mute(devices="press-*"), mute(devices="press-1", metric="noise")
    assert all_metrics.concerns("press-7", "noise")
    assert all_metrics.concerns("press-7", None)
    assert not all_metrics.concerns("Press-7", "noise")
    assert noise.concerns("press-1", "noise")
    assert not noise.concerns("press-1", None)
    assert not noise.concerns("press-1", "heat")
    assert not noise.concerns("press-10", "noise")


def in_interval(**interval: Any) -> dict[str, Any]:
    return {"name": "m", "devices": "*", "time_intervals": [interval]}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("press-*", "mutes[0] must be a JSON object"),
        ({"devices": "*"}, "mutes[0].name must be 1 to 64 printable characters, not null"),
        ({"name": "m"}, "mutes[0].devices must be a device id or a pattern such as press-*, not null"),
        ({"name": "m", "devices": "#"}, "mutes[0].devices must be"),
        ({"name": "m", "devices": "*", "metric": "a b"}, "mutes[0].metric must be a metric's name"),
        ({"name": "m", "devices": "*", "until": "x"}, "mutes[0].until is unknown"),
        (
            {"name": "m", "devices": "*", "time_intervals": []},
            "time_intervals must be an array with something in it",
        ),
        (in_interval(), "mutes[0].time_intervals[0] needs one of times, weekdays"),
        (in_interval(location="Europe/Berlin"), "mutes[0].time_intervals[0] needs one of"),
        (in_interval(weekdays=[]), "mutes[0].time_intervals[0].weekdays must be an array with something in it"),
        (in_interval(weekdays=["mon"]), "weekdays[0] must be a day such as saturday, or a range such as monday:friday"),
        (in_interval(weekdays=["1"]), "weekdays[0] must be a day"),
        (in_interval(weekdays=["saturday:sunday"]), "weekdays[0] ends before it starts"),
        (in_interval(weekdays=["monday:tuesday:friday"]), "weekdays[0] must be a day"),
        (in_interval(days_of_month=["0"]), "days_of_month[0] must be a day such as 1, or -1 for the last"),
        (in_interval(days_of_month=["32"]), "days_of_month[0] must be"),
        (in_interval(days_of_month=["-1:5"]), "days_of_month[0] ends before it starts"),
        (in_interval(days_of_month=["28:-20"]), "days_of_month[0] ends before it starts"),
        (in_interval(days_of_month=[True]), "days_of_month[0] must be"),
        (in_interval(months=["13"]), "months[0] must be a month such as may or 5"),
        (in_interval(months=["may:march"]), "months[0] ends before it starts"),
        (in_interval(years=["2030:2020"]), "years[0] ends before it starts"),
        (in_interval(years=["soon"]), "years[0] must be a year such as 2026"),
        (in_interval(times=[{"start_time": "22:00", "end_time": "06:00"}]), "a night is two times, one that ends at"),
        (in_interval(times=[{"start_time": "06:00", "end_time": "06:00"}]), "times[0] ends at 06:00, not after"),
        (in_interval(times=[{"start_time": "06:00"}]), "times[0].end_time must be a time such as 08:30"),
        (in_interval(times=[{"start_time": "6:00", "end_time": "07:00"}]), "times[0].start_time must be"),
        (in_interval(times=[{"start_time": "06:00", "end_time": "24:01"}]), "times[0].end_time must be"),
        (in_interval(years=["2026"], location="Europe/Bern"), "location must be a time zone of the IANA database"),
        (in_interval(years=["2026"], location="Europe"), "location must be a time zone"),
        (in_interval(years=["2026"], location="../passwd"), "location must be a time zone"),
        (in_interval(years=["2026"], location="tzdata.zi"), "location must be a time zone"),
        (in_interval(years=["2026"], location="Local"), "location must be a time zone"),
        (in_interval(years=["2026"], location=1), "location must be a time zone"),
    ],
)
def test_what_is_no_mute_is_refused_in_a_sentence_that_names_its_place(entry: Any, says: str) -> None:
    with pytest.raises(ThresholdsError) as refused:
        mutes(entry)
    assert says in str(refused.value)


def test_two_mutes_have_two_names() -> None:
    with pytest.raises(ThresholdsError, match=r'mutes\[1\].name "m" is another mute\'s already'):
        mutes({"name": "m", "devices": "a"}, {"name": "m", "devices": "b"})
    with pytest.raises(ThresholdsError, match="mutes must be an array of mutes"):
        Thresholds.parse('{"version": 1, "mutes": {}}')
