"""Values by device pattern, found by device id."""

from __future__ import annotations

from typing import Generic, TypeVar

from lambdas.shared.thresholds.patterns import is_glob, matcher

T = TypeVar("T")


class ByDevice(Generic[T]):
    """Values by device pattern, found by device id: the exact id first, then the glob with most literal characters."""

    def __init__(self, entries: dict[str, T]) -> None:
        globs = [pattern for pattern in entries if is_glob(pattern)]
        globs.sort(key=lambda pattern: (-sum(character not in "*?" for character in pattern), pattern))
        self._globs = [(matcher(pattern), entries[pattern]) for pattern in globs]
        self._exact = {pattern: value for pattern, value in entries.items() if pattern not in globs}

    def matching(self, device_id: str) -> list[T]:
        """Return the values whose pattern matches, the most specific first."""
        exact = [self._exact[device_id]] if device_id in self._exact else []
        return exact + [value for matches, value in self._globs if matches(device_id)]

    def first(self, device_id: str) -> T | None:
        """Return the value of the most specific pattern that matches, or None."""
        if device_id in self._exact:
            return self._exact[device_id]
        return next((value for matches, value in self._globs if matches(device_id)), None)
