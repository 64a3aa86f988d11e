"""What a fleet costs a month: how it uploads in, dollars by service out. Pure; docs/cost.md says the same in words.

It is a model: counts follow from what the code does (one GetObject and one BatchWriteItem for a small object, one
write unit a reading and one for the note that an object was taken in, one event for each object with a breach),
durations from the bench with AWS's usual latencies put in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from sensorctl.errors import UserError
from sensorctl.prices import US_EAST_1, Prices

SECONDS_A_MONTH = 730 * 3600
_MINUTES_A_MONTH = 730 * 60
# Bytes of a reading as uploaded, and as an item with its key, source and times.
_UPLOADED_BYTES, _ITEM_BYTES = 150, 650
# Seconds and gigabytes of an ingest invocation: two calls and the handler, then each further reading (docs/cost.md).
_INGEST_S, _INGEST_S_A_READING, _INGEST_GB = 0.030, 0.000_15, 1.0
_ALERT_S, _ALERT_GB = 0.050, 0.5
# The sweep, a minute: itself, and a query for each device it looks at; its share of the time is enough for so many.
_SWEEP_S, _SWEEP_S_A_DEVICE, SWEPT_A_MINUTE = 0.050, 0.005, 1_500
# Queries of a tick that finds nothing to do: four shards each of what is to send, to watch, and of devices.
_SWEEP_QUERIES = 12
# Seconds of a cold start, billed since 2025-08-01 (docs/cost.md), and how many an environment at work has a month. AWS
# does not say how long it keeps one; two hours is an assumption.
_INGEST_INIT_S, _ALERT_INIT_S, _INITS = 0.91, 1.34, 365
# Kilobytes of log: Lambda's own three lines, ours, and the metrics line.
_LOG_KB = 1.8
# Metrics of ours that each function writes, the time to an alert only with an e-mail; alarms of a stack.
INGEST_METRICS, ALERT_METRICS, ALARMS = 6, 6, 16


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A fleet: `every_s` seconds between two readings of a device, `readings_per_object` of them in one upload.

    `breaching` is the share of readings that are out of bounds, `emails_a_day` what that makes, `traced` the share
    of objects that X-Ray samples (None: its default, one a second and 5 % of the rest), `kept_days` how long
    readings and objects are kept.
    """

    devices: int
    every_s: float
    readings_per_object: int = 1
    breaching: float = 0.001
    emails_a_day: float = 10
    traced: float | None = None
    kept_days: float = 30
    memory_gb: float = _INGEST_GB

    @property
    def readings(self) -> float:
        """Return the readings a month."""
        return self.devices * SECONDS_A_MONTH / self.every_s

    @property
    def objects(self) -> float:
        """Return the objects a month."""
        return self.readings / self.readings_per_object

    @property
    def events(self) -> float:
        """Return the breach events a month: one for an object with a breach, however many readings of it are."""
        return self.objects * (1 - (1 - self.breaching) ** self.readings_per_object)

    @property
    def write_units(self) -> float:
        """Return the write units of the readings table a month: readings, objects' notes, devices' names."""
        return self.readings + self.objects + self.names

    @property
    def environments(self) -> int:
        """Return how many execution environments of ingest are at work at once (arrivals times duration)."""
        return max(1, math.ceil(self.objects / SECONDS_A_MONTH * self.ingest_s))

    @property
    def names(self) -> float:
        """Return how often a device is named in the registry a month.

        Each environment names a device once an hour, so it depends on how many of them its objects meet.
        """
        objects_an_hour = 3600 / self.every_s / self.readings_per_object
        met = self.environments * (1.0 - (1.0 - 1.0 / self.environments) ** objects_an_hour)
        return float(self.devices * 730 * min(met, objects_an_hour))

    @property
    def ingest_s(self) -> float:
        """Return the seconds of one ingest invocation."""
        return _INGEST_S + _INGEST_S_A_READING * self.readings_per_object

    @property
    def traces(self) -> float:
        """Return the traces that X-Ray records a month (X-Ray Developer Guide, "Sampling rules", the default one)."""
        if self.traced is not None:
            return self.objects * self.traced
        first = min(self.objects, SECONDS_A_MONTH)
        return first + 0.05 * (self.objects - first)


