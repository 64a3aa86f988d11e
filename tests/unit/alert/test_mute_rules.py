"""Which mute is in force for a metric or a silence, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.alert.domain import mutes as module
from lambdas.alert.domain.models import Digest, MetricState, Rejection, Silence
from lambdas.alert.domain.mutes import Mute, Mutes, Muting, OneOffMutes
from lambdas.shared.thresholds.recurring_mutes import RecurringMute
from lambdas.shared.thresholds.thresholds import Thresholds

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
ONE = Mute(mute_id="a1", devices="press-1", begin=NOON, until=NOON + HOUR, by="ada", why="belt change")
NIGHT = RecurringMute(name="night", devices="press-*", source="mutes[0]")


def muting(*one_off: Mute, of: str = "press-1", metric: str | None = "noise", at: datetime = NOON) -> Muting | None:
    return Mutes(one_off=OneOffMutes(one_off)).muting(of, metric, now=at)


def test_a_mute_is_in_force_from_its_begin_to_just_before_its_end() -> None:
    found = Muting(name="a1", until=NOON + HOUR)
    times = (NOON - TICK, NOON, NOON + HOUR - TICK, NOON + HOUR)
    assert [muting(ONE, at=at) for at in times] == [None, found, found, None]


@pytest.mark.parametrize("pattern", ["press-1", "press-*", "press-?"])
def test_it_is_about_the_devices_of_its_pattern_alone(pattern: str) -> None:
    mute = replace(ONE, devices=pattern)
    assert muting(mute) is not None
    assert muting(mute, of="pump-1") is None


def test_with_a_metric_it_is_about_that_alone_and_without_one_about_silence_too() -> None:
    of_noise = replace(ONE, metric="noise")
    assert [muting(of_noise, metric=name) is not None for name in ("noise", "heat", None)] == [True, False, False]
    assert [muting(ONE, metric=name) is not None for name in ("noise", "heat", None)] == [True, True, True]


def test_of_several_the_one_that_ends_last_is_named_and_one_without_an_end_before_all() -> None:
    longer = replace(ONE, mute_id="a2", devices="press-*", until=NOON + 2 * HOUR)
    for order in ((ONE, longer), (longer, ONE)):
        assert muting(*order) == Muting(name="a2", until=NOON + 2 * HOUR)
    both = Mutes(one_off=OneOffMutes([longer]), recurring=(NIGHT,))
    assert both.muting("press-1", "noise", now=NOON) == Muting(name="night", until=None)
    assert both.muting("pump-1", "noise", now=NOON) is None
    assert muting() is None


def test_a_recurring_one_counts_within_its_times_and_names_its_end() -> None:
    read = '{"version": 1, "metrics": {"noise": {"warning": {"above": 80}}}, "mutes": [%s]}'
    shift = '{"name": "shift", "devices": "press-*", "metric": "noise", "time_intervals": [%s]}'
    times = '{"times": [{"start_time": "11:00", "end_time": "13:00"}]}'
    recurring = Thresholds.parse(read % (shift % times)).mutes
    mutes = Mutes(one_off=OneOffMutes(), recurring=recurring)
    assert mutes.muting("press-1", "noise", now=NOON) == Muting(name="shift", until=NOON + HOUR)
    assert mutes.muting("press-1", "noise", now=NOON + HOUR) is None
    assert mutes.muting("press-1", "heat", now=NOON) is None


def test_what_was_found_for_many_devices_is_forgotten_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHED_DEVICES", 2)
    listed = OneOffMutes([ONE, replace(ONE, mute_id="a2", devices="p*")])
    for _ in range(2):
        found = {device: [mute.mute_id for mute in listed.of(device)] for device in ("press-1", "pump-1", "lamp-1")}
        assert found == {"press-1": ["a1", "a2"], "pump-1": ["a2"], "lamp-1": []}


def test_metrics_and_silences_are_muted_and_what_is_about_a_source_is_not() -> None:
    everything = Mutes(one_off=OneOffMutes([replace(ONE, devices="*")]))
    muted: list[MetricState | Silence] = [
        MetricState(device_id="press-1", metric="noise"),
        Silence(device_id="press-1"),
    ]
    assert [everything.is_muted(state, now=NOON) for state in muted] == [True, True]
    of_noise = Mutes(one_off=OneOffMutes([replace(ONE, metric="noise")]))
    assert [of_noise.is_muted(state, now=NOON) for state in muted] == [True, False]
    assert [of_noise.is_muted(state, now=NOON + HOUR) for state in muted] == [False, False]
    for other in (Rejection(prefix="press-1", hour="h"), Digest(digest_id="d")):
        assert not everything.is_muted(other, now=NOON)
