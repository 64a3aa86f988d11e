"""Do the e-mails about honest devices leave in time? At the second sweep at the latest, whatever others upload.

A device is honest if its own source uploads at a usual rate; others, beside it, may flood (`Scenario.honest`).

Counted from when an e-mail could first be sent: its breach's event has been handled; for the end of an alert the object
of the recovery too, and the e-mail on its beginning has left, since the order is never the other way round. A fault
that hits a sweep, or one of those very invocations, delays it to the next: from the last such fault before the
e-mail the sweeps are counted anew. Faults in what others uploaded excuse nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from tests.faults.expected import Breach, Event, Expected
from tests.faults.world import inbox
from tests.faults.world.inbox import Headline
from tests.faults.world.scenario import START
from tests.faults.world.world import Delivery, Mail, World

WITHIN_SWEEPS = 2


def overdue(world: World, objects: Sequence[Expected]) -> list[str]:
    """Return a sentence for each e-mail about an honest device that left too late; lost ones are no concern of this."""
    found = []
    for item in objects:
        for breach in (breach for breach in item.breaches if breach.device in world.scenario.honest):
            handled = _handlings(world, partial(item.is_reported_by, breach=breach))
            opened = _first(world, breach, partial(_opens, least=breach.severity))
            found += _late(world, opened, after=[handled])
            recovery = _recovery(objects, item, breach)
            if recovery is not None and opened is not None:
                ended = _first(world, breach, lambda line: line.label == "RESOLVED")
                recovered = _handlings(world, recovery.is_notified_by)
                found += _late(world, ended, after=[handled, recovered], not_before=opened.at)
    return found


def _opens(line: Headline, *, least: int) -> bool:
    return line.opens and line.severity >= least


def _first(world: World, breach: Breach, says: Callable[[Headline], bool]) -> Mail | None:
    """Return the first e-mail that says so of the breach's metric."""
    for mail in world.mails:
        for line in inbox.headlines(mail):
            if (line.device, line.metric) == (breach.device, breach.metric) and says(line):
                return mail
    return None


def _late(
    world: World, mail: Mail | None, *, after: Sequence[Sequence[Delivery]], not_before: datetime = START
) -> list[str]:
    """Compare when an e-mail left with when all of `after` had been handled without failing, if they ever were."""
    handled = [next((delivery.at for delivery in handlings if delivery.failed is None), None) for handlings in after]
    if mail is None or None in handled:
        return []
    before = [delivery for delivery in world.deliveries if delivery.invocation < mail.invocation]
    sweeps = [delivery for delivery in before if delivery.function == "sweep"]
    disturbed = [
        delivery.at
        for delivery in before
        if (delivery.function == "sweep" or any(delivery in handlings for handlings in after))
        and (delivery.failed is not None or world.faults.get(delivery.invocation))
    ]
    start = _minute(max(at for at in (not_before, *handled, *disturbed) if at is not None))
    passed = {_minute(sweep.at) for sweep in sweeps if _minute(sweep.at) > start}
    if len(passed) < WITHIN_SWEEPS:
        return []
    return [f"e-mail late by {len(passed) + 1 - WITHIN_SWEEPS} sweeps: {mail.subject} at {mail.at:%H:%M:%S}"]


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _handlings(world: World, is_wanted: Callable[[Event], bool]) -> list[Delivery]:
    return [delivery for delivery in world.deliveries if delivery.function != "sweep" and is_wanted(delivery.event)]


def _recovery(objects: Sequence[Expected], item: Expected, breach: Breach) -> Expected | None:
    """Return the next object of the device, if it is back within its limits there."""
    later = [
        other
        for other in objects
        if other.stored.at > item.stored.at and any(reading.device == breach.device for reading in other.readings)
    ]
    following = min(later, key=lambda other: other.stored.at, default=None)
    if following is None or any(other.device == breach.device for other in following.breaches):
        return None
    return following
