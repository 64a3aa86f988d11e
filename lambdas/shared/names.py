"""The names and bounds that functions, template and tools must agree on: each stands here, or beside this file."""

from __future__ import annotations

import re

# Where devices upload to in the landing bucket, and where ingest keeps what it rejects: apart, or it would call itself.
INCOMING_PREFIX = "incoming/"
QUARANTINE_PREFIX = "quarantine/"
# The folder below `incoming/` of what the front door delivers (constructs_lib/front_door.py): a gateway, and no device.
FRONT_DOOR_FOLDER = "firehose"
# What ingest puts on the bus; the rule takes these to alert.
EVENT_SOURCE = "sensors.ingest"
THRESHOLD_BREACHED = "ThresholdBreached"
READINGS_REJECTED = "ReadingsRejected"
# The index of the alerts table that holds what needs attention.
WORK_INDEX = "work"
METRIC_NAMESPACE = "SensorFanout"
# Systems Manager User Guide, "Managing parameter tiers": an advanced parameter holds 8 KB.
THRESHOLDS_MAX_BYTES = 8192
# What each message to a topic carries for subscribers' filter policies, beside the tag that `route_by` names.
MESSAGE_ATTRIBUTES = ("kind", "severity", "device_id", "metric")
# SNS Developer Guide, "Amazon SNS message attributes": no dot at an end, none beside another, no name of AWS's own. It
# takes 256 characters.
ATTRIBUTE_NAME = re.compile(r"(?!(?i:aws|amazon)\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
# Longer tags route nothing: people filter by them, and the e-mail has them in a line.
ROUTE_MOST = 128
# What Amazon SNS takes as an e-mail endpoint is wider; this is what people have.
EMAIL_ADDRESS = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")


def stack_name(stage: str) -> str:
    """Return the name of a stage's stack, and the beginning of what is named after it."""
    return f"SensorFanout-{stage}"


def source_of(key: str) -> str:
    """Return the source of an object, who uploaded it: the first folder below `incoming/`, or nothing without one."""
    folder, slash, _ = key.removeprefix(INCOMING_PREFIX).partition("/")
    return folder if slash else ""
