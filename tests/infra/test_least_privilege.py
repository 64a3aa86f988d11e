"""The whole of every policy, of both stages: anything more or less in a template fails here."""

from typing import Any

import pytest

from security.page import DOCUMENT, roles_table, with_tables
from security.template import readable
from tests.grants import DEVICE, INGEST, LANDING, POLICIES, Statement, at_stage
from tests.infra.synthesised import Synthesised

ACCOUNT = {"aws:SourceAccount": "${AWS::AccountId}"}
TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}
QUEUES = ("Ingest", "Alert", "Rule", "Mail", "Schedule")


def written(statement: dict[str, Any]) -> tuple[str | None, tuple[str, ...], Any, Any]:
    actions = statement["Action"]
    return (
        statement.get("Sid"),
        tuple(actions) if isinstance(actions, list) else (actions,),
        statement["Resource"],
        statement.get("Condition"),
    )


def expected(statement: Statement, stage: str) -> tuple[str | None, tuple[str, ...], Any, Any]:
    return statement.sid, statement.actions, at_stage(statement.resource, stage), statement.condition


def allowed(stack: Synthesised, kind: str, id: str, document: str = "PolicyDocument") -> list[Any]:
    """Return what a resource policy allows, as (service, action, resource, condition); what it denies is TLS only."""
    statements = stack.properties(kind, id)[document]["Statement"]
    denied = [s for s in statements if s["Effect"] == "Deny"]
    assert all(s["Condition"] == TLS_ONLY and s["Principal"] in ("*", {"AWS": "*"}) for s in denied)
    return [
        (s["Principal"].get("Service"), s["Action"], s["Resource"], s["Condition"])
        for s in statements
        if s["Effect"] == "Allow"
    ]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_role_may_do_exactly_what_is_written_down(stack: Synthesised, policy: str) -> None:
    kind = "AWS::IAM::ManagedPolicy" if policy == "DevicesPolicy" else "AWS::IAM::Policy"
    statements = stack.properties(kind, policy)["PolicyDocument"]["Statement"]
    assert {s["Effect"] for s in statements} == {"Allow"}
    assert [written(s) for s in statements] == [expected(s, stack.stage) for s in POLICIES[policy]]


def test_there_is_no_other_policy_and_no_role_has_one_that_aws_manages(stack: Synthesised) -> None:
    policies = {**stack.of_type("AWS::IAM::Policy"), **stack.of_type("AWS::IAM::ManagedPolicy")}
    assert set(policies) == set(POLICIES)
    roles = stack.of_type("AWS::IAM::Role")
    assert set(roles) == {"IngestRole", "AlertRole", "FanoutSweepRole"}
    for role in roles.values():
        assert set(role["Properties"]) == {"AssumeRolePolicyDocument"}
    for kind in ("User", "Group", "UserPolicy", "RolePolicy"):
        assert stack.of_type(f"AWS::IAM::{kind}") == {}


def test_only_its_own_service_may_assume_a_role(stack: Synthesised) -> None:
    trusted = {}
    for id, role in stack.of_type("AWS::IAM::Role").items():
        (statement,) = readable(role["Properties"])["AssumeRolePolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        trusted[id] = (statement["Principal"], statement.get("Condition"))
    group = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/default"
    assert trusted == {
        "IngestRole": ({"Service": "lambda.amazonaws.com"}, None),
        "AlertRole": ({"Service": "lambda.amazonaws.com"}, None),
        "FanoutSweepRole": (
            {"Service": "scheduler.amazonaws.com"},
            {"StringEquals": ACCOUNT, "ArnEquals": {"aws:SourceArn": group}},
        ),
    }


def test_what_is_written_down_is_least() -> None:
    every = [s for statements in POLICIES.values() for s in statements]
    assert [action for s in every for action in s.actions if "*" in action] == []
    assert {a.split(":")[0] for s in every if s.resource == "*" for a in s.actions} == {"xray"}
    assert sum(len(s.actions) for s in INGEST) <= 11
    assert [(s.actions, s.resource) for s in (*INGEST, *DEVICE) if s.actions[0].startswith("s3:")] == [
        (("s3:GetObjectVersion",), f"{LANDING}/incoming/*"),
        (("s3:ListBucket",), LANDING),
        (("s3:PutObject",), f"{LANDING}/quarantine/*"),
        (("s3:PutObject",), f"{LANDING}/incoming/${{{{aws:PrincipalTag/device}}}}/*"),
    ]


def test_only_our_bucket_and_our_rule_may_invoke_a_function(stack: Synthesised) -> None:
    bucket = LANDING.format(stage=stack.stage)
    permissions = {id: readable(p["Properties"]) for id, p in stack.of_type("AWS::Lambda::Permission").items()}
    assert permissions == {
        "LandingMayInvokeIngest": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": "${IngestFunction.Arn}",
            "Principal": "s3.amazonaws.com",
            "SourceArn": bucket,
            "SourceAccount": "${AWS::AccountId}",
        },
        # The ARN of a rule names its account.
        "FanoutRuleMayInvokeAlert": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": "${AlertFunction.Arn}",
            "Principal": "events.amazonaws.com",
            "SourceArn": "${FanoutRule.Arn}",
        },
    }


