"""Puts the synthesised app on the embedded AWS, as `cdk deploy` would: bootstrap, assets, stack.

In: the folder `cdk synth` wrote. Out: the stack's outputs. The template goes up as it is; what the embedded AWS cannot
take stands in the template behind the condition `OnAws`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from lambdas.shared.contracts import SOURCE as EVENT_SOURCE
from sensorctl.embedded.access import Access
from sensorctl.errors import UserError
from sensorctl.pipeline import Pipeline, from_outputs, stack_name

_QUALIFIER = "hnb659fds"  # the CDK's default bootstrap qualifier (CDK Developer Guide, "Customize bootstrapping")


def deploy(access: Access, *, assembly: Path, stage: str) -> Pipeline:
    """Create the stage's stack from the assembly and wait for it. Raises UserError naming the resource that failed."""
    name = stack_name(stage)
    account = access.client("sts").get_caller_identity()["Account"]
    bucket = f"cdk-{_QUALIFIER}-assets-{account}-{access.region}"
    _bootstrap(access, bucket)
    template = _upload_assets(access, assembly=assembly, name=name, account=account)
    cloudformation = access.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        # A template over 51,200 bytes is only taken from S3 (CloudFormation User Guide, "quotas").
        TemplateURL=template,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
        )
    except WaiterError:
        raise UserError(f"stack {name} was not created: {_first_failure(cloudformation, name)}") from None
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    pipeline = from_outputs(stack["Outputs"], name=name)
    return replace(pipeline, event_archive=_archive(access, pipeline.event_bus))


def _archive(access: Access, bus: str) -> str:
    """Make the archive that the template has on AWS alone: the emulator takes it through the API only."""
    events, name = access.client("events"), f"{bus}-archive"
    arn = events.describe_event_bus(Name=bus)["Arn"]
    events.create_archive(ArchiveName=name, EventSourceArn=arn, EventPattern=json.dumps({"source": [EVENT_SOURCE]}))
    return name


def _bootstrap(access: Access, bucket: str) -> None:
    access.client("ssm").put_parameter(
        Name=f"/cdk-bootstrap/{_QUALIFIER}/version", Value="30", Type="String", Overwrite=True
    )
    access.client("s3").create_bucket(Bucket=bucket)


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
