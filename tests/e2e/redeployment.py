"""The deployed stack with one action of one policy taken out, by a stack update like any other."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.pipeline import stack_name

STACK = stack_name("dev")


@contextmanager
def without(aws: EmbeddedAws, policy: str, *, sid: str | None, action: str) -> Iterator[None]:
    """Redeploy without `action` in the statement `sid` of the policy whose logical id begins with `policy`."""
    template = json.loads(json.dumps(aws.access.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]))
    template = json.loads(template) if isinstance(template, str) else template
    less = copy.deepcopy(template)
    (id,) = [id for id in less["Resources"] if id.startswith(policy)]
    document = less["Resources"][id]["Properties"]["PolicyDocument"]
    (statement,) = [one for one in document["Statement"] if one.get("Sid") == sid]
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    assert action in actions
    statement["Action"] = [one for one in actions if one != action]
    document["Statement"] = [one for one in document["Statement"] if one["Action"]]
    _deploy(aws, less)
    try:
        yield
    finally:
        _deploy(aws, template)


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
