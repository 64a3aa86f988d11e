import json

from synthesised import EMAILS, Synthesised

from lambdas.shared import contracts

QUEUES = ("DeadLettersIngest", "DeadLettersAlert", "DeadLettersRule", "DeadLettersMail", "DeadLettersSchedule")


def test_the_rule_matches_what_ingest_emits(stack: Synthesised) -> None:
    rule = stack.properties("AWS::Events::Rule", "FanoutRule")

    assert rule["EventPattern"] == {
        "source": [contracts.SOURCE],
        "detail-type": [contracts.THRESHOLD_BREACHED, contracts.READINGS_REJECTED],
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
    assert properties["RetentionDays"] == 30
    assert properties["SourceArn"] == "${FanoutBus.Arn}"
    assert properties["EventPattern"] == {"source": [contracts.SOURCE]}


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


def test_each_address_has_a_subscription_whose_undelivered_mail_is_kept(stack: Synthesised) -> None:
    subscriptions = [stack.properties("AWS::SNS::Subscription", id) for id in stack.of_type("AWS::SNS::Subscription")]

    assert subscriptions == [
        {
            "Protocol": "email",
            "Endpoint": address,
            "TopicArn": "${FanoutAlertsTopic}",
            "RedrivePolicy": {"deadLetterTargetArn": "${DeadLettersMail.Arn}"},
        }
        for address in EMAILS
    ]


def test_the_topic_is_encrypted_traced_and_reached_over_tls_alone(stack: Synthesised) -> None:
    topic = stack.properties("AWS::SNS::Topic", "FanoutAlertsTopic")
    statements = stack.properties("AWS::SNS::TopicPolicy", "FanoutAlertsTopicPolicy")["PolicyDocument"]["Statement"]

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
        "StringLike": {"aws:SourceArn": "${FanoutAlertsTopic}"},
    }


def test_alarms_may_publish_in_prod_alone(dev: Synthesised, prod: Synthesised) -> None:
    def for_alarms(stack: Synthesised) -> list[str]:
        topic = stack.properties("AWS::SNS::TopicPolicy", "FanoutAlertsTopicPolicy")["PolicyDocument"]["Statement"]
        key = stack.properties("AWS::KMS::Key", "FanoutAlertsKey")["KeyPolicy"]["Statement"]
        statements = [s for s in (*topic, *key) if s.get("Principal") == {"Service": "cloudwatch.amazonaws.com"}]
        for statement in statements:
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "${AWS::AccountId}"}
        return [
            action for s in statements for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
        ]

    assert for_alarms(dev) == []
    assert for_alarms(prod) == ["sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"]


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

    assert {queue: senders(queue) for queue in QUEUES} == {
        "DeadLettersIngest": [],
        "DeadLettersAlert": [],
        "DeadLettersRule": [("events.amazonaws.com", "${FanoutRule.Arn}")],
        "DeadLettersMail": [("sns.amazonaws.com", "${FanoutAlertsTopic}")],
        "DeadLettersSchedule": [],
    }


def test_prod_keeps_dead_letters_and_the_key_and_dev_leaves_none(dev: Synthesised, prod: Synthesised) -> None:
    for stack, policy in ((dev, "Delete"), (prod, "Retain")):
        kept = {**stack.of_type("AWS::SQS::Queue"), **stack.of_type("AWS::KMS::Key")}
        assert {resource["DeletionPolicy"] for resource in kept.values()} == {policy}
        assert len(kept) == len(QUEUES) + 1
