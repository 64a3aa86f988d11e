"""What the account allows: Lambda's concurrency, X-Ray's policies, and where traces go. Reads only."""

from __future__ import annotations

from typing import Any

from constructs_lib.stage.settings import ReservedConcurrency
from sensorctl.aws.access import Access
from sensorctl.preflight.stack import Stack
from sensorctl.status.judge import Check

# Lambda API Reference, PutFunctionConcurrency: so much must stay for functions that reserve nothing.
UNRESERVED = 100
_SMALL = 100
# X-Ray API Reference, PutResourcePolicy.
_POLICIES = 5


def concurrency(access: Access, stack: Stack | None, reserved: ReservedConcurrency) -> Check:
    """Check that the account's quota has what the stage reserves."""
    name = "concurrency"
    functions = access.client("lambda")
    limit = functions.get_account_settings()["AccountLimit"]
    wanted = (reserved.ingest or 0) + (reserved.alert or 0)
    if not wanted:
        says = f"nothing is reserved; the account runs {limit['ConcurrentExecutions']} at once"
        if limit["ConcurrentExecutions"] >= _SMALL:
            return Check(name=name, level="ok", says=says)
        do = "ask for more in Service Quotas (Lambda, Concurrent executions) before many devices upload at once"
        return Check(name=name, level="attention", says=says, do=do)
    free = limit["UnreservedConcurrentExecutions"] + _already_reserved(access, functions, stack) - UNRESERVED
    says = f"{wanted} reserved; the account can spare {max(free, 0)} beside the {UNRESERVED} that must stay unreserved"
    if wanted <= free:
        return Check(name=name, level="ok", says=says)
    do = "lower reserved_concurrency of the stage in cdk.json (null reserves none), or ask for more in Service Quotas"
    return Check(name=name, level="broken", says=says, do=do)


def _already_reserved(access: Access, functions: Any, stack: Stack | None) -> int:
    """Return what the stack's own functions hold: an update takes no more than the difference."""
    if stack is None or stack.holds_nothing:
        return 0
    pages = access.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
    held = 0
    for resource in (resource for page in pages for resource in page["StackResourceSummaries"]):
        if resource["ResourceType"] == "AWS::Lambda::Function" and "PhysicalResourceId" in resource:
            answer = functions.get_function_concurrency(FunctionName=resource["PhysicalResourceId"])
            held += answer.get("ReservedConcurrentExecutions", 0)
    return held


def trace_policy(access: Access, *, stage: str) -> Check:
    """Check that X-Ray takes the policy that lets SNS add its part to a trace."""
    name = "X-Ray policies"
    pages = access.client("xray").get_paginator("list_resource_policies").paginate()
    found = [policy["PolicyName"] for page in pages for policy in page["ResourcePolicies"]]
    if len(found) < _POLICIES or f"sensor-fanout-{stage}-alerts" in found:
        return Check(name=name, level="ok", says=f"{len(found)} of {_POLICIES} in use")
    do = "delete one that is no longer needed: `aws xray delete-resource-policy --policy-name NAME`"
    return Check(name=name, level="broken", says=f"all {_POLICIES} are in use: {', '.join(found)}", do=do)


def traces(access: Access) -> Check:
    """Check where traces go. `sensorctl traces` asks X-Ray, and finds none where Transaction Search is on.

    X-Ray API Reference, BatchGetTraces; CloudWatch User Guide, "Enable transaction search": spans then go to the log
    group aws/spans, for the whole account.
    """
    name = "traces"
    if access.client("xray").get_trace_segment_destination()["Destination"] == "XRay":
        return Check(name=name, level="ok", says="go to X-Ray, where `sensorctl traces` finds them")
    says = "go to CloudWatch Logs (Transaction Search is on), where `sensorctl traces` finds none"
    do = "look in CloudWatch under Transaction Search; readings and alerts need no traces"
    return Check(name=name, level="attention", says=says, do=do)
