"""What people do with an alert, by the command line: acknowledge it, close it; and what comes when nobody does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.readings import stored
from tests.e2e.command_line import Ctl
from tests.e2e.test_alerts import SECONDS, about, forget_cached_thresholds, kinds, mailed, send, sweep

LONG_AGO = {":past": {"S": "2026-01-01T00:00:00.000000Z"}}


@pytest.fixture(scope="module", autouse=True)
def _rule(aws: EmbeddedAws) -> Iterator[None]:
    """A metric of these tests' own, which escalates after two hours and says what to do."""
    ssm, name = aws.access.client("ssm"), aws.pipeline.thresholds_parameter
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    document: dict[str, Any] = json.loads(before)
    document["metrics"]["torque"] = {
        "critical": {"above": 100},
        "escalate_after": "2h",
        "runbook": "https://wiki.example.org/torque",
    }
    ssm.put_parameter(Name=name, Value=json.dumps(document), Type="String", Overwrite=True)
    forget_cached_thresholds(aws)
    yield
    ssm.put_parameter(Name=name, Value=before, Type="String", Overwrite=True)
    forget_cached_thresholds(aws)


def open_one(aws: EmbeddedAws, uploader: Uploader, device: str) -> str:
    """Let an alert open; return its id, as its e-mail says it."""
    send(uploader, device, at=datetime.now(UTC) - timedelta(minutes=1), torque=120)
    assert mailed(aws, device, "opened")
    body = about(aws, device)[0].body
    assert "Runbook:\n  https://wiki.example.org/torque\n" in body
    alert_id = body.rsplit("Alert ", 1)[1].split()[0]
    assert f"sensorctl alerts ack {alert_id} --stage dev --region {aws.access.region}" in body
    return alert_id


def hours_pass(aws: EmbeddedAws, device: str, member: str) -> None:
    """Put a time of the alert into the past, as hours of waiting would."""
    aws.access.client("dynamodb").update_item(
        TableName=aws.pipeline.alerts_table,
        Key={"alert_key": {"S": f"{device}#torque"}},
        UpdateExpression=f"SET alert.{member} = :past",
        ConditionExpression=f"attribute_exists(alert.{member})",
        ExpressionAttributeValues=LONG_AGO,
    )


def test_an_acknowledged_alert_reminds_nobody_and_its_end_is_mailed(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    alert_id = open_one(aws, uploader, "winch-1")
    code, out = ctl("alerts", "ack", alert_id, "--note", "on my way")
    assert (code, out.startswith("winch-1 torque: acknowledged by ")) == (0, True)
    hours_pass(aws, "winch-1", "remind_at")
    hours_pass(aws, "winch-1", "mailed_at")
    sweep(aws)
    assert "on my way" in ctl("alerts", "--open")[1]
    assert "acknowledged by" in ctl("status")[1]
    send(uploader, "winch-1", at=datetime.now(UTC), torque=20)

    def ended() -> bool:
        sweep(aws)
        return kinds(aws, "winch-1") == ["opened", "resolved"]

    assert wait_until(ended, seconds=SECONDS)
    assert "on my way" in about(aws, "winch-1")[-1].body


def test_an_alert_that_nobody_acknowledges_goes_to_a_second_circle_too(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    assert ctl("subscribers", "add", "second@example.com", "--kind", "unattended")[0] == 0
    aws.mailbox.attach()
    alert_id = open_one(aws, uploader, "winch-2")
    hours_pass(aws, "winch-2", "mailed_at")
    sweep(aws)
    assert mailed(aws, "winch-2", "opened", "unattended")
    assert "[UNATTENDED] winch-2 torque critical, nobody has acknowledged it for" in about(aws, "winch-2")[-1].subject
    assert wait_until(lambda: bool(about(aws, "winch-2", address="second@example.com")), seconds=SECONDS)
    second = about(aws, "winch-2", address="second@example.com")
    assert [mail.attributes["kind"] for mail in second] == ["unattended"]
    assert ctl("alerts", "close", alert_id, "--why", "a test", "--yes")[0] == 0


def waiting(aws: EmbeddedAws) -> list[str]:
    """Sweep, and return the alerts that still have an e-mail on its way."""
    sweep(aws)
    items = stored.alert_items(aws.access, aws.pipeline)
    return [
        item["alert_key"]
        for item in items
        for message in item.get("outbox", ())
        if message["status"] in ("PENDING", "LEASED")
    ]


def test_an_alert_that_was_closed_by_hand_says_so_and_the_next_breach_opens_another(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    alert_id = open_one(aws, uploader, "winch-3")
    # Two e-mails that wait at once would be a digest.
    assert wait_until(lambda: not waiting(aws), seconds=SECONDS)
    assert ctl("alerts", "close", alert_id, "--why", "sensor replaced", "--yes")[0] == 0
    sweep(aws)
    assert mailed(aws, "winch-3", "opened", "resolved")
    body = " ".join(about(aws, "winch-3")[-1].body.split())
    assert "closed by " in body
    assert "sensor replaced" in body
    send(uploader, "winch-3", at=datetime.now(UTC), torque=130)
    assert mailed(aws, "winch-3", "opened", "resolved", "opened")
    assert ctl("devices", "forget", "winch-3", "--yes")[0] == 0
    sweep(aws)
    assert mailed(aws, "winch-3", "opened", "resolved", "opened", "resolved")
    assert "winch-3" not in ctl("devices")[1]