# A stack to which nobody uploads anything.
IDLE = Fleet(devices=1, every_s=1e15, emails_a_day=0)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one service costs a month and why."""

    service: str
    what: str
    dollars: float


def bill(fleet: Fleet, prices: Prices = US_EAST_1) -> list[Line]:
    """Return the bill, line by line, in the order in which things happen."""
    swept = min(fleet.devices, SWEPT_A_MINUTE) * _MINUTES_A_MONTH
    sweep_gb_s = (_SWEEP_S * _MINUTES_A_MONTH + _SWEEP_S_A_DEVICE * swept) * _ALERT_GB
    ingest_gb_s = fleet.objects * fleet.ingest_s * fleet.memory_gb
    emails = fleet.emails_a_day * 365 / 12
    invocations = fleet.objects + fleet.events + _MINUTES_A_MONTH
    logged_gb = invocations * _LOG_KB / 1e6
    ingest_inits = min(fleet.objects, fleet.environments * _INITS)
    init_gb_s = ingest_inits * _INGEST_INIT_S * fleet.memory_gb + _INITS * _ALERT_INIT_S * _ALERT_GB
    metrics = (INGEST_METRICS if fleet.objects >= 1 else 0) + ALERT_METRICS - (0 if emails else 1)
    kept = fleet.kept_days / (365 / 12)
    uploaded_gb, stored_gb = (fleet.readings * size * kept / 1e9 for size in (_UPLOADED_BYTES, _ITEM_BYTES))
    return [
        _line("S3", "uploads: one PUT an object", fleet.objects * prices.s3_put),
        _line("S3", "ingest: one GET an object", fleet.objects * prices.s3_get),
        _line("S3", f"{uploaded_gb:,.1f} GB kept", uploaded_gb * prices.s3_gb_month),
        _line("Lambda", "ingest: a request an object", fleet.objects * prices.lambda_request),
        _line("Lambda", f"ingest: {fleet.ingest_s * 1000:.0f} ms each", ingest_gb_s * prices.lambda_gb_second),
        _line(
            "Lambda",
            "alert: a request and 50 ms an event",
            fleet.events * (prices.lambda_request + _ALERT_S * _ALERT_GB * prices.lambda_gb_second),
        ),
        _line(
            "Lambda",
            "the sweep, every minute",
            _MINUTES_A_MONTH * prices.lambda_request + sweep_gb_s * prices.lambda_gb_second,
        ),
        _line("Lambda", "cold starts", init_gb_s * prices.lambda_gb_second),
        _line("EventBridge Scheduler", "the sweep, every minute", _MINUTES_A_MONTH * prices.schedule),
        _line("DynamoDB", "one write unit a reading", fleet.readings * prices.write_unit),
        _line("DynamoDB", "one write unit an object: the note of it", fleet.objects * prices.write_unit),
        _line(
            "DynamoDB",
            f"{fleet.names / fleet.devices / 730:.3g} write units a device and hour: its name",
            fleet.names * prices.write_unit,
        ),
        # An event is one read and one write of the alert, in the table and in its index; an e-mail three writes more.
        _line(
            "DynamoDB",
            "the ledger of alerts",
            fleet.events * (prices.read_unit + 2 * prices.write_unit) + emails * 6 * prices.write_unit,
        ),
        _line(
            "DynamoDB",
            "the sweep: half a read unit a device and minute, and six",
            (swept + _SWEEP_QUERIES * _MINUTES_A_MONTH) * 0.5 * prices.read_unit,
        ),
        _line("DynamoDB", f"{stored_gb:,.1f} GB kept", stored_gb * prices.table_gb_month),
        _line("EventBridge", "one event an object with a breach", fleet.events * prices.event),
        _line("SNS", f"{emails:,.0f} e-mails", emails * prices.email),
        _line("X-Ray", "sampled traces of objects", fleet.traces * prices.trace),
        _line("X-Ray", "a trace of each sweep", _MINUTES_A_MONTH * prices.trace),
        _line(
            "CloudWatch",
            f"{_LOG_KB} KB of log an invocation, kept a month",
            logged_gb * (prices.log_gb + prices.log_gb_month),
        ),
        _line(
            "CloudWatch",
            f"{metrics} metrics, {ALARMS} alarms, a dashboard",
            metrics * prices.metric_month + ALARMS * prices.alarm_month + prices.dashboard_month,
        ),
        _line("KMS", "the topic's key", prices.key_month),
    ]


def total(lines: list[Line]) -> float:
    """Return the dollars of a bill."""
    return sum(line.dollars for line in lines)


@dataclass(frozen=True, kw_only=True)
class Saving:
    """A change to the fleet or the stack, and the bill after it."""

    change: str
    dollars: float


_CHANGES: tuple[tuple[str, Callable[[Fleet], Fleet]], ...] = (
    (
        "put 10 times as many readings into an object",
        lambda f: replace(f, readings_per_object=f.readings_per_object * 10),
    ),
    ("report half as often", lambda f: replace(f, every_s=f.every_s * 2)),
    ("trace one object in a hundred", lambda f: replace(f, traced=0.01)),
    ("keep readings and objects half as long", lambda f: replace(f, kept_days=f.kept_days / 2)),
)


def savings(fleet: Fleet, prices: Prices = US_EAST_1) -> list[Saving]:
    """Return what would make the bill smaller, the most first; a change that saves less than 2 % is left out."""
    now = total(bill(fleet, prices))
    made = [Saving(change=change, dollars=total(bill(apply(fleet), prices))) for change, apply in _CHANGES]
    return sorted((saving for saving in made if saving.dollars < 0.98 * now), key=lambda saving: saving.dollars)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> float:
    """Return the seconds of a text such as 30s, 1m or 2h. Raises UserError."""
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and int(number) > 0:
        return int(number) * _UNITS[unit]
    raise UserError(f"--every {text}: give a whole number and s, m, h or d, such as 30s, 1m or 2h")


def _line(service: str, what: str, dollars: float) -> Line:
    return Line(service=service, what=what, dollars=dollars)
