from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambdas.shared.threshold_source import BUNDLED, ThresholdSource
from lambdas.shared.thresholds import Thresholds, ThresholdsError

NAME = "/sensor-fanout/test/thresholds"


def document(limit: float) -> str:
    return json.dumps({"version": 1, "metrics": {"t": {"warning": {"above": limit}}}})


class World:
    def __init__(self) -> None:
        self.ssm: Any = boto3.client("ssm")
        self.now = 0.0
        self.reads = 0
        self.ssm.meta.events.register("before-call.ssm.GetParameter", self._count)

    def _count(self, **_: Any) -> None:
        self.reads += 1

    def put(self, value: str) -> None:
        self.ssm.put_parameter(Name=NAME, Value=value, Type="String", Overwrite=True)

    def source(self, fallback: str = document(1)) -> ThresholdSource:
        return ThresholdSource(self.ssm, parameter=NAME, fallback=fallback, clock=lambda: self.now)


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield World()


def limit(thresholds: Thresholds) -> float | None:
    rule = thresholds.rule_for("d", "t")
    assert rule is not None
    assert rule.warning is not None
    return rule.warning.above


def test_the_parameter_is_read_at_most_once_a_minute(world: World) -> None:
    world.put(document(70))
    source = world.source()
    assert (limit(source.current()), source.problem) == (70, None)
    world.put(document(80))
    world.now = 59.9
    assert (limit(source.current()), world.reads) == (70, 1)
    world.now = 60
    assert (limit(source.current()), world.reads) == (80, 2)


def test_a_bad_document_never_replaces_a_good_one(world: World) -> None:
    world.put(document(70))
    source = world.source()
    source.current()
    world.put('{"version": 1, "metrics": {"t": {}}}')
    world.now = 60
    assert limit(source.current()) == 70
    assert source.problem == f"{NAME}: metrics.t needs warning or critical bounds"
    world.now = 70
    assert (limit(source.current()), world.reads) == (70, 2)
    world.put(document(75))
    world.now = 120
    assert (limit(source.current()), source.problem) == (75, None)


@pytest.mark.parametrize("bad", [None, "{}"])
def test_where_there_was_no_good_one_the_fallback_is_used(world: World, bad: str | None) -> None:
    if bad is not None:
        world.put(bad)
    source = world.source()
    assert limit(source.current()) == 1
    assert source.problem is not None
    assert NAME in source.problem


def test_a_failing_read_leaves_the_last_good_one_in_use(world: World) -> None:
    world.put(document(70))
    source = world.source()
    source.current()
    world.ssm.delete_parameter(Name=NAME)
    world.now = 60
    assert limit(source.current()) == 70
    assert "could not be read" in str(source.problem)


def test_the_fallback_is_checked_too_and_only_when_it_is_needed(world: World) -> None:
    world.put(document(70))
    assert limit(world.source(fallback="{}").current()) == 70
    world.put("{}")
    with pytest.raises(ThresholdsError, match=r"the bundled thresholds\.json"):
        world.source(fallback="{}").current()


def test_the_bundled_document_is_there_and_good() -> None:
    assert Thresholds.parse(BUNDLED.read_text()).rule_for("boiler-7", "temperature") is not None
