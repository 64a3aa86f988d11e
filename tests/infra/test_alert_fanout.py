import json
from typing import Any

import pytest

from lambdas.shared import names
from tests.infra.synthesised import EMAILS, Synthesised

QUEUES = ("DeadLettersIngest", "DeadLettersAlert", "DeadLettersRule", "DeadLettersMail", "DeadLettersSchedule")
ALERTS, NOTIFICATIONS, ALARMS = "FanoutAlertsTopic", "FanoutAlertsNotificationsTopic", "AlarmMailTopic"


def test_the_rule_matches_what_ingest_emits(stack: Synthesised) -> None:
    rule = stack.properties("AWS::Events::Rule", "FanoutRule")

    assert rule["EventPattern"] == {
        "source": [names.EVENT_SOURCE],
        "detail-type": [names.THRESHOLD_BREACHED, names.READINGS_REJECTED],
    }
    assert rule["EventBusName"] == "${FanoutBus}"


def test_the_rule_tries_for_a_day_and_then_keeps_the_event(stack: Synthesised) -> None:
    targets = stack.properties("AWS::Events::Rule", "FanoutRule")["Targets"]

    assert targets == [
        {
            "Id": "alert",
            "Arn": "${AlertFunction.Arn}",
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
            "DeadLetterConfig": {"Arn": "${DeadLettersRule.Arn}"},
        }
    ]


def test_only_this_rule_may_call_alert(stack: Synthesised) -> None:
    assert stack.properties("AWS::Lambda::Permission", "FanoutRuleMayInvokeAlert") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "${AlertFunction.Arn}",
        "Principal": "events.amazonaws.com",
        "SourceArn": "${FanoutRule.Arn}",
    }


def test_events_are_archived_for_a_month_on_aws(stack: Synthesised) -> None:
    archive = stack.of_type("AWS::Events::Archive")["FanoutArchive"]

    assert archive["Condition"] == "OnAws"
    properties = stack.properties("AWS::Events::Archive", "FanoutArchive")
    assert properties["ArchiveName"] == f"sensor-fanout-{stack.stage}-events"
    assert len(properties["ArchiveName"]) - len(stack.stage) + 10 <= 48  # a stage has 10 letters at most
    assert properties["RetentionDays"] == 30
    assert properties["SourceArn"] == "${FanoutBus.Arn}"
    assert properties["EventPattern"] == {"source": [names.EVENT_SOURCE]}


def test_the_sweep_runs_every_minute(stack: Synthesised) -> None:
    sweep = stack.properties("AWS::Scheduler::Schedule", "FanoutSweep")

    assert sweep["ScheduleExpression"] == "rate(1 minute)"
    assert sweep["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(sweep["Target"]["Input"]) == {"sweep": True}
    assert sweep["Target"]["Arn"] == "${AlertFunction.Arn}"
    assert sweep["Target"]["RoleArn"] == "${FanoutSweepRole.Arn}"
    assert sweep["Target"]["DeadLetterConfig"] == {"Arn": "${DeadLettersSchedule.Arn}"}


def test_the_sweeps_role_is_for_this_accounts_schedules(stack: Synthesised) -> None:
    role = stack.properties("AWS::IAM::Role", "FanoutSweepRole")

    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    group = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/default"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
        "ArnEquals": {"aws:SourceArn": group},
    }


def subscriptions(stack: Synthesised, topic: str) -> list[dict[str, Any]]:
    all_ = [stack.properties("AWS::SNS::Subscription", id) for id in stack.of_type("AWS::SNS::Subscription")]
    return [subscription for subscription in all_ if subscription["TopicArn"] == f"${{{topic}}}"]


def test_each_address_has_a_subscription_whose_undelivered_mail_is_kept(stack: Synthesised) -> None:
    assert subscriptions(stack, ALERTS) == [
        {
            "Protocol": "email",
            "Endpoint": address,
            "TopicArn": f"${{{ALERTS}}}",
            "RedrivePolicy": {"deadLetterTargetArn": "${DeadLettersMail.Arn}"},
        }
        for address in EMAILS
    ]


def test_a_subscription_that_leaves_the_template_stays(stack: Synthesised) -> None:
    policies = [body.get("DeletionPolicy") for body in stack.of_type("AWS::SNS::Subscription").values()]

    assert policies == ["Retain"] * len(policies)
    assert len(policies) == len(EMAILS) * len(stack.of_type("AWS::SNS::Topic").keys() - {NOTIFICATIONS})


def test_a_topic_goes_with_its_stack_and_takes_its_subscriptions_along(stack: Synthesised) -> None:
    topics = stack.of_type("AWS::SNS::Topic").values()

    assert {body.get("DeletionPolicy", "Delete") for body in topics} == {"Delete"}


