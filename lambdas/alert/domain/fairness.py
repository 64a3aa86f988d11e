"""Which source a message or record belongs to, and the order in which sources are served.

A source is the first folder of the object that something came in: where devices may write to their own folder alone,
nobody can take another's turn.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain
from typing import Protocol, TypeVar

from lambdas.alert.domain.models import Digest, Flood, MetricState, Rejection, State
from lambdas.alert.domain.notices import Notice
from lambdas.shared.names import source_of

T = TypeVar("T")

# 2^32 over the golden ratio: starts this far apart fill a circle evenly, however many there are.
_GOLDEN = 0x9E3779B1


def source_of_notice(notice: Notice | None) -> str:
    """Return the source of a notice, or an empty string for a digest, for a flood, and for an object in no folder.

    The e-mail about a flood must not wait for its source's share, which is spent.
    """
    if notice is None:
        return ""
    if notice.alert is not None:
        return source_of(notice.alert.breach.object.key)
    if notice.rejected is not None:
        return source_of(notice.rejected.rejected.object.key)
    if notice.silence is not None:
        return notice.silence.source or ""
    return ""


def source_of_state(state: State) -> str:
    """Return the source of a record: that of the alert's worst breach."""
    if isinstance(state, MetricState):
        return source_of(state.alert.worst.object.key) if state.alert is not None else ""
    if isinstance(state, Rejection):
        return source_of(state.first.key) if state.first is not None else ""
    return "" if isinstance(state, Digest | Flood) else state.source or ""


def round_robin(items: Iterable[T], *, source: Callable[[T], str]) -> list[T]:
    """Return the items with the first of each source before the second of any, and otherwise in their order."""
    taken: Counter[str] = Counter()
    rounds: list[list[T]] = []
    for item in items:
        name = source(item)
        if taken[name] == len(rounds):
            rounds.append([])
        rounds[taken[name]].append(item)
        taken[name] += 1
    return list(chain.from_iterable(rounds))


class _Owned(Protocol):
    """What has a key of its own and belongs to a source."""

    @property
    def key(self) -> str: ...

    @property
    def source(self) -> str: ...


D = TypeVar("D", bound=_Owned)


def in_turn(items: Iterable[D], *, now: datetime) -> list[D]:
    """Return the items with the first of each source before the second of any.

    Within a source the order begins elsewhere every minute, so that each gets its turn though time runs out.
    """
    ordered = sorted(items, key=lambda item: turn(item.key, now=now))
    return round_robin(ordered, source=lambda item: item.source)


def turn(key: str, *, now: datetime) -> int:
    """Return a place in the order of this minute, which begins elsewhere every minute.

    What looks at a part of the keys in this order every minute comes to each of them, with nothing to remember: after n
    minutes no two neighbouring starts are further apart than 2.7 / n of all keys (three-gap theorem).
    """
    return (zlib.crc32(key.encode()) - int(now.timestamp()) // 60 * _GOLDEN) % 2**32
