"""`sensorctl empty`, which `make destroy` gives first: what the stack itself keeps stays, whatever its stage."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber
from moto import mock_aws

from sensorctl.aws import connection
from tests.unit.sensorctl.command_kit import OneSession, sensorctl

SOME_DAY = datetime(2026, 11, 22, tzinfo=UTC)
BUCKETS = {"Logs": "access-logs", "Landing": "landing"}


def deploy(
    monkeypatch: pytest.MonkeyPatch,
    stage: str = "dev",
    *,
    keeps: str | None = None,
    protected: bool = False,
    locked_table: bool = False,
) -> Any:
    """A stack with a landing bucket that logs into another, and a table; `keeps` is their DeletionPolicy.

    CloudFormation is stubbed with botocore's model of it; S3 is moto's, which writes access logs, and DynamoDB.
    """
    name = f"SensorFanout-{stage}"
    listed = [*(("AWS::S3::Bucket", *bucket) for bucket in BUCKETS.items())]
    listed.append(("AWS::DynamoDB::Table", "Readings", "readings"))
    policy = {} if keeps is None else {"DeletionPolicy": keeps}
    template = {"Resources": {logical: {"Type": kind, **policy} for kind, logical, _ in listed}}
    cloudformation = boto3.client("cloudformation")
    stubber = Stubber(cloudformation)
    described = {"StackName": name, "CreationTime": SOME_DAY, "StackStatus": "CREATE_COMPLETE"}
    summaries = [
        {
            "LogicalResourceId": logical,
            "PhysicalResourceId": physical,
            "ResourceType": kind,
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": SOME_DAY,
        }
        for kind, logical, physical in listed
    ]
    for _ in range(2):
        stubber.add_response("describe_stacks", {"Stacks": [{**described, "EnableTerminationProtection": protected}]})
        stubber.add_response("get_template", {"TemplateBody": json.dumps(template)}, {"StackName": name})
        stubber.add_response("list_stack_resources", {"StackResourceSummaries": summaries})
    stubber.activate()
    stand_in(monkeypatch, cloudformation)
    boto3.client("dynamodb").create_table(
        TableName="readings",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=locked_table,
    )
    s3 = boto3.client("s3")
    for bucket in BUCKETS.values():
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
    # A canned ACL that the stubs do not list (S3 User Guide, "Canned ACL").
    s3.put_bucket_acl(Bucket="access-logs", ACL="log-delivery-write")  # type: ignore[arg-type]
    s3.put_bucket_logging(
        Bucket="landing",
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "access-logs", "TargetPrefix": "landing/"}},
    )
    for body in (b"1", b"2"):
        s3.put_object(Bucket="landing", Key="incoming/a", Body=body)
    s3.delete_object(Bucket="landing", Key="incoming/a")
    s3.put_object(Bucket="access-logs", Key="landing/2026", Body=b"GET")
    return s3


def stand_in(monkeypatch: pytest.MonkeyPatch, cloudformation: Any) -> None:
    class Stubbed(OneSession):
        def client(self, service: str, **_: Any) -> Any:
            return cloudformation if service == "cloudformation" else super().client(service)

    monkeypatch.setattr(connection, "aws_access", lambda **_: Stubbed())


def left_in(s3: Any, bucket: str) -> int:
    found = s3.list_object_versions(Bucket=bucket)
    return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def test_every_version_and_delete_marker_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = deploy(monkeypatch)
    result = sensorctl("empty", "--yes")
    assert result.code == 0
    assert (left_in(s3, "landing"), left_in(s3, "access-logs")) == (0, 0)
    assert "landing: 3 objects and versions deleted" in result.out


def test_access_logging_is_off_before_anything_is_deleted_so_that_late_logs_do_not_fill_the_bucket_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3 = deploy(monkeypatch)
    calls: list[tuple[str, str | None]] = []

    def noted(self: Any, operation: str, params: dict[str, Any]) -> Any:
        calls.append((operation, params.get("Bucket")))
        return original(self, operation, params)

    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    sensorctl("empty", "--yes")
    changes = [call for call in calls if call[0].startswith(("Put", "Delete"))]
    assert changes[:2] == [("PutBucketLogging", "access-logs"), ("PutBucketLogging", "landing")]
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="landing")


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_stack_that_keeps_its_data_keeps_it_whatever_its_stage_is_called(
    stage: str, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = deploy(monkeypatch, stage, keeps=policy)
    result = sensorctl("empty", "--yes", "--stage", stage)
    assert (left_in(s3, "landing"), left_in(s3, "access-logs") > 0) == (3, True)
    assert result.out.index("stays: ") < result.out.index("landing")
    assert "LoggingEnabled" in s3.get_bucket_logging(Bucket="landing")


def test_a_prod_stack_that_keeps_nothing_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = deploy(monkeypatch, "prod")
    assert sensorctl("empty", "--yes", "--stage", "prod").code == 0
    assert left_in(s3, "landing") == 0


def test_it_names_what_will_go_and_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = deploy(monkeypatch)
    result = sensorctl("empty", answers="n\n")
    assert result.code == 1
    assert "bucket landing: 3 objects and versions" in result.out
    assert "bucket access-logs: " in result.out
    assert "table readings: about 0 items" in result.out
    assert (left_in(s3, "landing"), left_in(s3, "access-logs") > 0) == (3, True)
    assert "LoggingEnabled" in s3.get_bucket_logging(Bucket="landing")
    assert sensorctl("empty", answers="y\n").code == 0
    assert left_in(s3, "landing") == 0


def test_with_nobody_to_answer_nothing_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = deploy(monkeypatch)
    assert sensorctl("empty").code == 1
    assert left_in(s3, "landing") == 3


def test_a_protected_stack_is_refused_before_anything_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = deploy(monkeypatch, protected=True)
    assert "SensorFanout-dev is protected from termination" in sensorctl("empty", "--yes").error
    assert left_in(s3, "landing") == 3


def test_a_table_that_cloudformation_could_not_delete_is_refused_before_anything_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3 = deploy(monkeypatch, locked_table=True)
    assert "table readings is protected from deletion" in sensorctl("empty", "--yes").error
    assert left_in(s3, "landing") == 3


def test_a_stage_that_is_not_deployed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cloudformation = boto3.client("cloudformation")
    stubber = Stubber(cloudformation)
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id SensorFanout-dev does not exist")
    stubber.activate()
    stand_in(monkeypatch, cloudformation)
    assert "there is no stack SensorFanout-dev to destroy in us-east-1" in sensorctl("empty", "--yes").error
