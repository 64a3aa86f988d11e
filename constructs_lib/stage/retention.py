"""What outlives its stack, in one place: everything that holds data, where the stage keeps its data."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.stage.settings import Settings

_HOLD_DATA = ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SQS::Queue"]


def keep_what_holds_data(scope: Construct, settings: Settings) -> None:
    """Set the deletion policy of everything below `scope` that holds data.

    A stage that keeps its data gets RetainExceptOnCreate: an update or a deletion keeps the resource, and only a create
    that fails takes away what it made, or the retry would find its names taken (CloudFormation User Guide,
    "DeletionPolicy attribute"). Nothing of it has deletion protection of its own, which would stop that rollback.
    """
    policies = cdk.RemovalPolicies.of(scope)
    if settings.keep_data:
        policies.retain_on_update_or_delete(apply_to_resource_types=_HOLD_DATA)
    else:
        policies.destroy(apply_to_resource_types=_HOLD_DATA)