def test_alarms_have_a_topic_and_subscriptions_of_their_own_in_prod_alone(dev: Synthesised, prod: Synthesised) -> None:
    assert set(dev.of_type("AWS::SNS::Topic")) == {ALERTS, NOTIFICATIONS}
    assert set(prod.of_type("AWS::SNS::Topic")) == {ALERTS, NOTIFICATIONS, ALARMS}
    alarms = [prod.properties("AWS::CloudWatch::Alarm", id) for id in prod.of_type("AWS::CloudWatch::Alarm")]
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms} == {(f"${{{ALARMS}}}",)}
    assert {subscription["Endpoint"] for subscription in subscriptions(prod, ALARMS)} == set(EMAILS)
    assert prod.properties("AWS::SNS::Topic", ALARMS)["KmsMasterKeyId"] == "${FanoutAlertsKey.Arn}"
    assert "AlarmTopic" in prod.template["Outputs"]
    assert "AlarmTopic" not in dev.template["Outputs"]


@pytest.mark.parametrize("id", [ALERTS, NOTIFICATIONS])
def test_the_topics_are_encrypted_traced_and_reached_over_tls_alone(stack: Synthesised, id: str) -> None:
    topic = stack.properties("AWS::SNS::Topic", id)
    statements = stack.properties("AWS::SNS::TopicPolicy", f"{id}Policy")["PolicyDocument"]["Statement"]

    assert topic["KmsMasterKeyId"] == "${FanoutAlertsKey.Arn}"
    assert topic["TracingConfig"] == "Active"
    assert stack.properties("AWS::KMS::Key", "FanoutAlertsKey")["EnableKeyRotation"] is True
    (denied,) = [s for s in statements if s["Effect"] == "Deny"]
    assert denied["Action"] == "sns:Publish"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied["Principal"] == "*"


def test_sns_may_add_to_the_trace_for_this_topic_alone(stack: Synthesised) -> None:
    policy = stack.of_type("AWS::XRay::ResourcePolicy")["FanoutAlertsTrace"]
    document = json.loads(stack.properties("AWS::XRay::ResourcePolicy", "FanoutAlertsTrace")["PolicyDocument"])

    assert policy["Condition"] == "OnAws"
    (statement,) = document["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert "xray:PutTraceSegments" in statement["Action"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
        "StringLike": {"aws:SourceArn": [f"${{{ALERTS}}}", f"${{{NOTIFICATIONS}}}"]},
    }


def test_alarms_may_publish_to_their_own_topic_alone(dev: Synthesised, prod: Synthesised) -> None:
    def for_alarms(stack: Synthesised) -> list[str]:
        topics = stack.of_type("AWS::SNS::TopicPolicy")
        policies = [stack.properties("AWS::SNS::TopicPolicy", id)["PolicyDocument"] for id in topics]
        policies.append(stack.properties("AWS::KMS::Key", "FanoutAlertsKey")["KeyPolicy"])
        statements = [
            statement
            for policy in policies
            for statement in policy["Statement"]
            if statement.get("Principal") == {"Service": "cloudwatch.amazonaws.com"}
        ]
        for statement in statements:
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "${AWS::AccountId}"}
            assert statement["Resource"] in {"*", f"${{{ALARMS}}}"}
        return sorted(
            action for s in statements for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
        )

    assert for_alarms(dev) == []
    assert for_alarms(prod) == ["kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"]


def test_dead_letters_are_kept_for_two_weeks_encrypted_and_reached_over_tls_alone(stack: Synthesised) -> None:
    assert set(stack.of_type("AWS::SQS::Queue")) == set(QUEUES)
    for queue in QUEUES:
        assert stack.properties("AWS::SQS::Queue", queue) == {
            "MessageRetentionPeriod": 14 * 24 * 60 * 60,
            "RedriveAllowPolicy": {"redrivePermission": "denyAll"},
            "SqsManagedSseEnabled": True,
        }
        policy = stack.properties("AWS::SQS::QueuePolicy", f"{queue}Policy")["PolicyDocument"]["Statement"]
        assert {
            "Action": "sqs:*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Resource": f"${{{queue}.Arn}}",
        } in policy


def test_services_may_fill_only_their_own_queue(stack: Synthesised) -> None:
    def senders(queue: str) -> list[tuple[str, str]]:
        policy = stack.properties("AWS::SQS::QueuePolicy", f"{queue}Policy")["PolicyDocument"]["Statement"]
        allowed = [s for s in policy if s["Effect"] == "Allow"]
        assert {s["Action"] for s in allowed} <= {"sqs:SendMessage"}
        return [(s["Principal"]["Service"], s["Condition"]["ArnEquals"]["aws:SourceArn"]) for s in allowed]

    topics = [NOTIFICATIONS, ALERTS, *([] if stack.stage == "dev" else [ALARMS])]
    assert {queue: senders(queue) for queue in QUEUES} == {
        "DeadLettersIngest": [],
        "DeadLettersAlert": [],
        "DeadLettersRule": [("events.amazonaws.com", "${FanoutRule.Arn}")],
        "DeadLettersMail": [("sns.amazonaws.com", f"${{{topic}}}") for topic in topics],
        "DeadLettersSchedule": [],
    }


def test_prod_keeps_dead_letters_and_the_key_and_dev_leaves_none(dev: Synthesised, prod: Synthesised) -> None:
    for stack, policy in ((dev, "Delete"), (prod, "RetainExceptOnCreate")):
        kept = {**stack.of_type("AWS::SQS::Queue"), **stack.of_type("AWS::KMS::Key")}
        assert {resource["DeletionPolicy"] for resource in kept.values()} == {policy}
        assert len(kept) == len(QUEUES) + 1
