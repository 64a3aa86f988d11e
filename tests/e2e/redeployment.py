"""The deployed stack with another template for a while, by a stack update like any other."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lambdas.shared.names import stack_name
from sensorctl.embedded.embedded_aws import EmbeddedAws

STACK = stack_name("dev")


@contextmanager
def without(aws: EmbeddedAws, policy: str, *, sid: str | None, action: str) -> Iterator[None]:
    """Redeploy without `action` in the statement `sid` of the policy whose logical id begins with `policy`."""
    less = copy.deepcopy(_deployed(aws))
    (id,) = [id for id in less["Resources"] if id.startswith(policy)]
    document = less["Resources"][id]["Properties"]["PolicyDocument"]
    (statement,) = [statement for statement in document["Statement"] if statement.get("Sid") == sid]
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    assert action in actions
    statement["Action"] = [name for name in actions if name != action]
    document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    with redeployed(aws, less):
        yield


@contextmanager
def redeployed(aws: EmbeddedAws, template: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Update the stack to another template, and back afterwards; gives the outputs that it has meanwhile."""
    before = _deployed(aws)
    _deploy(aws, template)
    (stack,) = aws.access.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    try:
        yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    finally:
        _deploy(aws, before)


def _deployed(aws: EmbeddedAws) -> dict[str, Any]:
    body = aws.access.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else json.loads(json.dumps(body))
    return template


def _deploy(aws: EmbeddedAws, template: dict[str, Any]) -> None:
    # A template over 51,200 bytes is only taken from S3 (CloudFormation User Guide, "quotas").
    bucket, key = aws.pipeline.landing_bucket, "templates/redeployed.json"
    aws.access.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
    cloudformation = aws.access.client("cloudformation")
    cloudformation.update_stack(
        StackName=STACK,
        TemplateURL=f"{aws.access.endpoint}/{bucket}/{key}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    waiter = cloudformation.get_waiter("stack_update_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
