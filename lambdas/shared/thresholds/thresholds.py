"""The thresholds document: JSON text in, the rule for a device and metric out.

    {"version": 1,
     "metrics": {"temperature": {"unit": "Cel", "warning": {"above": 70}, "critical": {"above": 85},
                                 "clear": {"below": 65}, "valid": {"above": -55, "below": 125, "not": [85]},
                                 "for": "5m", "remind_every": "4h"}},
     "devices": {"freezer-*": {"temperature": {"critical": {"above": -10}}}},
     "silent_after": {"*": "15m"},
     "behind": {"press-*": "gateway-3"},
     "route_by": "site",
     "mutes": [{"name": "cleaning", "devices": "press-*", "time_intervals": [{"weekdays": ["sunday"]}]}]}

A document is checked whole (`validation.py`) before any of it is used.
"""

from __future__ import annotations

from datetime import timedelta

from lambdas.shared.thresholds import validation
from lambdas.shared.thresholds.by_device import ByDevice
from lambdas.shared.thresholds.gateways import Gateways
from lambdas.shared.thresholds.recurring_mutes import RecurringMute
from lambdas.shared.thresholds.rules import Bounds, Crossing, Rule, ThresholdsError, Valid

__all__ = ["Bounds", "Crossing", "Rule", "Thresholds", "ThresholdsError", "Valid"]

_CACHED_RULES = 20_000


class Thresholds:
    """The rules of one document that passed every check; `route_by` is the tag by which subscribers choose."""

    def __init__(
        self,
        *,
        metrics: dict[str, Rule],
        devices: dict[str, dict[str, Rule]],
        silent_after: dict[str, timedelta],
        behind: dict[str, str] | None = None,
        route_by: str | None = None,
        mutes: tuple[RecurringMute, ...] = (),
    ) -> None:
        self.route_by = route_by
        self._metrics = metrics
        self._devices = ByDevice(devices)
        self._silent_after = ByDevice(silent_after)
        self.shortest_silence_of_all = min(silent_after.values(), default=None)
        self.gateways = Gateways(behind or {})
        self.mutes = mutes
        self._found: dict[tuple[str, str], Rule | None] = {}

    @classmethod
    def parse(cls, document: str | bytes, *, name: str = "thresholds.json") -> Thresholds:
        """Check `document` and return its rules. `name` stands first in the message of a ThresholdsError."""
        return cls(**validation.read(document, name=name))

    def rule_for(self, device_id: str, metric: str) -> Rule | None:
        """Return the rule of one metric of one device, or None where nothing is predefined.

        The most specific device rule replaces the metric's default whole; only a missing unit is taken from the
        default.
        """
        wanted = (device_id, metric)
        if wanted not in self._found:
            if len(self._found) >= _CACHED_RULES:
                self._found.clear()
            rules = (rules[metric] for rules in self._devices.matching(device_id) if metric in rules)
            self._found[wanted] = next(rules, self._metrics.get(metric))
        return self._found[wanted]

    def silent_after(self, device_id: str) -> timedelta | None:
        """Return how long a device may say nothing before that is news, or None where nobody asked."""
        return self._silent_after.first(device_id)

    def shortest_silence(self, device_id: str) -> timedelta | None:
        """Return the shortest `silent_after` that concerns a device, its own and its gateways', or None."""
        limits = map(self.silent_after, (device_id, *self.gateways.of(device_id)))
        return min((limit for limit in limits if limit is not None), default=None)
