"""Where one template has to differ between AWS and the embedded AWS of `make run`: one CloudFormation condition.

The embedded AWS runs in account 000000000000, which no AWS account has, and knows most resources but not all. What it
lacks is made on AWS only, by the template itself: nobody rewrites it on the way to either.
"""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from constructs import Construct

EMBEDDED_ACCOUNT = "000000000000"
# The embedded AWS does not resolve pseudo parameters in conditions (an account or partition reads as its own name
# there), so the condition also asks for what only AWS answers.
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
_ON_AWS = "OnAws"


def on_aws(scope: Construct) -> cdk.CfnCondition:
    """Return the stack's condition that is true on AWS and false on the embedded AWS."""
    stack = cdk.Stack.of(scope)
    existing = stack.node.try_find_child(_ON_AWS)
    if existing is not None:
        return cast(cdk.CfnCondition, existing)
    partitions = [cdk.Fn.condition_equals(cdk.Aws.PARTITION, partition) for partition in _PARTITIONS]
    return cdk.CfnCondition(
        stack,
        _ON_AWS,
        expression=cdk.Fn.condition_and(
            cdk.Fn.condition_or(*partitions),
            cdk.Fn.condition_not(cdk.Fn.condition_equals(cdk.Aws.ACCOUNT_ID, EMBEDDED_ACCOUNT)),
        ),
    )


def only_on_aws(resource: cdk.CfnResource) -> None:
    """Leave `resource` out on the embedded AWS, which does not know its type."""
    resource.cfn_options.condition = on_aws(resource)


def value_on_aws(scope: Construct, value: str) -> str:
    """Return `value` on AWS, nothing on the embedded AWS."""
    return cdk.Token.as_string(cdk.Fn.condition_if(on_aws(scope).logical_id, value, cdk.Aws.NO_VALUE))
