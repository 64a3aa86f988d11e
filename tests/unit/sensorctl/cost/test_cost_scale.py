from __future__ import annotations

import pytest

from bench.scale import QUOTAS, Load, burst, met
from sensorctl.cost.model import Fleet


def test_a_small_fleet_meets_no_quota_and_a_huge_one_several() -> None:
    small = Load.of(Fleet(devices=1_000, every_s=60))
    huge = Load.of(Fleet(devices=10_000_000, every_s=60))

    assert met(small) == []
    assert {"registrations", "prefix", "new table", "table", "concurrency"} <= {quota.short for quota in met(huge)}


def test_batching_at_the_edge_takes_a_fleet_off_the_limits_of_objects() -> None:
    batched = Load.of(Fleet(devices=1_000_000, every_s=60, readings_per_object=60))

    assert {quota.short for quota in met(batched)}.isdisjoint({"registrations", "prefix", "concurrency", "reserved"})


def test_every_quota_is_about_something_the_model_computes_and_names_its_source() -> None:
    load = Load.of(Fleet(devices=1, every_s=60))

    assert all(getattr(load, quota.field) >= 0 and len(quota.source) > 20 for quota in QUOTAS)


def test_a_burst_within_the_concurrency_waits_for_nothing() -> None:
    found = burst(objects=1_000, within_s=60, service_s=0.03, concurrency=1_000)

    assert (found.throttled, found.oldest_s) == (0, 0.0)
    assert found.drained_s < 61


def test_a_burst_beyond_the_concurrency_drains_no_faster_than_its_work_and_no_event_is_lost() -> None:
    found = burst(objects=2_000, within_s=10, service_s=1.0, concurrency=20)

    assert found.drained_s >= 2_000 * 1.0 / 20
    assert found.oldest_s < 6 * 3600
    assert found.throttled > 0


def test_a_burst_is_the_same_for_the_same_seed() -> None:
    given = {"objects": 500, "within_s": 5.0, "service_s": 0.5, "concurrency": 10}

    assert burst(**given, seed=3) == burst(**given, seed=3)  # type: ignore[arg-type]
    assert burst(**given, seed=3).drained_s == pytest.approx(burst(**given, seed=4).drained_s, rel=0.5)  # type: ignore[arg-type]
