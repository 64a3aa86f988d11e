"""The front door: what the setting adds to a stage, and that without it nothing is added."""

from typing import Any

import pytest

from lambdas.ingest.domain.ownership import Ownership
from lambdas.shared.names import FRONT_DOOR_FOLDER, INCOMING_PREFIX
from tests.grants import FRONT_DOOR_POLICIES, LANDING, at_stage
from tests.infra.synthesised import Synthesised, synthesise
from tests.infra.test_least_privilege import expected, written

LATE, THROTTLED = "FrontDoorLate", "FrontDoorThrottled"


def destination(stack: Synthesised) -> dict[str, Any]:
    stream = stack.properties("AWS::KinesisFirehose::DeliveryStream", "FrontDoorStream")
    found: dict[str, Any] = stream["ExtendedS3DestinationConfiguration"]
    return found


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_setting_the_template_is_the_same(prod: Synthesised, value: str | None, tmp_path: Any) -> None:
    context = {} if value is None else {"front_door": value}
    assert synthesise("prod", tmp_path, **context).template == prod.template
    assert [id for id in prod.template["Resources"] if "FrontDoor" in id] == []


def test_the_setting_adds_and_takes_nothing_away(fronted: Synthesised, stacks: dict[str, Synthesised]) -> None:
    without, resources = stacks[fronted.stage].template["Resources"], fronted.template["Resources"]
    changed = {id for id, body in without.items() if resources.get(id) != body}
    assert {id[:-8] for id in changed} == {"IngestFunction", "DevicesPolicy", "ObservedDashboard"}
    assert {body["Type"] for id, body in resources.items() if id not in without} == {
        *("AWS::KinesisFirehose::DeliveryStream", "AWS::Logs::LogGroup", "AWS::Logs::LogStream"),
        *("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::CloudWatch::Alarm"),
    }
    assert set(fronted.template["Outputs"]) - set(stacks[fronted.stage].template["Outputs"]) == {
        *("FrontDoorStream", "FrontDoorPolicy"),
    }


def test_it_gathers_for_a_minute_and_delivers_gzip_where_ingest_looks(fronted: Synthesised) -> None:
    to = destination(fronted)

    assert to["BufferingHints"] == {"IntervalInSeconds": 60, "SizeInMBs": 5}
    assert to["CompressionFormat"] == "GZIP"
    assert to["Prefix"] == f"{INCOMING_PREFIX}{FRONT_DOOR_FOLDER}/"
    assert to["BucketARN"] == at_stage(LANDING, fronted.stage)
    assert "EncryptionConfiguration" not in to, "the bucket's own, which ingest can read"


def test_what_cannot_be_delivered_never_calls_ingest(fronted: Synthesised) -> None:
    errors = destination(fronted)["ErrorOutputPrefix"]

    assert not errors.startswith(INCOMING_PREFIX)
    assert "!{firehose:error-output-type}" in errors


def test_records_wait_encrypted_and_errors_are_logged(fronted: Synthesised) -> None:
    stream = fronted.properties("AWS::KinesisFirehose::DeliveryStream", "FrontDoorStream")

    assert stream["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
    assert destination(fronted)["CloudWatchLoggingOptions"] == {
        "Enabled": True,
        "LogGroupName": "${FrontDoorLogs}",
        "LogStreamName": "${FrontDoorLog}",
    }
    retention = fronted.properties("AWS::Logs::LogGroup", "FrontDoorLogs")["RetentionInDays"]
    assert retention == {"dev": 7, "prod": 90}[fronted.stage]


@pytest.mark.parametrize("policy", FRONT_DOOR_POLICIES)
def test_its_roles_may_do_exactly_what_is_written_down(fronted: Synthesised, policy: str) -> None:
    kind = "AWS::IAM::ManagedPolicy" if policy in ("FrontDoorPolicy", "DevicesPolicy") else "AWS::IAM::Policy"
    statements = fronted.properties(kind, policy)["PolicyDocument"]["Statement"]
    assert [written(s) for s in statements] == [expected(s, fronted.stage) for s in FRONT_DOOR_POLICIES[policy]]


def test_firehose_alone_may_assume_its_role_and_for_this_account(fronted: Synthesised) -> None:
    role = fronted.properties("AWS::IAM::Role", "FrontDoorRole")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "${AWS::AccountId}"}}


def test_readings_of_all_devices_are_taken_from_it_also_where_a_folder_is_an_identity(fronted: Synthesised) -> None:
    variables = fronted.properties("AWS::Lambda::Function", "IngestFunction")["Environment"]["Variables"]
    rule = Ownership(identity="folder", gateways=tuple(variables["GATEWAYS"].split(",")))

    assert rule.only_device(f"{destination(fronted)['Prefix']}2026/11/26/10/x.gz") is None
    assert rule.only_device("incoming/boiler-7/x.json") == "boiler-7"
    assert int(variables["DEVICES_PER_SOURCE"]) == 1_000_000, "a fleet behind one folder"


def test_a_stream_waits_for_its_rights_and_its_bucket(fronted: Synthesised) -> None:
    awaited = fronted.of_type("AWS::KinesisFirehose::DeliveryStream")["FrontDoorStream"]["DependsOn"]

    assert {id[:-8] for id in awaited} >= {"FrontDoorRoleDefaultPolicy", "LandingBucket"}


@pytest.mark.parametrize(
    ("name", "metric", "statistic", "threshold"),
    [(LATE, "DeliveryToS3.DataFreshness", "Maximum", 900), (THROTTLED, "ThrottledRecords", "Sum", 0)],
)
def test_records_that_wait_or_are_refused_raise_an_alarm(
    fronted: Synthesised, name: str, metric: str, statistic: str, threshold: int
) -> None:
    raised = fronted.properties("AWS::CloudWatch::Alarm", f"ObservedAlarms{name}")

    assert (raised["Namespace"], raised["MetricName"], raised["Statistic"]) == ("AWS/Firehose", metric, statistic)
    assert raised["Dimensions"] == [{"Name": "DeliveryStreamName", "Value": "${FrontDoorStream}"}]
    assert (raised["Threshold"], raised["TreatMissingData"]) == (threshold, "notBreaching")
    assert raised.get("AlarmActions", []) == ([] if fronted.stage == "dev" else ["${AlarmMailTopic}"])
