"""The thresholds document: JSON text in, the rule for a device and metric out. Pure; no AWS SDK import.

    {"version": 1,
     "metrics": {"temperature": {"unit": "Cel", "warning": {"above": 70}, "critical": {"above": 85},
                                 "clear": {"below": 65}, "for": "5m", "remind_every": "4h"}},
     "devices": {"freezer-*": {"temperature": {"critical": {"above": -10}}}},
     "silent_after": {"*": "15m"}}

A document is checked whole (by `threshold_document`) before any of it is used.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from lambdas.shared import threshold_document
from lambdas.shared.threshold_rules import Bounds, Crossing, Rule, ThresholdsError

__all__ = ["Bounds", "Crossing", "Rule", "Thresholds", "ThresholdsError"]

_CACHED_RULES = 20_000

T = TypeVar("T")


class _ByDevice(Generic[T]):
    """Values by device pattern, found by device id: the exact id first, then the glob with most literal characters."""

    def __init__(self, entries: dict[str, T]) -> None:
        globs = [pattern for pattern in entries if "*" in pattern or "?" in pattern]
        globs.sort(key=lambda pattern: (-sum(character not in "*?" for character in pattern), pattern))
        self._globs = [(_matcher(pattern), entries[pattern]) for pattern in globs]
        self._exact = {pattern: value for pattern, value in entries.items() if pattern not in globs}

    def matching(self, device_id: str) -> list[T]:
        """Return the values whose pattern matches, the most specific first."""
        exact = [self._exact[device_id]] if device_id in self._exact else []
        return exact + [value for matches, value in self._globs if matches(device_id)]


class Thresholds:
    """The rules of one document that passed every check."""

    def __init__(
        self,
        *,
        metrics: dict[str, Rule],
        devices: dict[str, dict[str, Rule]],
        silent_after: dict[str, timedelta],
    ) -> None:
        self._metrics = metrics
        self._devices = _ByDevice(devices)
        self._silent_after = _ByDevice(silent_after)
        self._found: dict[tuple[str, str], Rule | None] = {}

    @classmethod
    def parse(cls, document: str | bytes, *, name: str = "thresholds.json") -> Thresholds:
        """Check `document` and return its rules. `name` stands first in the message of a ThresholdsError."""
        return cls(**threshold_document.read(document, name=name))

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
        return next(iter(self._silent_after.matching(device_id)), None)


def _matcher(pattern: str) -> Callable[[str], object]:
    # fnmatch's own translation, compiled once: it is not quadratic in the number of stars, and `fnmatch()` itself
    # would fold case on some systems.
    return re.compile(fnmatch.translate(pattern)).match
