"""The archive's replay: what AWS is asked for, and what is reported when it does not end well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from sensorctl.aws.access import Access
from sensorctl.errors import UserError
from sensorctl.replay.events import replay_events
from tests.unit.sensorctl.command_kit import stage

SINCE = datetime(2026, 11, 22, 10, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)
ARN = "arn:aws:events:us-east-1:123456789012"
PIPELINE = replace(stage(), event_bus="bus", event_rule="bus|rule", event_archive="kept")


class Stubbed(Access):
    """Access to one client with prepared answers."""

    def client(self, service: str, **_: Any) -> Any:
        assert service == "events"
        return CLIENT


CLIENT = boto3.client("events", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def run(*states: dict[str, Any]) -> list[datetime]:
    seen: list[datetime] = []
    with Stubber(CLIENT) as answers:
        answers.add_response("describe_event_bus", {"Arn": f"{ARN}:event-bus/bus"}, {"Name": "bus"})
        answers.add_response("describe_archive", {"ArchiveArn": f"{ARN}:archive/kept"}, {"ArchiveName": "kept"})
        answers.add_response("describe_rule", {"Arn": f"{ARN}:rule/bus/rule"}, {"Name": "rule", "EventBusName": "bus"})
        answers.add_response(
            "start_replay",
            {"State": "STARTING"},
            {
                "ReplayName": ANY,
                "EventSourceArn": f"{ARN}:archive/kept",
                "EventStartTime": SINCE,
                "EventEndTime": UNTIL,
                "Destination": {"Arn": f"{ARN}:event-bus/bus", "FilterArns": [f"{ARN}:rule/bus/rule"]},
            },
        )
        for state in states:
            answers.add_response("describe_replay", state, {"ReplayName": ANY})
        replay_events(Stubbed(), PIPELINE, since=SINCE, until=UNTIL, progress=seen.append, sleep=lambda _: None)
        answers.assert_no_pending_responses()
    return seen


def test_it_asks_for_the_span_and_our_rule_alone_and_waits_for_the_end() -> None:
    halfway = SINCE + timedelta(minutes=30)
    seen = run({"State": "STARTING"}, {"State": "RUNNING", "EventLastReplayedTime": halfway}, {"State": "COMPLETED"})
    assert seen == [SINCE, halfway, UNTIL]


def test_a_replay_that_fails_says_why() -> None:
    with pytest.raises(UserError, match="ended as FAILED: the archive is gone"):
        run({"State": "FAILED", "StateReason": "the archive is gone"})


def test_without_an_archive_it_says_what_to_do() -> None:
    with pytest.raises(UserError, match="make deploy"):
        replay_events(
            Stubbed(), replace(PIPELINE, event_archive=None), since=SINCE, until=UNTIL, progress=lambda _: None
        )
