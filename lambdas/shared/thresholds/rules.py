"""The rule for one metric: what is normal, what is not, and when an alert ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from lambdas.shared.document_reader import DocumentError
from lambdas.shared.events import Bound, Severity
from lambdas.shared.units import convert

DEFAULT_REMIND_EVERY = timedelta(hours=4)


class ThresholdsError(DocumentError):
    """The thresholds cannot be used."""


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
class Valid:
    """What a sensor can measure: above one value, below another, and none of what it sends instead of a measurement."""

    above: float | int | None = None
    below: float | int | None = None
    excluded: tuple[float | int, ...] = ()

    def holds(self, value: float | int) -> bool:
        """Return whether `value` can have been measured."""
        return (
            (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and value not in self.excluded
        )


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A value is past `limit`, on the side that `bound` names."""

    severity: Severity
    bound: Bound
    limit: float | int


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is normal for one metric of one device.

    All values are in `unit`. `hold` is how long a value must stay out of bounds before it counts, `clear_for` how long
    it must be clear before the alert ends, both in reading times; `remind_every` is the pause between reminders, and
    after `escalate_after` an alert that nobody has acknowledged is mailed as unattended. `runbook` is one line of text
    for whoever gets the e-mail; `source` is the rule's path in the document, for people.
    """

    unit: str | None = None
    warning: Bounds | None = None
    critical: Bounds | None = None
    clear: Bounds | None = None
    valid: Valid | None = None
    hold: timedelta = timedelta(0)
    clear_for: timedelta = timedelta(0)
    remind_every: timedelta = DEFAULT_REMIND_EVERY
    escalate_after: timedelta | None = None
    runbook: str | None = None
    source: str

    def in_its_unit(self, value: float | int, unit: str | None) -> float | int | None:
        """Return `value` in the rule's unit, or None where `unit` is known not to convert, or not known.

        A value without a unit is in the rule's, and a rule without one takes values as they are.
        """
        if not unit or self.unit is None or unit == self.unit:
            return value
        return convert(value, unit, self.unit)

    def judged(self, value: float | int, unit: str | None) -> float | int | None:
        """Return what of a stored value the rule judges, in its own unit; None: it is neither breach nor all-clear."""
        own = self.in_its_unit(value, unit)
        return own if own is not None and self.is_valid(own) else None

    def is_valid(self, value: float | int) -> bool:
        """Return whether a value in the rule's unit is one that a sensor measures."""
        return self.valid is None or self.valid.holds(value)

    def crossing(self, value: float | int) -> Crossing | None:
        """Return the most severe crossing of `value`, or None while it is within bounds."""
        if self.critical is not None and (crossed := self.critical.crossed(value)) is not None:
            return Crossing(severity="critical", bound=crossed[0], limit=crossed[1])
        if self.warning is not None and (crossed := self.warning.crossed(value)) is not None:
            return Crossing(severity="warning", bound=crossed[0], limit=crossed[1])
        return None

    def is_clear(self, value: float | int) -> bool:
        """Return whether `value` ends an alert: it crosses nothing and is past every `clear` limit there is."""
        if self.crossing(value) is not None:
            return False
        if self.clear is None:
            return True
        return (self.clear.below is None or value < self.clear.below) and (
            self.clear.above is None or value > self.clear.above
        )
