"""The kinds of e-mail that `make run` does not show, filters, and thresholds that change while everything runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.embedded.mailbox import Mail
from tests.e2e.command_line import Ctl

SECONDS = 30


def send(uploader: Uploader, device: str, *, at: datetime, **metrics: float) -> None:
    reading = {"device_id": device, "timestamp": at.isoformat(), "metrics": metrics}
    uploader.upload(f"{device}/{at:%H-%M-%S.%f}.json", json.dumps(reading).encode())


def kinds(aws: EmbeddedAws, device: str) -> list[str]:
    return [mail.attributes["kind"] for mail in about(aws, device)]


def about(aws: EmbeddedAws, device: str, *, address: str = "you@example.com") -> list[Mail]:
    mails = aws.mailbox.mails
    return [mail for mail in mails if mail.attributes["device_id"] == device and mail.address == address]


def sweep(aws: EmbeddedAws) -> None:
    functions = aws.access.client("lambda")
    answer = functions.invoke(FunctionName=aws.pipeline.alert_function, Payload=json.dumps({"sweep": True}))
    assert "FunctionError" not in answer, answer["Payload"].read()


def mailed(aws: EmbeddedAws, device: str, *expected: str) -> bool:
    """Wait for these kinds; a mail over this second's budget needs a sweep to leave."""
    for _ in range(5):
        if wait_until(lambda: kinds(aws, device) == list(expected), seconds=SECONDS / 5):
            return True
        sweep(aws)
    return False


def test_an_alert_steps_down_after_ten_calm_minutes_and_reminds_while_it_stays_open(
    aws: EmbeddedAws, uploader: Uploader
) -> None:
    now = datetime.now(UTC)
    send(uploader, "calm-1", at=now - timedelta(minutes=12), temperature=90)
    assert mailed(aws, "calm-1", "opened")
    send(uploader, "calm-1", at=now, temperature=75)
    assert wait_until(lambda: _last_breach(aws, "calm-1").startswith(f"{now:%Y-%m-%dT%H:%M:%S}"), seconds=SECONDS)
    sweep(aws)
    assert mailed(aws, "calm-1", "opened", "deescalated")
    _let_time_pass(aws, "calm-1#temperature")
    sweep(aws)
    assert mailed(aws, "calm-1", "opened", "deescalated", "reminder")


def test_a_subscriber_to_critical_alerts_hears_of_nothing_else(aws: EmbeddedAws, uploader: Uploader) -> None:
    aws.access.client("sns").subscribe(
        TopicArn=aws.pipeline.alert_topic,
        Protocol="email",
        Endpoint="critical@example.com",
        Attributes={"FilterPolicy": json.dumps({"severity": ["critical"]})},
    )
    aws.mailbox.attach()
    now = datetime.now(UTC)
    send(uploader, "filter-warm", at=now, temperature=75)
    send(uploader, "filter-hot", at=now, temperature=95)
    assert mailed(aws, "filter-warm", "opened")
    assert mailed(aws, "filter-hot", "opened")
    assert wait_until(lambda: bool(about(aws, "filter-hot", address="critical@example.com")), seconds=SECONDS)
    assert about(aws, "filter-warm", address="critical@example.com") == []


@contextmanager
def thresholds(aws: EmbeddedAws, *, metric: str, rule: dict[str, Any], **members: str) -> Iterator[None]:
    """Other thresholds, with a rule more, for as long as a test takes."""
    ssm, name = aws.access.client("ssm"), aws.pipeline.thresholds_parameter
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    document: dict[str, Any] = {**json.loads(before), **members}
    document["metrics"][metric] = rule
    ssm.put_parameter(Name=name, Value=json.dumps(document), Type="String", Overwrite=True)
    try:
        forget_cached_thresholds(aws)
        yield
    finally:
        ssm.put_parameter(Name=name, Value=before, Type="String", Overwrite=True)
        forget_cached_thresholds(aws)


def test_new_thresholds_count_without_a_deployment_and_route_by_the_tag_that_they_name(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    assert ctl("subscribers", "add", "plant-2@example.com", "--only", "site=plant-2")[0] == 0
    aws.mailbox.attach()
    rule = {"unit": "kPa", "critical": {"above": 300}}
    with thresholds(aws, metric="pressure", rule=rule, route_by="site"):
        for device, site in (("press-1", "plant-1"), ("press-2", "plant-2")):
            at = datetime.now(UTC).isoformat()
            reading = {"device_id": device, "timestamp": at, "metrics": {"pressure": 301}, "tags": {"site": site}}
            uploader.upload(f"{device}/1.json", json.dumps(reading).encode())
            assert mailed(aws, device, "opened")
        mail = about(aws, "press-1")[0]
        assert mail.subject == "[dev] [CRITICAL] press-1 pressure 301 kPa above 300"
        assert mail.attributes["site"] == "plant-1"
        assert wait_until(lambda: bool(about(aws, "press-2", address="plant-2@example.com")), seconds=SECONDS)
        assert about(aws, "press-1", address="plant-2@example.com") == []


def test_a_reading_past_the_opposite_limit_is_mailed_with_a_command_that_leads_to_its_stage(
    aws: EmbeddedAws, uploader: Uploader
) -> None:
    with thresholds(aws, metric="vaccine", rule={"unit": "Cel", "critical": {"above": 12, "below": 0}}):
        now = datetime.now(UTC)
        send(uploader, "fridge-1", at=now - timedelta(minutes=2), vaccine=13)
        assert mailed(aws, "fridge-1", "opened")
        send(uploader, "fridge-1", at=now - timedelta(minutes=1), vaccine=-6)
        assert mailed(aws, "fridge-1", "opened", "crossed")
        mail = about(aws, "fridge-1")[-1]
        assert mail.subject == "[dev] [CRITICAL] fridge-1 vaccine -6 Cel below 0, was above"
        assert f"--stage dev --region {aws.access.region}" in mail.body


def _last_breach(aws: EmbeddedAws, device: str) -> str:
    item = _ledger_item(aws, f"{device}#temperature")
    last_at: str = item["alert"]["M"]["last_at"]["S"]
    return last_at


def _ledger_item(aws: EmbeddedAws, key: str) -> dict[str, Any]:
    found = aws.access.client("dynamodb").get_item(TableName=aws.pipeline.alerts_table, Key={"alert_key": {"S": key}})
    item: dict[str, Any] = found["Item"]
    return item


def _let_time_pass(aws: EmbeddedAws, key: str) -> None:
    """Put the time of the next reminder into the past, as hours of waiting would."""
    aws.access.client("dynamodb").update_item(
        TableName=aws.pipeline.alerts_table,
        Key={"alert_key": {"S": key}},
        UpdateExpression="SET alert.remind_at = :past",
        ConditionExpression="attribute_exists(alert.remind_at)",
        ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00.000000Z"}},
    )


def forget_cached_thresholds(aws: EmbeddedAws) -> None:
    """Start the functions anew: what they read up to 60 seconds ago is not waited for."""
    functions = aws.access.client("lambda")
    for name in (aws.pipeline.ingest_function, aws.pipeline.alert_function):
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables["STARTED_ANEW"] = str(int(variables.get("STARTED_ANEW", "0")) + 1)
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    answer = functions.invoke(FunctionName=aws.pipeline.alert_function, Payload=json.dumps({"sweep": True}))
    assert "FunctionError" not in answer, answer["Payload"].read()
