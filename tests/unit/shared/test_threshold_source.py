from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.shared.backoff import Backoff, OutOfTimeError
from lambdas.shared.thresholds.parameter import BUNDLED, ThresholdSource, ThresholdsUnavailableError
from lambdas.shared.thresholds.thresholds import Thresholds, ThresholdsError

NAME = "/sensor-fanout/test/thresholds"


def document(limit: float) -> str:
    return json.dumps({"version": 1, "metrics": {"t": {"warning": {"above": limit}}}})


class World:
    def __init__(self) -> None:
        self.ssm: Any = boto3.client("ssm")
        self.now = 0.0
        self.reads = 0
        self.throttled = 0
        self.left_s = 60.0
        self.waits: list[float] = []
        self.ssm.meta.events.register("before-call.ssm.GetParameter", self._count)

    def _count(self, **_: Any) -> None:
        self.reads += 1
        if self.reads <= self.throttled:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "GetParameter")

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.left_s -= seconds

    def put(self, value: str) -> None:
        self.ssm.put_parameter(Name=NAME, Value=value, Type="String", Overwrite=True)

    def source(self, fallback: str = document(1)) -> Source:
        backoff = partial(Backoff, pause=self._sleep, uniform=lambda _low, high: high)
        source = ThresholdSource(self.ssm, parameter=NAME, fallback=fallback, clock=lambda: self.now, backoff=backoff)
        return Source(self, source)


class Source:
    """A source asked by invocations that all have the time that the world has left."""

    def __init__(self, world: World, source: ThresholdSource) -> None:
        self._world = world
        self._source = source

    def current(self) -> Thresholds:
        return self._source.current(time_left=lambda: self._world.left_s)

    @property
    def problem(self) -> str | None:
        return self._source.problem

    @property
    def makeshift(self) -> bool:
        return self._source.makeshift


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
    assert (source.problem, source.makeshift) == (None, False)
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
    assert limit(source.current()) == 75
    assert source.problem is None


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


def test_a_throttled_first_read_is_tried_again_before_anything_is_judged(world: World) -> None:
    world.put(document(70))
    world.throttled = 3
    assert limit(world.source().current()) == 70
    assert (world.reads, len(world.waits)) == (4, 3)


def test_a_first_read_that_stays_throttled_raises_and_the_next_invocation_reads_at_once(world: World) -> None:
    world.put(document(70))
    world.throttled = 6
    source = world.source()
    with pytest.raises(ThresholdsUnavailableError, match=rf"{NAME} could not be read.*Rate exceeded"):
        source.current()
    assert world.reads == 6
    assert "Rate exceeded" in str(source.problem)
    assert (limit(source.current()), source.problem) == (70, None)


def test_a_first_read_is_not_tried_again_near_the_deadline(world: World) -> None:
    world.put(document(70))
    world.throttled, world.left_s = 99, 3.0
    with pytest.raises(OutOfTimeError, match=NAME):
        world.source().current()
    assert world.waits == []


def test_a_throttled_later_read_costs_no_wait_and_leaves_the_last_good_one(world: World) -> None:
    world.put(document(70))
    source = world.source()
    source.current()
    world.throttled, world.now = 99, 60
    assert (limit(source.current()), world.reads, world.waits) == (70, 2, [])
    assert "Rate exceeded" in str(source.problem)
    world.now = 61
    source.current()
    assert world.reads == 2


@pytest.mark.parametrize(("bad", "makeshift"), [(None, False), ("{}", True)])
def test_the_fallback_does_not_last_a_minute(world: World, bad: str | None, makeshift: bool) -> None:
    if bad is not None:
        world.put(bad)
    source = world.source()
    assert (limit(source.current()), source.makeshift) == (1, makeshift)
    world.put(document(70))
    assert (limit(source.current()), source.makeshift) == (70, False)


def test_the_fallback_is_checked_too_and_only_when_it_is_needed(world: World) -> None:
    world.put(document(70))
    assert limit(world.source(fallback="{}").current()) == 70
    world.put("{}")
    with pytest.raises(ThresholdsError, match=r"^the bundled thresholds\.json"):
        world.source(fallback="{}").current()


def test_the_bundled_document_is_there_and_good() -> None:
    assert Thresholds.parse(BUNDLED.read_text()).rule_for("boiler-7", "temperature") is not None
