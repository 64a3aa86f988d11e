"""`python -m bench.scale`: what a fleet of any size asks of AWS, which quota it meets first, and how a burst drains.

The load follows from sensorctl.cost.model.Fleet, the quotas from the documents named beside them. docs/scale.md holds
what this prints, with what to change at each step.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from sensorctl.cost.model import NAMES_SWEPT_A_MINUTE, SECONDS_A_MONTH, Fleet, bill, total

DEVICES = (10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a fleet asks a second, at an even pace."""

    objects: float
    concurrency: float
    write_units: float
    registrations: float
    put_events: float
    parameter_reads: float
    sweep_minutes: float
    stream_requests: float
    dollars: float

    @classmethod
    def of(cls, fleet: Fleet) -> Load:
        """Return the load of a fleet."""
        objects = fleet.objects / SECONDS_A_MONTH
        return cls(
            objects=objects,
            concurrency=objects * fleet.ingest_s,
            write_units=fleet.write_units / SECONDS_A_MONTH,
            registrations=fleet.registrations / SECONDS_A_MONTH,
            put_events=fleet.events / SECONDS_A_MONTH,
            # Each environment that is at work reads the thresholds once a minute.
            parameter_reads=fleet.environments / 60,
            sweep_minutes=fleet.devices / NAMES_SWEPT_A_MINUTE,
            # A rule of IoT Core makes a request of each message.
            stream_requests=fleet.uploads / SECONDS_A_MONTH if fleet.front_door else 0,
            dollars=total(bill(fleet)),
        )


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A limit that a fleet may meet, by a short and a full name: `source` is the document that states it."""

    short: str
    name: str
    field: str
    most: float
    source: str


QUOTAS = (
    Quota(
        short="stream",
        name="2,000 requests/s of a Firehose stream (us-east-1)",
        field="stream_requests",
        most=2_000,
        source='Amazon Data Firehose Developer Guide, "Amazon Data Firehose quota"',
    ),
    Quota(
        short="registrations",
        name="4,000 device registrations/s: 4 partitions of 1,000",
        field="registrations",
        most=4_000,
        source='Amazon DynamoDB Developer Guide, "Best practices for designing and using partition keys"',
    ),
    Quota(
        short="prefix",
        name="3,500 PUTs/s a prefix",
        field="objects",
        most=3_500,
        source='Amazon S3 User Guide, "Best practices design patterns: optimizing Amazon S3 performance"',
    ),
    Quota(
        short="new table",
        name="4,000 write units/s of a new table",
        field="write_units",
        most=4_000,
        source='Amazon DynamoDB Developer Guide, "Understanding DynamoDB warm throughput in different scenarios"',
    ),
    Quota(
        short="table",
        name="40,000 write units/s a table",
        field="write_units",
        most=40_000,
        source='Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB"',
    ),
    Quota(
        short="reserved",
        name="50 of ingest's reserved concurrency, where a stage sets that",
        field="concurrency",
        most=50,
        source="cdk.json, reserved_concurrency",
    ),
    Quota(
        short="concurrency",
        name="1,000 concurrent executions",
        field="concurrency",
        most=1_000,
        source='AWS Lambda Developer Guide, "Lambda quotas"',
    ),
    Quota(
        short="events",
        name="10,000 PutEvents/s (us-east-1)",
        field="put_events",
        most=10_000,
        source='Amazon EventBridge User Guide, "Amazon EventBridge quotas"',
    ),
    Quota(
        short="parameter",
        name="40 GetParameter/s in an account and region",
        field="parameter_reads",
        most=40,
        source='AWS General Reference, "AWS Systems Manager endpoints and quotas"',
    ),
    Quota(
        short="silence",
        name="a look at every device within 15 minutes",
        field="sweep_minutes",
        most=15,
        source="lambdas/alert/silences.py: the names that a tick reads of the registry",
    ),
)


def met(load: Load) -> list[Quota]:
    """Return the quotas that the load exceeds, the most exceeded first."""
    over = [quota for quota in QUOTAS if getattr(load, quota.field) > quota.most]
    return sorted(over, key=lambda quota: getattr(load, quota.field) / quota.most, reverse=True)


@dataclass(frozen=True, kw_only=True)
class Burst:
    """How a burst drains: the oldest event's age when it was begun, and when the last one was done, in seconds."""

    oldest_s: float
    drained_s: float
    throttled: int


