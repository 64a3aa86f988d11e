"""Who deploys, and where to: credentials, the region, and what the CDK needs there. Reads only."""

from __future__ import annotations

from dataclasses import replace

import boto3
from botocore.exceptions import BotoCoreError, ClientError, UnknownRegionError

from constructs_lib.errors import SynthError
from constructs_lib.stage.regions import check_region
from sensorctl.aws.access import Access
from sensorctl.status.judge import Check

# A region of each partition that is always enabled. Elsewhere bad credentials and a region that is not
# enabled get the same answer (Account Management Reference Guide, "Enable or disable AWS Regions").
_HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}
_NO_SUCH_REGION = "InvalidParameterValue"
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"


def home_of(access: Access) -> Access | None:
    """Return access to the always-enabled region of the same partition; None where no partition has such a region."""
    try:
        partition = boto3.Session().get_partition_for_region(access.region or "")
    except UnknownRegionError:
        return None
    return replace(access, region=_HOMES.get(partition, access.region))


def credentials(home: Access) -> tuple[Check, str]:
    """Return the check of the credentials, and the account's number ("" without credentials)."""
    name = "credentials"
    try:
        caller = home.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        do = "set AWS_PROFILE (after `aws sso login`, if it uses that) or the AWS_ variables, and try again"
        return Check(name=name, level="broken", says=str(error), do=do), ""
    return Check(name=name, level="ok", says=f"account {caller['Account']}, {caller['Arn']}"), caller["Account"]


def no_region(region: str | None) -> Check:
    """Return the check of a region that does not exist."""
    return Check(
        name="region", level="broken", says=f"AWS has no region {region}", do="name another, such as us-east-1"
    )


def region(home: Access, wanted: str | None) -> Check:
    """Check that the region exists, is enabled, and has what the landing bucket needs."""
    name = "region"
    try:
        (found,) = home.client("ec2").describe_regions(RegionNames=[wanted], AllRegions=True)["Regions"]
    except ClientError as error:
        if error.response["Error"]["Code"] == _NO_SUCH_REGION:
            return no_region(wanted)
        raise
    if found.get("OptInStatus") == "not-opted-in":
        do = f"`aws account enable-region --region-name {wanted}`, which takes minutes, or choose another"
        return Check(name=name, level="broken", says=f"{wanted} is not enabled in this account", do=do)
    try:
        check_region(wanted)
    except SynthError as error:
        return Check(name=name, level="broken", says=str(error).rstrip("."))
    return Check(name=name, level="ok", says=f"{wanted} is enabled")


def bootstrap(access: Access) -> Check:
    """Check whether the CDK has its bucket and roles in the region; `make deploy` makes and updates them itself."""
    name = "CDK bootstrap"
    try:
        version = access.client("ssm").get_parameter(Name=_BOOTSTRAP)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return Check(name=name, level="ok", says="not there yet; `make deploy` does it first")
        raise
    return Check(name=name, level="ok", says=f"version {version}")
