"""What an earlier deployment left behind: the stack's state, and the names that it would need. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from lambdas.shared.names import stack_name
from sensorctl.aws.access import Access
from sensorctl.status.judge import Check

# The CDK CLI deletes a stack in one of these before it creates it anew (aws-cdk-cli, deploy-stack.ts).
_FAILED_CREATE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_NOT_BEGUN = "REVIEW_IN_PROGRESS"
_AGAIN = 'docs/deploy.md, "Deploying a deleted stage again"'


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The stack as CloudFormation has it."""

    name: str
    status: str
    protected: bool

    @property
    def holds_nothing(self) -> bool:
        """Whether a deployment creates its resources, rather than updates them."""
        return self.status in (*_FAILED_CREATE, _NOT_BEGUN)


def find_stack(access: Access, stage: str) -> Stack | None:
    """Return the stage's stack; None if there is none."""
    name = stack_name(stage)
    try:
        stack = access.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    protected = bool(stack.get("EnableTerminationProtection", False))
    return Stack(name=name, status=stack["StackStatus"], protected=protected)


def state(stack: Stack | None, stage: str) -> Check:
    """Check that CloudFormation will take a deployment (CloudFormation User Guide, "Stack status codes")."""
    name = "stack"
    if stack is None:
        return Check(name=name, level="ok", says=f"{stack_name(stage)} will be created")
    says = f"{stack.name} is in {stack.status}"
    command = f"aws cloudformation {{}} --stack-name {stack.name}"
    if stack.status in _FAILED_CREATE and stack.protected:
        says = f"{says}, and protected: the CDK cannot delete it"
        do: str | None = f"`{command.format('update-termination-protection')} --no-enable-termination-protection`"
    elif stack.status == "UPDATE_ROLLBACK_FAILED":
        do = f"fix what its events name, then `{command.format('continue-update-rollback')}`"
    elif stack.status == "DELETE_FAILED":
        do = f"fix what its events name, then `{command.format('delete-stack')}`"
    elif stack.status.endswith("_IN_PROGRESS") and stack.status != _NOT_BEGUN:
        do = "wait until that ends, and try again"
    else:
        do = None
        says = f"{says}; it will be {'created anew' if stack.holds_nothing else 'updated'}"
    return Check(name=name, level="broken" if do else "ok", says=says, do=do)


def names(access: Access, stack: Stack | None, *, stage: str, account: str) -> Check:
    """Check that the names which the template fixes are free, where the stack is to be created.

    Nobody else can have them: the bucket's is in the account's own namespace.
    """
    name = "names"
    if stack is not None and not stack.holds_nothing:
        return Check(name=name, level="ok", says="in use by the stack")
    bucket = f"sensor-fanout-{stage}-landing-{account}-{access.region}-an"
    tables = [f"sensor-fanout-{stage}-{table}" for table in ("readings", "alerts")]
    taken = [bucket] * _exists(access.client("s3").head_bucket, "404", "NoSuchBucket", Bucket=bucket)
    describe = access.client("dynamodb").describe_table
    taken += [table for table in tables if _exists(describe, "ResourceNotFoundException", TableName=table)]
    if not taken:
        return Check(name=name, level="ok", says="bucket and tables can be created")
    do = f"import or delete them: {_AGAIN}"
    return Check(name=name, level="broken", says=f"left by an earlier stack: {', '.join(taken)}", do=do)


def _exists(ask: Callable[..., object], *codes: str, **name: str) -> bool:
    """Ask for a resource; one of these error codes says that there is none."""
    try:
        ask(**name)
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return False
        raise
    return True
