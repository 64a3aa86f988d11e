"""Which metrics no threshold judges: a file may be in order, and yet nobody hear of what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lambdas.shared.thresholds.thresholds import Thresholds

_NAMED = 10


@dataclass
class Unjudged:
    """Collects metrics, and whether a rule applies to each on any of the devices that have it."""

    thresholds: Thresholds
    _has_rule: dict[str, bool] = field(default_factory=dict)

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take in devices, each with a metric of it."""
        for device_id, metric in set(pairs):
            self._has_rule[metric] = (
                self._has_rule.get(metric, False) or self.thresholds.rule_for(device_id, metric) is not None
            )

    def sentence(self) -> str:
        """Return `no threshold applies to co2: stored, but nobody is alerted`, or nothing where one does to all."""
        names = sorted(metric for metric, has_rule in self._has_rule.items() if not has_rule)
        if not names:
            return ""
        shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        return f"no threshold applies to {shown}: stored, but nobody is alerted"
