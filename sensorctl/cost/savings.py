"""What would make a fleet's bill smaller, and what each asks for in return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sensorctl.cost.model import Fleet, bill, total
from sensorctl.cost.prices import US_EAST_1, Prices


@dataclass(frozen=True, kw_only=True)
class Saving:
    """A change to the fleet or the stack, what it asks for in return, and the bill after it."""

    change: str
    in_return: str
    dollars: float


@dataclass(frozen=True, kw_only=True)
class _Change:
    what: str
    in_return: Callable[[Fleet], str]
    apply: Callable[[Fleet], Fleet]


def _more_together(times: int) -> _Change:
    """Put `times` as many readings into an object, or into a record of the front door."""
    return _Change(
        what=f"put {times} times as many readings into an upload",
        in_return=lambda f: f"the first of them waits {_span((f.readings_per_object * times - 1) * f.every_s)}",
        apply=lambda f: replace(f, readings_per_object=f.readings_per_object * times),
    )


_CHANGES = (
    _more_together(3),
    _more_together(10),
    _Change(
        what="open the front door (front_door=firehose)",
        in_return=lambda _: "a reading waits a minute, and all devices are one source",
        apply=lambda f: replace(f, front_door=True),
    ),
    _Change(
        what="provision the readings table (provisioned_writes)",
        in_return=lambda _: "what a burst writes over the capacity waits minutes for auto scaling",
        apply=lambda f: replace(f, provisioned=True),
    ),
    _Change(
        what="let Lambda log failures alone (system_log_level=WARN)",
        in_return=lambda _: "no line with time and memory of an invocation that went well",
        apply=lambda f: replace(f, lambda_logs=False),
    ),
    _Change(
        what="report half as often",
        in_return=lambda f: f"a problem shows {_span(f.every_s)} later",
        apply=lambda f: replace(f, every_s=f.every_s * 2),
    ),
    _Change(
        what="keep readings and objects half as long",
        in_return=lambda f: f"nothing older than {f.kept_days / 2:g} days",
        apply=lambda f: replace(f, kept_days=f.kept_days / 2),
    ),
)


def savings(fleet: Fleet, prices: Prices = US_EAST_1) -> list[Saving]:
    """Return what would make the bill smaller, the most first; a change that saves less than 2 % is left out."""
    now = total(bill(fleet, prices))
    found = [
        Saving(change=change.what, in_return=change.in_return(fleet), dollars=total(bill(change.apply(fleet), prices)))
        for change in _CHANGES
    ]
    return sorted((saving for saving in found if saving.dollars < 0.98 * now), key=lambda saving: saving.dollars)


def _span(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
