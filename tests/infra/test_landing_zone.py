from aws_cdk.assertions import Template

from lambdas.shared.names import INCOMING_PREFIX, QUARANTINE_PREFIX
from tests.infra.synthesised import Synthesised

NAMED = "sensor-fanout-{stage}-landing-${{AWS::AccountId}}-${{AWS::Region}}-an"


def test_only_uploads_under_incoming_call_ingest(stack: Synthesised) -> None:
    bucket = stack.properties("AWS::S3::Bucket", "LandingBucket")

    assert bucket["NotificationConfiguration"] == {
        "LambdaConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "incoming/"}]}},
                "Function": "${IngestFunction.Arn}",
            }
        ]
    }


def test_what_ingest_writes_never_calls_ingest_again(stack: Synthesised) -> None:
    assert not QUARANTINE_PREFIX.startswith(INCOMING_PREFIX)
    written = [s["Resource"] for s in stack.statements("IngestRoleDefaultPolicy") if s["Action"] == "s3:PutObject"]
    assert [resource.partition("-an/")[2] for resource in written] == [f"{QUARANTINE_PREFIX}*"]
    assert stack.properties("AWS::Lambda::Function", "IngestFunction")["RecursiveLoop"] == "Terminate"


def test_s3_may_call_ingest_for_this_bucket_of_this_account_alone(stack: Synthesised) -> None:
    permission = stack.properties("AWS::Lambda::Permission", "LandingMayInvokeIngest")

    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "${IngestFunction.Arn}",
        "Principal": "s3.amazonaws.com",
        "SourceAccount": "${AWS::AccountId}",
        "SourceArn": "arn:${AWS::Partition}:s3:::" + NAMED.format(stage=stack.stage),
    }


def test_the_notification_waits_for_its_permission(stack: Synthesised) -> None:
    depends_on = stack.of_type("AWS::S3::Bucket")["LandingBucket"]["DependsOn"]

    assert any(id.startswith("LandingMayInvokeIngest") for id in depends_on)


def test_the_bucket_has_one_name_in_the_accounts_own_namespace_and_when_embedded(stack: Synthesised) -> None:
    bucket = stack.properties("AWS::S3::Bucket", "LandingBucket")
    nothing = "${AWS::NoValue}"

    assert bucket["BucketNamespace"] == {"Fn::If": ["OnAws", "account-regional", nothing]}
    assert bucket["BucketName"] == NAMED.format(stage=stack.stage)
    assert "BucketNamePrefix" not in bucket  # CloudFormation takes the whole name or the prefix, not both


def test_buckets_are_private_encrypted_and_reached_over_tls_alone(stack: Synthesised) -> None:
    for id in ("LandingBucket", "LandingAccessLogs"):
        bucket = stack.properties("AWS::S3::Bucket", id)
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        encryption = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        policy = stack.properties("AWS::S3::BucketPolicy", f"{id}Policy")["PolicyDocument"]["Statement"]
        assert {
            "Action": "s3:*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Resource": [f"${{{id}.Arn}}", f"${{{id}.Arn}}/*"],
        } in policy


def test_every_request_to_the_landing_bucket_is_logged(stack: Synthesised) -> None:
    bucket = stack.properties("AWS::S3::Bucket", "LandingBucket")
    policy = stack.properties("AWS::S3::BucketPolicy", "LandingAccessLogsPolicy")["PolicyDocument"]["Statement"]

    assert bucket["LoggingConfiguration"] == {
        "DestinationBucketName": "${LandingAccessLogs}",
        "LogFilePrefix": "landing/",
    }
    delivery = [s for s in policy if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in delivery] == [{"Service": "logging.s3.amazonaws.com"}]
    assert delivery[0]["Condition"]["StringEquals"] == {"aws:SourceAccount": "${AWS::AccountId}"}
    assert delivery[0]["Condition"]["ArnLike"] == {"aws:SourceArn": "${LandingBucket.Arn}"}


def test_old_versions_and_broken_uploads_do_not_pile_up(stack: Synthesised) -> None:
    bucket = stack.properties("AWS::S3::Bucket", "LandingBucket")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}

    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["old-versions"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rules["quarantine"]["Prefix"] == "quarantine/"
    assert rules["quarantine"]["ExpirationInDays"] == {"dev": 30, "prod": 365}[stack.stage]


def test_current_uploads_never_expire(stack: Synthesised) -> None:
    rules = stack.properties("AWS::S3::Bucket", "LandingBucket")["LifecycleConfiguration"]["Rules"]

    assert [rule["Id"] for rule in rules if "ExpirationInDays" in rule and rule.get("Prefix") != "quarantine/"] == []


def test_prod_keeps_its_buckets_and_dev_leaves_none(dev: Synthesised, prod: Synthesised) -> None:
    for stack, policy, replaced in ((dev, "Delete", "Delete"), (prod, "RetainExceptOnCreate", "Retain")):
        Template.from_json(stack.template).all_resources(
            "AWS::S3::Bucket", {"DeletionPolicy": policy, "UpdateReplacePolicy": replaced}
        )
