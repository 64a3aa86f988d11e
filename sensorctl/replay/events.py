"""Replays what the bus's archive kept: for events that the rule could not hand to alert."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from datetime import datetime

from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError

_OVER = ("COMPLETED", "CANCELLED", "FAILED")


def replay_events(
    access: Access,
    pipeline: Pipeline,
    *,
    since: datetime,
    until: datetime,
    progress: Callable[[datetime], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send the archived events of that span to the rule again, and wait until they are sent.

    `progress` is called with the time of the last event that was sent. Alert drops what it has seen. Raises UserError
    when there is no archive or the replay ends in any other way than completed.
    """
    if pipeline.event_archive is None:
        raise UserError("this stack has no archive; deploy this version of it with `make deploy`")
    events = access.client("events")
    bus = events.describe_event_bus(Name=pipeline.event_bus)["Arn"]
    archive = events.describe_archive(ArchiveName=pipeline.event_archive)["ArchiveArn"]
    # A rule on a bus of its own is referred to as `bus|rule` (CloudFormation, AWS::Events::Rule, "Ref").
    rule_name = re.split(r"[|/]", pipeline.event_rule)[-1]
    rule = events.describe_rule(Name=rule_name, EventBusName=pipeline.event_bus)["Arn"]
    name = f"sensorctl-{secrets.token_hex(6)}"
    events.start_replay(
        ReplayName=name,
        EventSourceArn=archive,
        EventStartTime=since,
        EventEndTime=until,
        Destination={"Arn": bus, "FilterArns": [rule]},
    )
    while (state := events.describe_replay(ReplayName=name))["State"] not in _OVER:
        progress(state.get("EventLastReplayedTime") or since)
        sleep(1)
    if state["State"] != "COMPLETED":
        raise UserError(f"the replay {name} ended as {state['State']}: {state.get('StateReason', 'no reason given')}")
    progress(until)
