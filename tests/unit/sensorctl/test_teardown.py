from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from sensorctl.embedded.access import Access
from sensorctl.errors import UserError
from sensorctl.teardown import empty_buckets

RESOURCE = {
    "LogicalResourceId": "Landing",
    "PhysicalResourceId": "landing",
    "ResourceType": "AWS::S3::Bucket",
    "ResourceStatus": "CREATE_COMPLETE",
    "LastUpdatedTimestamp": datetime(2026, 11, 22, tzinfo=UTC),
}


@dataclass(frozen=True, kw_only=True)
class StubbedStacks(Access):
    """moto's S3, and a CloudFormation that knows one stack (or none)."""

    deployed: bool = True

    def client(self, service: str, *, pool: int = 16) -> Any:
        client = super().client(service, pool=pool)
        if service == "cloudformation":
            stubber = Stubber(client)
            if self.deployed:
                stubber.add_response("list_stack_resources", {"StackResourceSummaries": [RESOURCE]})
            else:
                stubber.add_client_error("list_stack_resources", "ValidationError", "Stack does not exist")
            stubber.activate()
        return client


def bucket_with_versions() -> Any:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="landing")
    s3.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket="landing", Key="incoming/a", Body=body)
    s3.delete_object(Bucket="landing", Key="incoming/a")
    return s3


@mock_aws
def test_every_version_and_delete_marker_goes() -> None:
    s3 = bucket_with_versions()
    assert empty_buckets(StubbedStacks(), stage="dev", say=lambda _: None) == 3
    left = s3.list_object_versions(Bucket="landing")
    assert "Versions" not in left
    assert "DeleteMarkers" not in left


@mock_aws
def test_a_prod_stage_keeps_its_data() -> None:
    s3 = bucket_with_versions()
    assert empty_buckets(StubbedStacks(), stage="prod", say=lambda _: None) == 0
    assert len(s3.list_object_versions(Bucket="landing")["Versions"]) == 2


@mock_aws
def test_a_stage_that_is_not_deployed_is_named() -> None:
    with pytest.raises(UserError, match="there is no stack SensorFanout-dev to destroy"):
        empty_buckets(StubbedStacks(deployed=False), stage="dev", say=lambda _: None)
