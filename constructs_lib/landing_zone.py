"""The bucket that devices upload to, and the notification that hands each upload under `incoming/` to ingest."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_lib.errors import SynthError
from constructs_lib.stage import embedded
from constructs_lib.stage.acknowledge import NAMES_UNKNOWN, acknowledge
from constructs_lib.stage.settings import Settings
from constructs_lib.traced_function import TracedFunction
from lambdas.ingest.decoding.limits import MOST_DEVICES
from lambdas.shared.names import FRONT_DOOR_FOLDER, INCOMING_PREFIX, QUARANTINE_PREFIX


class LandingZone(Construct):
    """A versioned bucket that only TLS reaches, its access logs, and its native notification to ingest.

    `bucket` may be given instead: versioned, and by name (`s3.Bucket.from_bucket_name`). Ingest is granted its prefixes
    and may be called by it, but CloudFormation sets notifications only where a bucket is made, so its owner does: with
    `notify` on a bucket of the same app, or with what `notification` says, once this stack is deployed. A custom
    resource that sets them on others would be a second, untraced function with wide rights. Raises SynthError for a
    bucket whose name is not written out.
    """

    def __init__(
        self, scope: Construct, id: str, *, ingest: TracedFunction, settings: Settings, bucket: s3.IBucket | None = None
    ) -> None:
        super().__init__(scope, id)
        self._settings = settings
        prefix = f"sensor-fanout-{settings.stage}-landing"
        # Plain text, because the bucket's attributes would make a circle: bucket -> function -> role -> bucket.
        if bucket is None:
            stack = cdk.Stack.of(self)
            # Written out where the app knows account and region: CloudFormation imports no bucket by a name that it
            # has to put together (CloudFormation User Guide, "Import AWS resources into a CloudFormation stack
            # automatically").
            self.bucket_name = f"{prefix}-{stack.account}-{stack.region}-an"
            readable_name = (
                self.bucket_name
                if not cdk.Token.is_unresolved(self.bucket_name)
                else f"{prefix}-<AWS::AccountId>-<AWS::Region>-an"
            )
        else:
            self.bucket_name = readable_name = _name_of(bucket)
        self.bucket_arn = f"arn:{cdk.Aws.PARTITION}:s3:::{self.bucket_name}"
        # As cdk-nag writes it in what it finds.
        self.readable_arn = f"arn:<AWS::Partition>:s3:::{readable_name}"
        self.access_logs = self._access_logs_bucket() if bucket is None else None
        self.bucket = bucket or self._bucket(self.access_logs)
        self.permission = self._permission(ingest)
        self.notification = _notification(ingest)
        if bucket is None:
            self.notify(cast(s3.CfnBucket, self.bucket.node.default_child))
        self._grant(ingest)

    def notify(self, bucket: s3.CfnBucket) -> None:
        """Set the notification on a bucket of this app; any that it has is replaced."""
        bucket.notification_configuration = self.notification
        # S3 tries the permission when the notification is set.
        bucket.add_resource_dependency(self.permission)

    def _access_logs_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(id="expire", expiration=cdk.Duration.days(90))],
        )
        acknowledge(
            bucket,
            "It holds the access logs, which S3 alone writes, once each: logging its own access would never end, and "
            "there are no older versions to keep.",
            "CKV_AWS_18",
            "CKV_AWS_21",
        )
        return bucket

    def _bucket(self, access_logs: s3.IBucket | None) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Bucket",
            versioned=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="landing/",
            lifecycle_rules=self._lifecycle(),
        )
        # Only this account can make `<prefix>-<account>-<region>-an`, so the name cannot be taken by anyone else
        # (S3 User Guide, "Namespaces for general purpose buckets"). The embedded AWS has no such namespaces. On the L1
        # resource, because the L2 takes a prefix alone, of which CloudFormation makes the name.
        resource = cast(s3.CfnBucket, bucket.node.default_child)
        resource.bucket_name = self.bucket_name
        resource.bucket_namespace = embedded.value_on_aws(self, "account-regional")
        return bucket

    def _lifecycle(self) -> list[s3.LifecycleRule]:
        rules = [
            s3.LifecycleRule(
                id="old-versions",
                noncurrent_version_expiration=cdk.Duration.days(30),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
            )
        ]
        if self._settings.quarantine_days is not None:
            expiration = cdk.Duration.days(self._settings.quarantine_days)
            rules.append(s3.LifecycleRule(id="quarantine", prefix=QUARANTINE_PREFIX, expiration=expiration))
        return rules

    def _permission(self, ingest: TracedFunction) -> lambda_.CfnPermission:
        return lambda_.CfnPermission(
            self,
            "MayInvokeIngest",
            action="lambda:InvokeFunction",
            function_name=ingest.function.function_arn,
            principal="s3.amazonaws.com",
            # A bucket's ARN names no account, so both are needed (Lambda Developer Guide, "Process Amazon S3 event
            # notifications": a deleted bucket's name may pass to another account).
            source_arn=self.bucket_arn,
            source_account=cdk.Aws.ACCOUNT_ID,
        )

    def _grant(self, ingest: TracedFunction) -> None:
        ingest.add_environment(
            INCOMING_PREFIX=INCOMING_PREFIX,
            QUARANTINE_PREFIX=QUARANTINE_PREFIX,
            DEVICE_IDENTITY=self._settings.device_identity,
        )
        # What the front door delivers is of many devices.
        gateways = (*self._settings.gateways, *((FRONT_DOOR_FOLDER,) if self._settings.front_door else ()))
        if gateways:
            ingest.add_environment(GATEWAYS=",".join(gateways))
        if self._settings.devices_per_source != MOST_DEVICES:
            ingest.add_environment(DEVICES_PER_SOURCE=str(self._settings.devices_per_source))
        # Read by version, so the version's action alone (S3 API Reference, GetObject, "Permissions").
        ingest.grant("ReadIncoming", "s3:GetObjectVersion", on=f"{self.bucket_arn}/{INCOMING_PREFIX}*")
        # Without it S3 answers AccessDenied for an object that is gone (S3 API Reference, GetObject, "Permissions").
        ingest.grant("TellGoneFromDenied", "s3:ListBucket", on=self.bucket_arn)
        ingest.grant("WriteQuarantine", "s3:PutObject", on=f"{self.bucket_arn}/{QUARANTINE_PREFIX}*")
        if self.bucket.encryption_key is not None:
            ingest.grant_key("UseBucketKey", key=self.bucket.encryption_key, service="s3")
        acknowledge(
            ingest.role,
            NAMES_UNKNOWN,
            *(
                f"AwsSolutions-IAM5[Resource::{self.readable_arn}/{prefix}*]"
                for prefix in (INCOMING_PREFIX, QUARANTINE_PREFIX)
            ),
        )


def _notification(ingest: TracedFunction) -> s3.CfnBucket.NotificationConfigurationProperty:
    prefix = s3.CfnBucket.FilterRuleProperty(name="prefix", value=INCOMING_PREFIX)
    return s3.CfnBucket.NotificationConfigurationProperty(
        lambda_configurations=[
            s3.CfnBucket.LambdaConfigurationProperty(
                event="s3:ObjectCreated:*",
                function=ingest.function.function_arn,
                filter=s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=[prefix])),
            )
        ]
    )


def _name_of(bucket: s3.IBucket) -> str:
    if cdk.Token.is_unresolved(bucket.bucket_name):
        raise SynthError(
            f"bucket: give {bucket.node.path} by its name, as s3.Bucket.from_bucket_name(...): by reference, the "
            "bucket would need the function, the function its role, and the role the bucket."
        )
    return bucket.bucket_name
