"""Who the caller is, as AWS knows them."""

from __future__ import annotations

from sensorctl.aws.access import Access


def caller(access: Access) -> str:
    """Return the name of the caller: `alice` of a user, `Admin/alice` of a session of a role.

    It is what stands behind the kind of resource in the ARN (IAM User Guide, "IAM identifiers"). Every caller may ask,
    no policy can forbid it (STS API Reference, "GetCallerIdentity").
    """
    resource = access.client("sts").get_caller_identity()["Arn"].split(":", 5)[5]
    return str(resource.partition("/")[2] or resource)
