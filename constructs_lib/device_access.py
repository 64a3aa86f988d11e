"""The policy that devices get: each may put objects under its own name in the landing bucket, and nothing else."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.landing_zone import LandingZone
from constructs_lib.stage.acknowledge import acknowledge
from constructs_lib.stage.settings import Settings
from lambdas.shared.names import FRONT_DOOR_FOLDER, INCOMING_PREFIX

# The tag of the user, role or role session that says which device it is.
DEVICE_TAG = "device"

# Only what ingest can read: no archive, and no key of the device's own (Service Authorization Reference, "Condition
# keys for Amazon S3"). A header that is not sent leaves the bucket's defaults, STANDARD and AES256.
_READABLE = {
    "StringEqualsIfExists": {"s3:x-amz-storage-class": "STANDARD", "s3:x-amz-server-side-encryption": "AES256"},
    "Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"},
}


class DeviceAccess(Construct):
    """One managed policy for all devices: the name in it is that of the caller's own tag `device`.

    A caller without the tag may do nothing, since a variable without a value matches nothing (IAM User Guide, "IAM
    policy elements: Variables and tags"). docs/security.md shows how a device comes by its tag.
    """

    def __init__(self, scope: Construct, id: str, *, landing: LandingZone, settings: Settings) -> None:
        super().__init__(scope, id)
        # A device of that name would upload where a gateway does, and so speak for all others.
        no_gateway = {"StringNotEquals": {f"aws:PrincipalTag/{DEVICE_TAG}": FRONT_DOOR_FOLDER}}
        own_folder = f"{INCOMING_PREFIX}${{aws:PrincipalTag/{DEVICE_TAG}}}/*"
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"Lets a device upload to {INCOMING_PREFIX}<its tag '{DEVICE_TAG}'>/ and nowhere else.",
            statements=[
                iam.PolicyStatement(
                    sid="UploadOwnReadings",
                    actions=["s3:PutObject"],
                    resources=[f"{landing.bucket_arn}/{own_folder}"],
                    conditions={**_READABLE, **(no_gateway if settings.front_door else {})},
                )
            ],
        )
        acknowledge(
            self.policy,
            "Objects have names that devices choose; the grant ends at the device's own folder.",
            f"AwsSolutions-IAM5[Resource::{landing.readable_arn}/{INCOMING_PREFIX}<aws:PrincipalTag/{DEVICE_TAG}>/*]",
        )
