"""Computes what a fleet costs a month, by service, from how it uploads; docs/cost.md says the same in words.

It is a model: counts follow from what the code does (one GetObject and one BatchWriteItem for a small object, one
write unit a reading and one for the receipt of an object, one event for each object with a breach),
durations from the bench with AWS's usual latencies put in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lambdas.alert.mail.formatting import counted
from sensorctl.cost.prices import US_EAST_1, Prices

SECONDS_A_MONTH = 730 * 3600
_MINUTES_A_MONTH = 730 * 60
# Bytes of a reading as uploaded, and as an item with its key, source and times.
_UPLOADED_BYTES, _ITEM_BYTES = 150, 650
# Seconds and gigabytes of an ingest invocation: two calls and the handler, then each further reading (docs/cost.md).
_INGEST_S, _INGEST_S_A_READING, _INGEST_GB = 0.030, 0.000_15, 1.0
_ALERT_S, _ALERT_GB = 0.050, 0.5
# The sweep, a minute: itself, and each name it reads in the registry (0.12 s of CPU for 8,000, at 512 MB). The registry
# has so many bytes a device (of a name of 16 and a source of 8 characters); with more names than a tick reads, the next
# one reads on.
_SWEEP_S, _SWEEP_S_A_NAME, NAMES_SWEPT_A_MINUTE, _NAME_BYTES = 0.050, 0.000_05, 100_000, 113
# Reads of a sweep that finds nothing to do: of what is to send, to watch, and of devices, where the last sweep stopped
# and four shards each, of how many partitions the registry has, and of the mutes.
_SWEEP_READS = 17
# Seconds of a cold start, billed since 2025-08-01 (docs/cost.md), and how many an environment at work has a month. AWS
# does not say how long it keeps one; two hours is an assumption.
_INGEST_INIT_S, _ALERT_INIT_S, _INITS = 0.91, 1.34, 365
# Kilobytes of log: Lambda's own lines, at its level INFO; ours, and the metrics line.
_LAMBDA_LOG_KB, _LOG_KB = 0.75, 1.05
# Metrics of ours that each function writes, the time to an alert only with an e-mail; alarms of a stack, and of the
# front door.
INGEST_METRICS, ALERT_METRICS, ALARMS, FRONT_DOOR_ALARMS = 6, 6, 16, 2
# The front door writes an object a minute, or as soon as it has so many bytes (constructs_lib/front_door.py), and is
# billed by records of 5 KB, of a GB of 2^30 bytes.
_GATHERED_S, _GATHERED_BYTES, _RECORD_BYTES, _GIB = 60, 5e6, 5 * 1024, 2**30
# Bytes of S3's log of one request, and months that it is kept; an object is put and read.
_ACCESS_LOG_BYTES, _ACCESS_LOG_MONTHS = 600, 3
# Of provisioned capacity, how much auto scaling has used (constructs_lib/reading_store.py), and the least for reads.
UTILISATION, LEAST_READS = 0.7, 25


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A fleet: `every_s` seconds between two readings of a device, `readings_per_object` of them in one upload.

    With `front_door` an upload is a record put into its stream. `provisioned` is the readings table with capacity of
    its own, `lambda_logs` whether Lambda logs each invocation.
    `breaching` is the share of readings that are out of bounds, `emails_a_day` what that makes, `traced` the share
    of objects that X-Ray samples (None: its default, one a second and 5 % of the rest), `kept_days` how long
    readings and objects are kept, `silent_after_s` how long a device may be silent (None: as long as it likes).
    """

    devices: int
    every_s: float
    readings_per_object: int = 1
    breaching: float = 0.001
    emails_a_day: float = 10
    traced: float | None = None
    kept_days: float = 30
    memory_gb: float = _INGEST_GB
    silent_after_s: float | None = 900
    front_door: bool = False
    provisioned: bool = False
    lambda_logs: bool = True

    @property
    def readings(self) -> float:
        """Return the readings a month."""
        return self.devices * SECONDS_A_MONTH / self.every_s

    @property
    def uploads(self) -> float:
        """Return how often a device sends something a month: an object, or a record for the front door."""
        return self.readings / self.readings_per_object

    @property
    def objects(self) -> float:
        """Return the objects a month."""
        if not self.front_door:
            return self.uploads
        full = self.readings * _UPLOADED_BYTES / _GATHERED_BYTES
        return min(self.uploads, max(SECONDS_A_MONTH / _GATHERED_S, full))

    @property
    def readings_in_object(self) -> float:
        """Return how many readings an object holds, of whatever devices."""
        return self.readings / self.objects if self.front_door else self.readings_per_object

    @property
    def readings_together(self) -> float:
        """Return how many readings of one device are in an object that has any."""
        gathered = _GATHERED_S / self.every_s if self.front_door else 0
        return max(self.readings_per_object, gathered)

    @property
    def events(self) -> float:
        """Return the breach events a month: one for an object and device with a breach, however many readings of it."""
        met = self.readings / self.readings_together
        return met * float(1 - (1 - self.breaching) ** self.readings_together)

    @property
    def write_units(self) -> float:
        """Return the write units of the readings table a month: readings, objects' receipts, device registrations."""
        return self.readings + self.objects + self.registrations

    @property
    def environments(self) -> int:
        """Return how many execution environments of ingest are at work at once (arrivals times duration)."""
        return max(1, math.ceil(self.objects / SECONDS_A_MONTH * self.ingest_s))

    @property
    def registrations(self) -> float:
        """Return how often devices are registered, or their last uploads renewed, a month.

        Each environment does so with the first object that it meets after a third of `silent_after_s`, an hour at most;
        it meets every so-manieth, as there are environments.
        """
        object_every_s = self.every_s * self.readings_together
        again_after_s = min((self.silent_after_s or math.inf) / 3, 3600)
        renewed_every_s = (again_after_s + (self.environments - 1) * object_every_s) / self.environments
        return self.devices * SECONDS_A_MONTH / max(renewed_every_s, object_every_s)

    @property
    def ingest_s(self) -> float:
        """Return the seconds of one ingest invocation."""
        return _INGEST_S + _INGEST_S_A_READING * self.readings_in_object

    @property
    def firehose_gb(self) -> float:
        """Return the GB that Firehose bills a month (Direct PUT: each record as a multiple of 5 KB)."""
        if not self.front_door:
            return 0.0
        record = math.ceil(self.readings_per_object * _UPLOADED_BYTES / _RECORD_BYTES) * _RECORD_BYTES
        return self.uploads * record / _GIB

    @property
    def traces(self) -> float:
        """Return the traces that X-Ray records a month (X-Ray Developer Guide, "Sampling rules", the default one)."""
        if self.traced is not None:
            return self.objects * self.traced
        first = min(self.objects, SECONDS_A_MONTH)
        return first + 0.05 * (self.objects - first)


