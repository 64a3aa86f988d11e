"""Puts the synthesised app on the embedded AWS, as `cdk deploy` would: bootstrap, assets, stack.

It takes the folder that `cdk synth` wrote and returns the stack's outputs. The template goes up as it is; what the
embedded AWS does not support has the condition `OnAws`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from lambdas.shared.names import EVENT_SOURCE, stack_name
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline, archive_name, find_pipeline
from sensorctl.errors import UserError

_QUALIFIER = "hnb659fds"  # the CDK's default bootstrap qualifier (CDK Developer Guide, "Customize bootstrapping")
# The lowest that the assembly asks for: `cdk bootstrap` refuses to replace a version that is newer than its own.
_BOOTSTRAP_VERSION = "8"


def deploy(access: Access, *, assembly: Path, stage: str) -> Pipeline:
    """Create the stage's stack from the assembly and wait for it. Raises UserError naming the resource that failed."""
    name = stack_name(stage)
    account = access.client("sts").get_caller_identity()["Account"]
    _create_stack(access, "CDKToolkit", TemplateBody=json.dumps(_bootstrap_template(account, str(access.region))))
    template = _upload_assets(access, assembly=assembly, name=name, account=account)
    # A template over 51,200 bytes is only taken from S3 (CloudFormation User Guide, "quotas").
    _create_stack(access, name, TemplateURL=template, Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"])
    pipeline = find_pipeline(access, stage=stage)
    _make_archive(access, pipeline.event_bus)
    return pipeline


def _create_stack(access: Access, name: str, **template: Any) -> None:
    cloudformation = access.client("cloudformation")
    cloudformation.create_stack(StackName=name, **template)
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
        )
    except WaiterError:
        raise UserError(f"stack {name} was not created: {_first_failure(cloudformation, name)}") from None


def _bootstrap_template(account: str, region: str) -> dict[str, Any]:
    """Return what the CDK's assets need of its bootstrap stack; `cdk bootstrap` finds it, and updates it to its own.

    Logical ids and names are those of the CDK CLI's bootstrap-template.yaml: what exists outside of the stack, or under
    another id, would be in the way of its own.
    """
    bucket = {"BucketName": f"cdk-{_QUALIFIER}-assets-{account}-{region}"}
    version = {"Name": f"/cdk-bootstrap/{_QUALIFIER}/version", "Type": "String", "Value": _BOOTSTRAP_VERSION}
    return {
        "Resources": {
            "StagingBucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
            "CdkBootstrapVersion": {"Type": "AWS::SSM::Parameter", "Properties": version},
        },
        "Outputs": {"BootstrapVersion": {"Value": _BOOTSTRAP_VERSION}},
    }


def _make_archive(access: Access, bus: str) -> None:
    """Make the archive that the template has on AWS alone: the emulator takes it through the API only."""
    events = access.client("events")
    arn = events.describe_event_bus(Name=bus)["Arn"]
    pattern = json.dumps({"source": [EVENT_SOURCE]})
    events.create_archive(ArchiveName=archive_name(bus), EventSourceArn=arn, EventPattern=pattern)


def _upload_assets(access: Access, *, assembly: Path, name: str, account: str) -> str:
    """Upload every file the assembly names; return where the template is, which is one of them."""
    s3 = access.client("s3")
    manifest = json.loads((assembly / f"{name}.assets.json").read_text())
    template = ""
    for asset in manifest["files"].values():
        path = asset["source"]["path"]
        for destination in asset["destinations"].values():
            bucket = _fill(destination["bucketName"], account=account, region=str(access.region))
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=(assembly / path).read_bytes())
            if path == f"{name}.template.json":
                template = f"{access.endpoint}/{bucket}/{destination['objectKey']}"
    return template


def _fill(text: str, *, account: str, region: str) -> str:
    return text.replace("${AWS::AccountId}", account).replace("${AWS::Region}", region)


def _first_failure(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
    return "no resource failed; look at the emulator's log"
