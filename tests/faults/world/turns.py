"""Two invocations at once, of which only one moves: it goes on until it ends or hands over at a call. Deterministic."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class TurnTaker:
    """Runs functions in threads, the first one first, and never two at a time. `turn` is the place of who moves."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: list[int] = []
        self.turn = 0

    @property
    def alone(self) -> bool:
        """Return whether there is nobody to hand over to."""
        return len(self._running) < 2

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Run all works to their end."""
        self.turn = 0
        if len(works) == 1:
            works[0]()
            return
        self._running = list(range(len(works)))
        threads = [threading.Thread(target=self._work, args=(place, work)) for place, work in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def switch(self) -> None:
        """Hand over to the next one that has not ended, and wait until it hands back."""
        with self._changed:
            place = self.turn
            self._hand_over(after=place)
            self._changed.wait_for(lambda: self.turn == place)

    def _work(self, place: int, work: Callable[[], None]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.turn == place)
        try:
            work()
        finally:
            with self._changed:
                self._hand_over(after=place)
                self._running.remove(place)

    def _hand_over(self, *, after: int) -> None:
        others = [place for place in self._running if place != after]
        if others:
            self.turn = next((place for place in others if place > after), others[0])
            self._changed.notify_all()
