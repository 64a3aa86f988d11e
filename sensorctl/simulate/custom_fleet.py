"""A fleet made to order: N devices of each story, the rest steady. Seeded.

Levels follow the thresholds in force, so a device that is to drift out of bounds does, whatever the limits are. A
device's id says its story: `drift-01`, `spike-01`, `steady-01`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from lambdas.shared.thresholds.thresholds import Bounds, Rule, Thresholds
from sensorctl.errors import UserError
from sensorctl.simulate.fleet import (
    SentObject,
    SentReading,
    Signal,
    SimulatedDevice,
    as_gzip,
    as_ndjson,
    as_ndjson_twice,
    as_senml,
    with_corruption,
)
from sensorctl.simulate.options import FleetOptions, StoryOptions

# In the order in which devices are assigned to them.
STORIES = tuple(field.name for field in fields(StoryOptions))

Pack = Callable[[list[SentReading], int], list[SentObject]]

# Where the values of a metric without a rule lie, and how far apart things are.
_LEVEL, _SCALE = 20.0, 10.0
_NOISE = 0.05
_SPIKES = 0.02
_TALKS = 0.4
# The story of `with_corruption` takes so many rounds.
_CORRUPT_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A metric's levels: `normal` (an alert would end there), the two limits, and a value past both."""

    normal: float
    warning: float
    critical: float
    past: float

    @property
    def noise(self) -> float:
        """How far values move when nothing happens."""
        return abs(self.past - self.normal) * _NOISE


def levels(rule: Rule | None) -> Levels:
    """Return the levels of a rule; without a rule nothing is out of bounds, and the levels are invented."""
    limits = [_limit(bounds) for bounds in (rule.warning, rule.critical) if bounds is not None] if rule else []
    if not limits:
        return Levels(normal=_LEVEL, warning=_LEVEL + _SCALE, critical=_LEVEL + _SCALE, past=_LEVEL + 1.2 * _SCALE)
    (warning, side), (critical, _) = limits[0], limits[-1]
    scale = abs(critical - warning) or abs(warning) * 0.2 or 1.0
    return Levels(
        normal=warning - side * 1.5 * scale, warning=warning, critical=critical, past=critical + side * 0.2 * scale
    )


def story_counts(counts: Mapping[str, int | None], *, devices: int) -> dict[str, int]:
    """Return how many devices have each story. Where no count is given, one of each, as far as the devices suffice.

    Raises UserError when the stories need more devices than there are.
    """
    if all(count is None for count in counts.values()):
        return {story: int(place < devices) for place, story in enumerate(STORIES)}
    given = {story: counts.get(story) or 0 for story in STORIES}
    if sum(given.values()) > devices:
        raise UserError(f"{sum(given.values())} devices are to have a story; give at least as many with --devices")
    return given


def custom_fleet(
    order: FleetOptions, stories: Mapping[str, int], *, thresholds: Thresholds, rounds: int, per_round: int
) -> list[SimulatedDevice]:
    """Return the fleet; the first metric has the story, the others are steady.

    `rounds` of `per_round` readings are what it will be simulated for.
    """
    fleet = []
    storied = [story for story, count in stories.items() for _ in range(count)]
    names = [*storied, *["steady"] * (order.devices - len(storied))]
    digits = len(str(max(order.devices, 10)))
    for place, story in enumerate(names):
        name = f"{story}-{place - names.index(story) + 1:0{digits}}"
        signals: dict[str, Signal] = {}
        for metric in order.metrics:
            lies = levels(thresholds.rule_for(name, metric))
            moves = _SIGNALS.get(story, _steady) if metric == order.metrics[0] else _steady
            signals[metric] = moves(lies, rounds * per_round, random.Random(f"{order.seed}/{name}/{metric}"))  # noqa: S311
        fleet.append(SimulatedDevice(name=name, signals=signals, pack=_pack(story, rounds)))
    return fleet


def _limit(bounds: Bounds) -> tuple[float, int]:
    """Return a limit, and on which side of it values are out of bounds: 1 above, -1 below."""
    if bounds.above is not None:
        return float(bounds.above), 1
    return float(bounds.below or 0), -1


def _pack(story: str, rounds: int) -> Pack:
    talking = max(1, int(rounds * _TALKS))
    packs: Mapping[str, Pack] = {
        "silence": lambda readings, number: as_ndjson(readings, number) if number < talking else [],
        "duplicates": as_ndjson_twice,
        "corrupt": lambda readings, number: with_corruption(readings, number % _CORRUPT_ROUNDS),
        "gzip": as_gzip,
        "senml": as_senml,
    }
    return packs.get(story, as_ndjson)


# How values move: each makes a signal from levels, the number of steps and the device's own random numbers.


def _steady(lies: Levels, _steps: int, _chance: random.Random) -> Signal:
    return lambda _share, chance: lies.normal + chance.uniform(-lies.noise, lies.noise)


def _drift(lies: Levels, _steps: int, _chance: random.Random) -> Signal:
    """Rise from normal to past both limits over 80 % of the time, and stay there."""

    def value(share: float, chance: random.Random) -> float:
        way = min(share / 0.8, 1.0)
        return lies.normal + way * (lies.past - lies.normal) + chance.uniform(-lies.noise, lies.noise) * (way < 1)

    return value


def _spike(lies: Levels, steps: int, chance: random.Random) -> Signal:
    at = set(chance.sample(range(steps), max(1, round(steps * _SPIKES))))

    def value(share: float, chance: random.Random) -> float:
        noise = chance.uniform(-lies.noise, lies.noise)
        return lies.past if round(share * steps) in at else lies.normal + noise

    return value


def _flap(lies: Levels, steps: int, _chance: random.Random) -> Signal:
    def value(share: float, chance: random.Random) -> float:
        away = chance.uniform(0.2, 1.0) * lies.noise
        outwards = 1 if lies.past > lies.normal else -1
        return lies.warning + away * (outwards if round(share * steps) % 2 else -outwards)

    return value


_SIGNALS: Mapping[str, Callable[[Levels, int, random.Random], Signal]] = {
    "drift": _drift,
    "spike": _spike,
    "flap": _flap,
}
