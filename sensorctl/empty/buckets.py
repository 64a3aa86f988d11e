"""Empties a stack's buckets before it is destroyed: CloudFormation deletes only buckets that are empty.

What is kept is decided by the template's deletion policies, never by the stage's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.alert.mail.formatting import counted
from lambdas.shared.names import stack_name
from sensorctl.aws.access import Access
from sensorctl.errors import UserError

# Enough to recognise a bucket by; counting millions would take minutes.
_COUNTED = 10_000
_OBJECTS = ("object and version", "objects and versions")
_GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")
_HOLDS_DATA = {
    "AWS::S3::Bucket": "bucket",
    "AWS::DynamoDB::Table": "table",
    "AWS::SQS::Queue": "queue",
    "AWS::Logs::LogGroup": "log group",
}


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource that holds data: `goes` with its stack, or stays."""

    kind: str
    name: str
    goes: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What destroying a stack does to what holds data; `buckets` are to be emptied first."""

    stack: str
    resources: tuple[Resource, ...]

    @property
    def buckets(self) -> tuple[str, ...]:
        """The buckets that go with the stack."""
        return tuple(resource.name for resource in self.resources if resource.goes and resource.kind == "bucket")


def plan(access: Access, *, stage: str) -> Plan:
    """Ask the stack what goes with it. Raises UserError when it is not there or cannot be destroyed as it is."""
    stack, cloudformation = stack_name(stage), access.client("cloudformation")
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise UserError(f"there is no stack {stack} to destroy in {access.region}") from None
        raise
    if described.get("EnableTerminationProtection"):
        raise UserError(
            f"{stack} is protected from termination; to destroy it, first give `aws cloudformation "
            f"update-termination-protection --stack-name {stack} --no-enable-termination-protection`"
        )
    template = cloudformation.get_template(StackName=stack)["TemplateBody"]
    if not isinstance(template, dict):  # botocore reads JSON, and leaves YAML as text
        raise UserError(f"the template of {stack} is not JSON, so nobody knows what it keeps; the CDK deploys JSON")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = tuple(
        _resource(listed, template["Resources"])
        for page in pages
        for listed in page["StackResourceSummaries"]
        if listed["ResourceType"] in _HOLDS_DATA and listed["ResourceStatus"] not in _GONE
    )
    return Plan(stack=stack, resources=resources)


def described(access: Access, resource: Resource) -> str:
    """Return a line that names a resource and what it holds. Raises UserError for a table that cannot be deleted."""
    words = f"{resource.kind} {resource.name}"
    if not resource.goes:
        return words
    if resource.kind == "bucket":
        count = sum(len(versions) for versions in _versions(access.client("s3"), resource.name, most=_COUNTED))
        return f"{words}: {'more than ' if count >= _COUNTED else ''}{counted(count, *_OBJECTS)}"
    if resource.kind == "table":
        table = access.client("dynamodb").describe_table(TableName=resource.name)["Table"]
        if table.get("DeletionProtectionEnabled"):
            raise UserError(f"table {resource.name} is protected from deletion; switch that off in DynamoDB first")
        # DynamoDB counts every six hours (DynamoDB API Reference, "TableDescription").
        return f"{words}: about {counted(table.get('ItemCount', 0), 'item')}"
    return words


def empty(access: Access, buckets: tuple[str, ...]) -> Iterator[str]:
    """Delete every version of every object in the buckets; yield a line for each bucket once it is empty.

    Access logging goes off first: else the logs of the deletions themselves fill the log bucket again. S3 may still
    deliver some hours later (S3 User Guide, "Logging requests with server access logging": best effort).
    """
    s3 = access.client("s3")
    for bucket in buckets:
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    for bucket in buckets:
        deleted = 0
        for versions in _versions(s3, bucket):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
            if answer.get("Errors"):
                raise UserError(f"{bucket}: {answer['Errors'][0]['Key']} cannot be deleted: {answer['Errors'][0]}")
            deleted += len(versions)
        yield f"{bucket}: {counted(deleted, *_OBJECTS)} deleted"


def _resource(listed: dict[str, Any], declared: dict[str, Any]) -> Resource:
    """A resource goes unless its DeletionPolicy keeps it (CloudFormation, "DeletionPolicy attribute").

    One that the template does not declare any more is not the stack's to delete, and stays.
    """
    found = declared.get(listed["LogicalResourceId"])
    goes = found is not None and found.get("DeletionPolicy", "Delete") == "Delete"
    return Resource(kind=_HOLDS_DATA[listed["ResourceType"]], name=listed["PhysicalResourceId"], goes=goes)


def _versions(s3: Any, bucket: str, *, most: int | None = None) -> Iterator[list[dict[str, str]]]:
    """Yield the versions and delete markers of a bucket, a page at a time, until there are `most`."""
    seen = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
        if versions:
            yield versions
        seen += len(versions)
        if most is not None and seen >= most:
            return