def test_a_queue_takes_messages_from_its_one_service_alone(stack: Synthesised) -> None:
    def fills(queue: str) -> list[Any]:
        return allowed(stack, "AWS::SQS::QueuePolicy", f"DeadLetters{queue}Policy")

    assert set(stack.of_type("AWS::SQS::QueuePolicy")) == {f"DeadLetters{queue}Policy" for queue in QUEUES}
    for queue in ("Ingest", "Alert", "Schedule"):
        assert fills(queue) == [], "filled under a role, which needs no entry here"
    assert fills("Rule") == [
        (
            "events.amazonaws.com",
            "sqs:SendMessage",
            "${DeadLettersRule.Arn}",
            {"ArnEquals": {"aws:SourceArn": "${FanoutRule.Arn}"}},
        )
    ]
    alarms = [] if stack.stage == "dev" else ["AlarmMailTopic"]
    topics = ["FanoutAlertsNotificationsTopic", "FanoutAlertsTopic", *alarms]
    assert fills("Mail") == [
        (
            "sns.amazonaws.com",
            "sqs:SendMessage",
            "${DeadLettersMail.Arn}",
            {"ArnEquals": {"aws:SourceArn": f"${{{topic}}}"}},
        )
        for topic in topics
    ]


def test_nobody_but_roles_and_alarms_may_use_the_topics_and_their_key(stack: Synthesised) -> None:
    alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
    publish = ("cloudwatch.amazonaws.com", "sns:Publish", "${AlarmMailTopic}")
    encrypt = ("cloudwatch.amazonaws.com", ["kms:Decrypt", "kms:GenerateDataKey"], "*")
    may_publish = (*publish, {"StringEquals": ACCOUNT, "ArnLike": {"aws:SourceArn": alarms}})
    assert allowed(stack, "AWS::SNS::TopicPolicy", "FanoutAlertsTopicPolicy") == []
    if stack.stage == "prod":
        assert allowed(stack, "AWS::SNS::TopicPolicy", "AlarmMailTopicPolicy") == [may_publish]
    key = stack.properties("AWS::KMS::Key", "FanoutAlertsKey")["KeyPolicy"]["Statement"]
    administer, *others = key
    # The account's own IAM policies decide who may administer the key (KMS Developer Guide, "Default key policy").
    assert administer["Principal"] == {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    assert [(s["Principal"]["Service"], s["Action"], s["Resource"], s["Condition"]) for s in others] == (
        [(*encrypt, {"StringEquals": ACCOUNT})] if stack.stage == "prod" else []
    )


def test_buckets_refuse_what_does_not_come_over_tls_and_let_only_the_log_service_write(stack: Synthesised) -> None:
    assert set(stack.of_type("AWS::S3::BucketPolicy")) == {"LandingBucketPolicy", "LandingAccessLogsPolicy"}
    assert allowed(stack, "AWS::S3::BucketPolicy", "LandingBucketPolicy") == []
    ((service, action, resource, condition),) = allowed(stack, "AWS::S3::BucketPolicy", "LandingAccessLogsPolicy")
    assert (service, action) == ("logging.s3.amazonaws.com", "s3:PutObject")
    assert resource == "${LandingAccessLogs.Arn}/landing/*"
    assert condition["StringEquals"] == ACCOUNT
    assert "aws:SourceArn" in condition["ArnLike"]


def test_the_table_in_the_docs_is_made_from_the_template(front_doors: dict[str, Synthesised]) -> None:
    document = DOCUMENT.read_text()
    assert with_tables(document, {"roles": roles_table(front_doors["prod"].template)}) == document
