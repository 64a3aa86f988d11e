"""A fleet made to order: seeded; ingest's own decoder finds in each object exactly the readings listed for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from lambdas.ingest.decoding.payload import Payload
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.errors import UserError
from sensorctl.simulate.custom_fleet import STORIES, levels, story_counts
from sensorctl.simulate.expectations import Expected, reading_key
from sensorctl.simulate.fleet import SentObject
from sensorctl.simulate.options import FleetOptions
from sensorctl.simulate.plan import fleet_objects
from tests import ROOT

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOW = START + timedelta(hours=1)
THRESHOLDS = Thresholds.parse((ROOT / "thresholds.json").read_bytes())
ORDER = FleetOptions(metric=["temperature", "humidity"], start=START)


def sent(order: FleetOptions = ORDER, stories: Mapping[str, int | None] | None = None) -> list[SentObject]:
    return fleet_objects(order, stories or {}, thresholds=THRESHOLDS, now=NOW)


def of(story: str, uploads: list[SentObject] | None = None) -> list[float]:
    """Return the temperatures of the first device with the story, in the order of time."""
    found = uploads if uploads is not None else sent()
    return [r.metrics["temperature"] for u in found for r in u.readings if r.device_id == f"{story}-01" and r.metrics]


def mails(story: str) -> list[str]:
    """Return the e-mails expected for the first device with the story, in their order."""
    expected = Expected(THRESHOLDS, clock=lambda: NOW)
    expected.add(upload for upload in sent() if upload.key.startswith(f"{story}-01/"))
    return [f"{mail.kind} {mail.severity}" for mail in expected.mails]


def test_the_same_seed_and_start_give_the_same_bytes_and_another_seed_others() -> None:
    assert sent() == sent()
    assert sent() != sent(replace(ORDER, seed=2))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ingest_decodes_exactly_the_readings_listed_for_each_object(seed: int) -> None:
    for upload in sent(replace(ORDER, seed=seed, every="300ms", duration="1m")):
        batches = list(Payload(iter([upload.body]), now=NOW))
        found = Counter(reading_key(r.device_id, r.timestamp, r.metrics) for batch in batches for r in batch.readings)
        listed = Counter(reading_key(r.device_id, r.timestamp, r.metrics) for r in upload.readings)
        assert found == listed, upload.key
        rejects = [reject for batch in batches for reject in batch.rejects]
        assert Counter(reject.reason for reject in rejects if reject.member is None) == Counter(upload.rejects)
        assert Counter(reject.reason for reject in rejects if reject.member) == Counter(upload.bad_values)


def test_keys_differ_from_each_other_but_for_none() -> None:
    keys = Counter(upload.key for upload in sent())
    assert keys.most_common(1)[0][1] == 1


def test_without_any_story_there_is_one_device_of_each_and_the_rest_is_steady() -> None:
    devices = {r.device_id for upload in sent() for r in upload.readings}
    assert devices == {f"{story}-01" for story in STORIES} | {"steady-01", "steady-02"}
    assert story_counts({}, devices=3) == {story: int(place < 3) for place, story in enumerate(STORIES)}


def test_the_devices_of_a_story_are_as_many_as_asked_for() -> None:
    uploads = sent(stories={"drift": 2, "gzip": 0, "senml": None})
    devices = {r.device_id for upload in uploads for r in upload.readings}
    assert devices == {"drift-01", "drift-02", *(f"steady-{number:02}" for number in range(1, 9))}


def test_more_stories_than_devices_are_refused() -> None:
    with pytest.raises(UserError, match="12 devices are to have a story"):
        sent(stories={"drift": 12})


def test_a_drift_goes_from_normal_through_warning_to_critical() -> None:
    values = of("drift")
    assert values[0] < 65
    assert values[-1] > 85
    assert mails("drift") == ["opened warning", "escalated critical"]


def test_a_spike_is_single_readings_out_of_bounds() -> None:
    hot = [value > 85 for value in of("spike")]
    assert 1 <= sum(hot) <= 6
    assert mails("spike") == ["opened critical"]


def test_a_flap_crosses_the_limit_again_and_again_and_is_one_warning() -> None:
    values = of("flap")
    crossings = sum((a > 70) != (b > 70) for a, b in pairwise(values))
    assert crossings > 100
    assert mails("flap") == ["opened warning"]


@pytest.mark.parametrize("story", ["steady", "duplicates", "gzip", "senml"])
def test_what_has_no_trouble_with_values_mails_nothing(story: str) -> None:
    assert mails(story) == []


def test_a_silent_device_stops_and_the_sweep_misses_it() -> None:
    expected = Expected(THRESHOLDS, clock=lambda: NOW)
    expected.add(sent())
    expected.sweep(now=START + timedelta(minutes=30))
    assert [mail.subject for mail in expected.mails if mail.kind == "silent"] == ["silence-01 -"]


def test_broken_files_are_rejected_by_reason() -> None:
    reasons = {reason for upload in sent() for reason in (*upload.rejects, *upload.bad_values)}
    assert reasons == {"not_json", "invalid_timestamp", "invalid_value", "no_metrics", "bad_gzip", "bad_encoding"}


def test_without_a_start_the_last_reading_is_of_now() -> None:
    newest = max(r.timestamp for upload in sent(replace(ORDER, start=None)) for r in upload.readings)
    assert timedelta(0) <= NOW - newest <= timedelta(seconds=11)


@pytest.mark.parametrize(
    ("rule", "side"),
    [
        ('{"warning": {"above": 70}, "critical": {"above": 85}, "clear": {"below": 65}}', 1),
        ('{"warning": {"below": 20}, "critical": {"below": 5}, "clear": {"above": 25}}', -1),
        ('{"critical": {"below": -18}}', -1),
        ('{"warning": {"above": 0}}', 1),
    ],
)
def test_levels_lie_where_the_rule_puts_them(rule: str, side: int) -> None:
    found = Thresholds.parse(f'{{"version": 1, "metrics": {{"m": {rule}}}}}').rule_for("d", "m")
    assert found is not None
    lies = levels(found)
    assert found.crossing(lies.normal) is None
    assert found.is_clear(lies.normal + lies.noise)
    assert found.is_clear(lies.normal - lies.noise)
    assert found.crossing(lies.past) is not None
    assert side * (lies.past - lies.normal) > 0


def test_a_metric_without_a_rule_is_never_out_of_bounds() -> None:
    uploads = sent(replace(ORDER, metric=["co2"]))
    expected = Expected(THRESHOLDS, clock=lambda: NOW)
    expected.add(uploads)
    assert expected.breaching == 0


def test_too_much_at_once_and_a_name_that_is_none_are_refused() -> None:
    with pytest.raises(UserError, match="at most 2,000,000"):
        sent(replace(ORDER, devices=100_000, duration="1d"))
    with pytest.raises(UserError, match="--metric a b: a metric name is 'a b'"):
        sent(replace(ORDER, metric=["a b"]))
