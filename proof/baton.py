"""Two invocations at once, of which only one moves: it goes on until it ends or hands over at a call. Deterministic."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class Baton:
    """Runs functions in threads, the first one first, and never two at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._left: list[int] = []
        self._holder = 0
        self._enter: Sequence[Callable[[], None]] = ()

    @property
    def alone(self) -> bool:
        """Tell whether there is nobody to hand over to."""
        return len(self._left) < 2

    def run(self, works: Sequence[Callable[[], None]], *, enter: Sequence[Callable[[], None]]) -> None:
        """Run all works to their end; `enter[i]` is called whenever work i is about to go on."""
        if len(works) == 1:
            enter[0]()
            works[0]()
            return
        self._left, self._holder, self._enter = list(range(len(works))), 0, enter
        threads = [threading.Thread(target=self._work, args=(place, work)) for place, work in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def switch(self) -> None:
        """Hand over to the next one that has not ended, and wait for one's turn."""
        with self._changed:
            me = self._holder
            self._hand_over(after=me)
            self._wait(me)

    def _work(self, place: int, work: Callable[[], None]) -> None:
        with self._changed:
            self._wait(place)
        try:
            work()
        finally:
            with self._changed:
                self._hand_over(after=place)
                self._left.remove(place)
                self._changed.notify_all()

    def _hand_over(self, *, after: int) -> None:
        others = [place for place in self._left if place != after]
        if others:
            self._holder = next((place for place in others if place > after), others[0])
            self._changed.notify_all()

    def _wait(self, place: int) -> None:
        self._changed.wait_for(lambda: self._holder == place)
        self._enter[place]()
