"""The rule for one metric: what is normal, what is not, and when an alert ends. Pure; no AWS SDK import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from lambdas.shared.contracts import Bound, Severity

DEFAULT_REMIND_EVERY = timedelta(hours=4)


class ThresholdsError(ValueError):
    """The document cannot be used; the message names the file, the path, the value and the rule it broke."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """One or two limits; a value exactly on a limit is not past it."""

    above: float | int | None = None
    below: float | int | None = None

    def crossed(self, value: float | int) -> tuple[Bound, float | int] | None:
        """Return the side and the limit that `value` is past, or None."""
        if self.above is not None and value > self.above:
            return "above", self.above
        if self.below is not None and value < self.below:
            return "below", self.below
        return None


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A value is past `limit`, on the side that `bound` names."""

    severity: Severity
    bound: Bound
    limit: float | int


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is normal for one metric of one device.

    `hold` is how long a value must stay out of bounds before it counts, `remind_every` the pause between reminders;
    `source` is the rule's path in the document, for people.
    """

    unit: str | None = None
    warning: Bounds | None = None
    critical: Bounds | None = None
    clear: Bounds | None = None
    hold: timedelta = timedelta(0)
    remind_every: timedelta = DEFAULT_REMIND_EVERY
    source: str

    def crossing(self, value: float | int) -> Crossing | None:
        """Return the gravest crossing of `value`, or None while it is within bounds."""
        if self.critical is not None and (crossed := self.critical.crossed(value)) is not None:
            return Crossing(severity="critical", bound=crossed[0], limit=crossed[1])
        if self.warning is not None and (crossed := self.warning.crossed(value)) is not None:
            return Crossing(severity="warning", bound=crossed[0], limit=crossed[1])
        return None

    def is_clear(self, value: float | int) -> bool:
        """Tell whether `value` ends an alert: it crosses nothing and is past every `clear` limit there is."""
        if self.crossing(value) is not None:
            return False
        if self.clear is None:
            return True
        return (self.clear.below is None or value < self.clear.below) and (
            self.clear.above is None or value > self.clear.above
        )
