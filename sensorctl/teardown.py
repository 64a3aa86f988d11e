"""Empties a stage's buckets, so that destroying its stack leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from sensorctl.embedded.access import Access
from sensorctl.errors import UserError
from sensorctl.pipeline import stack_name

_KEPT_STAGES = ("prod",)


def empty_buckets(access: Access, *, stage: str, say: Callable[[str], None]) -> int:
    """Delete every version of every object in the stack's buckets; return how many.

    A stage that keeps its data is left as it is. Raises UserError when there is no such stack.
    """
    if stage in _KEPT_STAGES:
        say(f"stage {stage} keeps its data; its buckets and tables stay")
        return 0
    deleted = 0
    for bucket in _buckets(access, stack_name(stage)):
        say(f"emptying {bucket}")
        deleted += _empty(access.client("s3"), bucket)
    return deleted


def _buckets(access: Access, stack: str) -> list[str]:
    try:
        resources = access.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [resource for page in resources for resource in page["StackResourceSummaries"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise UserError(f"there is no stack {stack} to destroy in {access.region}") from None
        raise
    return [
        resource["PhysicalResourceId"]
        for resource in found
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def _empty(s3: Any, bucket: str) -> int:
    deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
        if versions:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
            if answer.get("Errors"):
                raise UserError(f"{bucket}: {answer['Errors'][0]['Key']} cannot be deleted: {answer['Errors'][0]}")
        deleted += len(versions)
    return deleted