# A stack without uploads.
IDLE = Fleet(devices=1, every_s=1e15, emails_a_day=0)


@dataclass(frozen=True)
class CostLine:
    """What one service costs a month and why."""

    service: str
    what: str
    dollars: float


def sweep_read_units(devices: float) -> float:
    """Return the read units of so many names of the registry, read eventually consistently: half a unit for 4 KB."""
    return devices * _NAME_BYTES / 4096 / 2


def bill(fleet: Fleet, prices: Prices = US_EAST_1) -> list[CostLine]:
    """Return the bill, line by line, in the order in which things happen."""
    swept = min(fleet.devices, NAMES_SWEPT_A_MINUTE) * _MINUTES_A_MONTH
    sweep_gb_s = (_SWEEP_S * _MINUTES_A_MONTH + _SWEEP_S_A_NAME * swept) * _ALERT_GB
    ingest_gb_s = fleet.objects * fleet.ingest_s * fleet.memory_gb
    emails = fleet.emails_a_day * 365 / 12
    invocations = fleet.objects + fleet.events + _MINUTES_A_MONTH
    log_kb = _LOG_KB + (_LAMBDA_LOG_KB if fleet.lambda_logs else 0)
    logged_gb = invocations * log_kb / 1e6
    ingest_inits = min(fleet.objects, fleet.environments * _INITS)
    init_gb_s = ingest_inits * _INGEST_INIT_S * fleet.memory_gb + _INITS * _ALERT_INIT_S * _ALERT_GB
    metrics = (INGEST_METRICS if fleet.objects >= 1 else 0) + ALERT_METRICS - (0 if emails else 1)
    kept = fleet.kept_days / (365 / 12)
    uploaded_gb, stored_gb = (fleet.readings * size * kept / 1e9 for size in (_UPLOADED_BYTES, _ITEM_BYTES))
    alert_gb_s = fleet.events * _ALERT_S * _ALERT_GB
    alerting = fleet.events * prices.lambda_request + alert_gb_s * prices.lambda_gb_second
    sweeping = _MINUTES_A_MONTH * prices.lambda_request + sweep_gb_s * prices.lambda_gb_second
    # An event is one read and one write of the alert, in the table and in its index; an e-mail three writes more,
    # also that of a flood: written down, leased, sent.
    ledger = fleet.events * (prices.read_unit + 2 * prices.write_unit) + emails * 6 * prices.write_unit
    swept_units = sweep_read_units(swept) + _SWEEP_READS * _MINUTES_A_MONTH * 0.5
    registrations = f"registration, in units a device and hour: {fleet.registrations / fleet.devices / 730:.3g}"
    alarms = ALARMS + (FRONT_DOOR_ALARMS if fleet.front_door else 0)
    watching = metrics * prices.metric_month + alarms * prices.alarm_month + prices.dashboard_month
    logs = f"{log_kb:.2g} KB of log an invocation, kept a month"
    access_logs_gb = 2 * fleet.objects * _ACCESS_LOG_BYTES * _ACCESS_LOG_MONTHS / 1e9
    write_unit = prices.write_capacity_hour / 3600 / UTILISATION if fleet.provisioned else prices.write_unit
    least_reads = LEAST_READS * 730 * prices.read_capacity_hour if fleet.provisioned else 0.0
    gathering = f"{fleet.firehose_gb:,.1f} GB of records, each as a multiple of 5 KB"
    lines = [
        CostLine("Data Firehose", gathering, fleet.firehose_gb * prices.firehose_gb),
        CostLine("S3", "uploads: one PUT an object", fleet.objects * prices.s3_put),
        CostLine("S3", "ingest: one GET an object", fleet.objects * prices.s3_get),
        CostLine("S3", f"{uploaded_gb:,.1f} GB kept", uploaded_gb * prices.s3_gb_month),
        CostLine("S3", "the log of each request, kept 90 days", access_logs_gb * prices.s3_gb_month),
        CostLine("Lambda", "ingest: a request an object", fleet.objects * prices.lambda_request),
        CostLine("Lambda", f"ingest: {fleet.ingest_s * 1000:.0f} ms each", ingest_gb_s * prices.lambda_gb_second),
        CostLine("Lambda", "alert: a request and 50 ms an event", alerting),
        CostLine("Lambda", "the sweep, every minute", sweeping),
        CostLine("Lambda", "cold starts", init_gb_s * prices.lambda_gb_second),
        CostLine("EventBridge Scheduler", "the sweep, every minute", _MINUTES_A_MONTH * prices.schedule),
        CostLine("DynamoDB", "one write unit a reading", fleet.readings * write_unit),
        CostLine("DynamoDB", "one write unit an object: its receipt", fleet.objects * write_unit),
        CostLine("DynamoDB", registrations, fleet.registrations * write_unit),
        CostLine("DynamoDB", f"read capacity of {LEAST_READS} at least", least_reads),
        CostLine("DynamoDB", "the ledger of alerts", ledger),
        CostLine("DynamoDB", "the sweep: a read unit for 72 devices a minute, and 8.5", swept_units * prices.read_unit),
        CostLine("DynamoDB", f"{stored_gb:,.1f} GB kept", stored_gb * prices.table_gb_month),
        CostLine("EventBridge", "one event an object with a breach", fleet.events * prices.event),
        CostLine("SNS", counted(round(emails), "e-mail"), emails * prices.email),
        CostLine("X-Ray", "sampled traces of objects", fleet.traces * prices.trace),
        CostLine("X-Ray", "a trace of each sweep", _MINUTES_A_MONTH * prices.trace),
        CostLine("CloudWatch", logs, logged_gb * (prices.log_gb + prices.log_gb_month)),
        CostLine("CloudWatch", f"{metrics} metrics, {alarms} alarms, a dashboard", watching),
        CostLine("KMS", "the topic's key", prices.key_month),
    ]
    return [line for line in lines if line.dollars]


def total(lines: list[CostLine]) -> float:
    """Return the dollars of a bill."""
    return sum(line.dollars for line in lines)
