"""Who the caller is, as AWS knows them."""

from __future__ import annotations

from sensorctl.aws.access import Access


def caller(access: Access) -> str:
    """Return the name of the caller, who may always ask (STS API Reference, "GetCallerIdentity")."""
    return name_in(access.client("sts").get_caller_identity()["Arn"])


def name_in(arn: str) -> str:
    """Return the name in the ARN of a caller: `alice` of a user, `Admin/alice` of a session of a role.

    It is what stands behind the kind of resource (IAM User Guide, "IAM identifiers").
    """
    resource = arn.split(":", 5)[-1]
    return resource.partition("/")[2] or resource
