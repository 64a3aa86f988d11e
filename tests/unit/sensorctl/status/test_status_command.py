"""`sensorctl status` over a stage on moto: the facts are read, and each trouble ends with 1 and its own line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from sensorctl.aws import connection
from sensorctl.aws.connection import Connection
from sensorctl.aws.outputs import Pipeline
from tests.unit.sensorctl.command_kit import PARAMETER, OneSession, sensorctl
from tests.unit.sensorctl.pipeline_kit import fail_event, keep, note, open_alert, whole_stage

MINUTE = timedelta(minutes=1)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A healthy stage: one confirmed address, one device that has just reported."""
    with whole_stage(monkeypatch) as pipeline:
        boto3.client("sns").subscribe(TopicArn=pipeline.alert_topic, Protocol="email", Endpoint="ops@x.org")
        keep("boiler-7", datetime.now(UTC) - timedelta(seconds=5))
        yield pipeline


def checks() -> tuple[int, dict[str, dict[str, Any]]]:
    result = sensorctl("status", "--json", "--stage", "test")
    return result.code, {line["name"]: line for line in map(json.loads, result.out.splitlines())}


def count(namespace: str, metric: str, value: float, **dimensions: str) -> None:
    """Let CloudWatch have counted so many two minutes ago."""
    named = [{"Name": name, "Value": text} for name, text in dimensions.items()]
    data: Any = {"MetricName": metric, "Dimensions": named, "Value": value, "Timestamp": datetime.now(UTC) - 2 * MINUTE}
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[data])


def wrong() -> dict[str, str]:
    code, found = checks()
    unwell = {name: check["level"] for name, check in found.items() if check["level"] in ("attention", "broken")}
    assert code == (1 if unwell else 0)
    return unwell


def test_a_healthy_stage_ends_with_0(deployed: Pipeline) -> None:
    result = sensorctl("status")
    assert (result.code, result.out.splitlines()[-1]) == (0, "Healthy.")
    assert wrong() == {}


def test_an_open_critical_alert_is_in_the_last_line_and_leaves_the_code_to_the_pipeline(deployed: Pipeline) -> None:
    note(open_alert("boiler-7"))
    result = sensorctl("status")
    assert (result.code, result.out.splitlines()[-1]) == (0, "Working; 1 critical alert is open.")
    fail_event(deployed.ingest_failures)
    assert sensorctl("status").out.splitlines()[-1].endswith("Needs attention: queue ingest. 1 critical alert is open.")


def test_ingest_failing_is_reported_with_its_error(deployed: Pipeline) -> None:
    fail_event(deployed.ingest_failures, error="ClientError: AccessDenied when calling BatchWriteItem")
    assert wrong() == {"ingest": "broken", "queue ingest": "attention"}
    _, found = checks()
    assert "AccessDenied when calling BatchWriteItem" in found["ingest"]["says"]
    assert "redrive" in found["ingest"]["do"]


def test_looking_leaves_the_messages_where_they_were(deployed: Pipeline) -> None:
    fail_event(deployed.ingest_failures)
    for _ in range(2):
        checks()
    held = boto3.client("sqs").receive_message(QueueUrl=deployed.ingest_failures)["Messages"]
    assert len(held) == 1


def test_alert_failing_is_reported_by_a_breach_that_the_ledger_does_not_know(deployed: Pipeline) -> None:
    keep("boiler-8", datetime.now(UTC) - 2 * MINUTE, severity="warning", metrics={"temperature": 72})
    assert wrong() == {"alert": "broken"}
    assert "boiler-8 temperature" in checks()[1]["alert"]["says"]


def test_the_grace_is_given_to_breaches_on_their_way(deployed: Pipeline) -> None:
    keep("boiler-8", datetime.now(UTC) - 2 * MINUTE, severity="warning", metrics={"temperature": 72})
    assert sensorctl("status", "--grace", "600").code == 0


def test_functions_failing_are_reported_by_cloudwatch(deployed: Pipeline) -> None:
    count("AWS/Lambda", "Errors", 3, FunctionName="alert-function")
    assert wrong() == {"alert": "broken"}
    assert "3 invocations failed" in checks()[1]["alert"]["says"]


