"""Which devices are behind which gateway: `behind` of the thresholds document.

    {"press-*": "gateway-3", "gateway-*": "uplink"}

The most specific pattern counts, as for rules. A gateway may be behind another one. A pattern that its own gateway
matches (`*`) means the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lambdas.shared.thresholds.by_device import ByDevice


class Gateways:
    """The gateways of one document. `circle` names one that is behind itself, by way of others or not."""

    def __init__(self, behind: Mapping[str, str]) -> None:
        self._behind = dict(behind)
        self._by_device = ByDevice(self._behind)
        self.ids = frozenset(behind.values())
        own = (pattern for pattern, gateway in behind.items() if pattern == gateway)
        self.circle = next(own, None) or next((each for each in sorted(self.ids) if each in self._above(each)), None)

    def of(self, device_id: str) -> tuple[str, ...]:
        """Return the gateways that a device is behind, the nearest first."""
        return self._above(device_id) if self._behind else ()

    def prefixes(self, gateway: str) -> tuple[str, ...]:
        """Return what the names of a gateway and of the devices behind it begin with, one of these at least."""
        patterns = [pattern for pattern, nearest in self._behind.items() if gateway in (nearest, *self._above(nearest))]
        beginnings = {gateway, *(re.split(r"[*?]", pattern, maxsplit=1)[0] for pattern in patterns)}
        return tuple(
            sorted(
                beginning
                for beginning in beginnings
                if not any(beginning != other and beginning.startswith(other) for other in beginnings)
            )
        )

    def _above(self, device_id: str) -> tuple[str, ...]:
        found: list[str] = []
        below = device_id
        while True:
            gateway = next((above for above in self._by_device.matching(below) if above != below), None)
            if gateway is None or gateway in found:
                return tuple(found)
            found.append(gateway)
            below = gateway