def burst(
    *, objects: int, within_s: float, service_s: float, concurrency: int, cold_s: float = 0.6, seed: int = 1
) -> Burst:
    """Simulate a burst in Lambda's queue for asynchronous events.

    An event that finds no concurrency free goes back to the queue and is tried again after 1 s, then twice as long each
    time up to 5 minutes, for up to 6 hours (AWS Lambda Developer Guide, "How Lambda handles errors and retries with
    asynchronous invocation"). At most 1,000 environments are started every 10 s ("Lambda scaling behavior").
    """
    uniform = random.Random(seed).uniform  # noqa: S311 a simulation
    waiting = [(place * within_s / objects, place, place * within_s / objects, 0) for place in range(objects)]
    heapq.heapify(waiting)
    busy: list[float] = []
    idle = started = throttled = 0
    oldest = drained = 0.0
    while waiting:
        now, place, arrived, tries = heapq.heappop(waiting)
        while busy and busy[0] <= now:
            heapq.heappop(busy)
            idle += 1
        may_start = started < concurrency and started < 1_000 * (1 + now // 10)
        if not idle and not may_start:
            throttled += 1
            heapq.heappush(waiting, (now + uniform(0.5, 1) * min(300, 2**tries), place, arrived, tries + 1))
            continue
        cold = 0 if idle else cold_s
        idle, started = (idle - 1, started) if idle else (idle, started + 1)
        done = now + cold + service_s
        heapq.heappush(busy, done)
        oldest, drained = max(oldest, now - arrived), max(drained, done)
    return Burst(oldest_s=oldest, drained_s=drained, throttled=throttled)


def loads() -> Iterator[tuple[Fleet, Load]]:
    """Yield fleets of every size, one reading a minute: one by one, an hour's at a time, and through the front door."""
    for batch, front_door in ((1, False), (60, False), (1, True)):
        for devices in DEVICES:
            fleet = Fleet(devices=devices, every_s=60, readings_per_object=batch, front_door=front_door)
            yield fleet, Load.of(fleet)


def rates(load: Load) -> list[str]:
    """Return what a load asks a second, to two digits, as docs/scale.md has it."""
    numbers = (load.objects, load.concurrency, load.write_units, load.registrations, load.put_events)
    return [f"{number:,.0f}" if number >= 10 else f"{float(f'{number:.2g}'):g}" for number in numbers]


def main() -> None:
    """Print the tables."""
    console = Console()
    model = Table(title="one reading a minute from each device", title_justify="left", box=None, padding=(0, 1))
    asked = ("objects/s", "ingest at once", "write units/s", "registrations/s", "events/s")
    for name in ("devices", "readings an object", *asked, "$ a month"):
        model.add_column(name, justify="right")
    model.add_column("over, the most first")
    for fleet, load in loads():
        over = ", ".join(quota.short for quota in met(load)) or "none"
        gathered = "front door" if fleet.front_door else f"{fleet.readings_per_object}"
        cells = (f"{fleet.devices:,}", gathered, *rates(load), f"{load.dollars:,.0f}", over)
        model.add_row(*cells)
    console.print(model)
    drained = Table(title="\n10,000 objects in a minute", title_justify="left", box=None, padding=(0, 1))
    for name in ("readings an object", "reserved", "throttled", "oldest begun after", "all done after"):
        drained.add_column(name, justify="right")
    for batch in (1, 100, 10_000):
        service = Fleet(devices=1, every_s=60, readings_per_object=batch).ingest_s
        for concurrency in (10, 50, 1_000):
            found = burst(objects=10_000, within_s=60, service_s=service, concurrency=concurrency)
            after = (f"{found.oldest_s:,.1f} s", f"{found.drained_s:,.0f} s")
            drained.add_row(f"{batch:,}", f"{concurrency:,}", f"{found.throttled:,}", *after)
    console.print(drained)
    limits = Table(title="\nthe quotas", title_justify="left", box=None, padding=(0, 1))
    for name in ("", "quota", "source"):
        limits.add_column(name)
    for quota in QUOTAS:
        limits.add_row(quota.short, quota.name, quota.source)
    console.print(limits)


if __name__ == "__main__":
    main()