def test_a_full_dead_letter_queue_differs_from_failing_functions(deployed: Pipeline) -> None:
    for number in range(3):
        boto3.client("sqs").send_message(
            QueueUrl=deployed.mail_dead_letters, MessageBody=json.dumps({"Subject": f"mail {number}", "Message": "m"})
        )
    assert wrong() == {"queue mail": "attention"}
    assert checks()[1]["queue mail"]["says"].startswith("3 messages waiting")


def test_nobody_subscribed_is_reported(deployed: Pipeline) -> None:
    sns = boto3.client("sns")
    for subscription in sns.list_subscriptions()["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    assert wrong() == {"subscribers": "broken"}


def test_nobody_confirmed_is_reported(deployed: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto confirms every address at once, so its list is the one thing that is stubbed."""
    sns = boto3.client("sns")
    listed = {"SubscriptionArn": "PendingConfirmation", "Owner": "1", "Protocol": "email", "Endpoint": "ops@x.org"}
    stubber = Stubber(sns)
    stubber.add_response("list_subscriptions_by_topic", {"Subscriptions": [{**listed, "TopicArn": "t"}]})
    stubber.activate()

    @dataclass(frozen=True, kw_only=True)
    class Unconfirmed(OneSession):
        def client(self, service: str, **more: Any) -> Any:
            return sns if service == "sns" else super().client(service, **more)

    monkeypatch.setattr(connection, "connect", lambda **_: Connection(access=Unconfirmed(), pipeline=deployed))
    result = sensorctl("status")
    assert result.code == 1
    assert "nobody has confirmed" in result.out
    assert "Broken: subscribers." in result.out


def test_invalid_thresholds_are_reported_with_the_mistake(deployed: Pipeline) -> None:
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value='{"version": 2}', Type="String", Overwrite=True)
    assert wrong() == {"thresholds": "broken"}
    assert "version" in checks()[1]["thresholds"]["says"]


def test_a_function_that_cannot_use_the_thresholds_is_reported(deployed: Pipeline) -> None:
    count("SensorFanout", "thresholds_invalid", 1, stage="test", function="ingest")
    assert wrong() == {"thresholds": "attention"}


def test_a_silent_device_and_a_silent_fleet_differ(deployed: Pipeline) -> None:
    keep("pump-3", datetime.now(UTC) - 20 * MINUTE)
    assert wrong() == {"devices": "attention"}


def test_a_silent_fleet_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_stage(monkeypatch) as pipeline:
        boto3.client("sns").subscribe(TopicArn=pipeline.alert_topic, Protocol="email", Endpoint="ops@x.org")
        keep("boiler-7", datetime.now(UTC) - 20 * MINUTE)
        keep("pump-3", datetime.now(UTC) - 30 * MINUTE)
        assert wrong() == {"devices": "broken"}


def test_only_this_stages_alarms_are_reported(deployed: Pipeline) -> None:
    cloudwatch = boto3.client("cloudwatch")
    for name in ("SensorFanout-test-Errors", "SensorFanout-other-Errors"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="It fails. What to do: Fix it.",
            MetricName="Errors",
            Namespace="AWS/Lambda",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    assert wrong() == {"alarm": "attention"}
    alarm = checks()[1]["alarm"]
    assert "SensorFanout-test-Errors" in alarm["says"]
    assert alarm["do"] == "Fix it."


def test_on_the_embedded_aws_alarms_and_metrics_are_not_asked(
    deployed: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = replace(OneSession(), endpoint="https://localhost:1")
    monkeypatch.setattr(connection, "connect", lambda **_: Connection(access=access, pipeline=deployed))
    code, found = checks()
    assert (code, found["alarms"]["level"]) == (0, "unknown")
    assert "not known here" in found["alert"]["says"]


def test_help_documents_the_exit_codes() -> None:
    assert "Exit codes: 0 healthy, 1" in " ".join(sensorctl("status", "--help").out.split())
