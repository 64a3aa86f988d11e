from typing import Any

import pytest
from synthesised import Synthesised

LANDING = "arn:${{AWS::Partition}}:s3:::sensor-fanout-{stage}-landing-${{AWS::AccountId}}-${{AWS::Region}}-an"
PARAMETER = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${ThresholdsParameter}"
TRACE = (None, ("xray:PutTelemetryRecords", "xray:PutTraceSegments"), "*", None)

Statement = tuple[str | None, tuple[str, ...], str, Any]


def granted(stack: Synthesised, policy: str) -> list[Statement]:
    statements = stack.statements(policy)
    assert {s["Effect"] for s in statements} == {"Allow"}
    return [
        (
            s.get("Sid"),
            tuple(s["Action"]) if isinstance(s["Action"], list) else (s["Action"],),
            s["Resource"],
            s.get("Condition"),
        )
        for s in statements
    ]


def test_ingest_may_do_this_and_nothing_else(stack: Synthesised) -> None:
    landing = LANDING.format(stage=stack.stage)
    only_ours = {"StringEqualsIfExists": {"events:source": "sensors.ingest"}}

    statements = granted(stack, "IngestRoleDefaultPolicy")

    assert statements == [
        TRACE,
        ("KeepFailures", ("sqs:SendMessage",), "${DeadLettersIngest.Arn}", None),
        ("WriteLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), "${IngestLogs.Arn}", None),
        ("ReadThresholds", ("ssm:GetParameter",), PARAMETER, None),
        ("WriteReadings", ("dynamodb:BatchWriteItem",), "${StoreReadings.Arn}", None),
        ("EmitEvents", ("events:PutEvents",), "${FanoutBus.Arn}", only_ours),
        ("ReadIncoming", ("s3:GetObjectVersion",), f"{landing}/incoming/*", None),
        ("WriteQuarantine", ("s3:PutObject",), f"{landing}/quarantine/*", None),
    ]
    assert sum(len(actions) for _, actions, _, _ in statements) <= 11


def test_alert_may_do_this_and_nothing_else(stack: Synthesised) -> None:
    through_sns = {"StringEquals": {"kms:ViaService": "sns.${AWS::Region}.${AWS::URLSuffix}"}}

    assert granted(stack, "AlertRoleDefaultPolicy") == [
        TRACE,
        ("KeepFailures", ("sqs:SendMessage",), "${DeadLettersAlert.Arn}", None),
        ("WriteLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), "${AlertLogs.Arn}", None),
        ("ReadThresholds", ("ssm:GetParameter",), PARAMETER, None),
        ("KeepAlerts", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), "${StoreAlerts.Arn}", None),
        ("FindWork", ("dynamodb:Query",), "${StoreAlerts.Arn}/index/work", None),
        ("ReadReadings", ("dynamodb:Query",), "${StoreReadings.Arn}", None),
        ("PublishAlerts", ("sns:Publish",), "${FanoutAlertsTopic}", None),
        ("EncryptAlerts", ("kms:Decrypt", "kms:GenerateDataKey"), "${FanoutAlertsKey.Arn}", through_sns),
    ]


def test_the_sweep_may_start_alert_and_keep_its_failures(stack: Synthesised) -> None:
    assert granted(stack, "FanoutSweepPolicy") == [
        ("StartSweep", ("lambda:InvokeFunction",), "${AlertFunction.Arn}", None),
        ("KeepFailures", ("sqs:SendMessage",), "${DeadLettersSchedule.Arn}", None),
    ]


def test_no_role_has_a_wildcard_action_or_a_policy_that_aws_manages(stack: Synthesised) -> None:
    policies = stack.of_type("AWS::IAM::Policy")
    assert set(policies) == {"IngestRoleDefaultPolicy", "AlertRoleDefaultPolicy", "FanoutSweepPolicy"}
    for policy in policies:
        for _, actions, resource, _ in granted(stack, policy):
            assert [action for action in actions if "*" in action] == []
            assert resource != "*" or set(actions) == set(TRACE[1])
    for role in stack.of_type("AWS::IAM::Role").values():
        assert set(role["Properties"]) == {"AssumeRolePolicyDocument"}


@pytest.mark.parametrize("name", ["ingest", "alert"])
def test_functions_run_traced_on_arm_from_their_bundle(stack: Synthesised, name: str) -> None:
    function = stack.properties("AWS::Lambda::Function", f"{name.title()}Function")

    assert function["Handler"] == f"lambdas.{name}.handler.handler"
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Role"] == f"${{{name.title()}Role.Arn}}"
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": f"${{{name.title()}Logs}}"}


@pytest.mark.parametrize("name", ["Ingest", "Alert"])
def test_what_a_function_fails_on_is_kept_with_its_error(stack: Synthesised, name: str) -> None:
    assert stack.properties("AWS::Lambda::EventInvokeConfig", f"{name}Failures") == {
        "DestinationConfig": {"OnFailure": {"Destination": f"${{DeadLetters{name}.Arn}}"}},
        "FunctionName": f"${{{name}Function}}",
        "MaximumEventAgeInSeconds": 6 * 60 * 60,
        "MaximumRetryAttempts": 2,
        "Qualifier": "$LATEST",
    }


def test_functions_are_told_where_things_are(stack: Synthesised) -> None:
    def environment(function: str) -> dict[str, str]:
        variables: dict[str, str] = stack.properties("AWS::Lambda::Function", function)["Environment"]["Variables"]
        return variables

    ingest = environment("IngestFunction")
    ingest.pop("RETENTION_DAYS", None)
    assert ingest == {
        "STAGE": stack.stage,
        "READINGS_TABLE": "${StoreReadings}",
        "EVENT_BUS": "${FanoutBus}",
        "THRESHOLDS_PARAMETER": f"/sensor-fanout/{stack.stage}/thresholds",
        "INCOMING_PREFIX": "incoming/",
        "QUARANTINE_PREFIX": "quarantine/",
    }
    assert environment("AlertFunction") == {
        "STAGE": stack.stage,
        "ALERTS_TABLE": "${StoreAlerts}",
        "READINGS_TABLE": "${StoreReadings}",
        "TOPIC_ARN": "${FanoutAlertsTopic}",
        "THRESHOLDS_PARAMETER": f"/sensor-fanout/{stack.stage}/thresholds",
        "EMAILS_PER_MINUTE": "30",
    }


def test_concurrency_is_reserved_in_prod_alone(dev: Synthesised, prod: Synthesised) -> None:
    def reserved(stack: Synthesised) -> list[int | None]:
        functions = ("IngestFunction", "AlertFunction")
        return [
            stack.properties("AWS::Lambda::Function", name).get("ReservedConcurrentExecutions") for name in functions
        ]

    assert reserved(dev) == [None, None]
    assert reserved(prod) == [50, 10]


def test_logs_end_as_the_stage_says(dev: Synthesised, prod: Synthesised) -> None:
    for stack, days, policy in ((dev, 7, "Delete"), (prod, 90, "Retain")):
        groups = stack.of_type("AWS::Logs::LogGroup")
        assert set(groups) == {"IngestLogs", "AlertLogs"}
        for group in groups.values():
            assert group["Properties"]["RetentionInDays"] == days
            assert group["DeletionPolicy"] == policy


def test_the_thresholds_parameter_holds_the_document(stack: Synthesised) -> None:
    parameter = stack.properties("AWS::SSM::Parameter", "ThresholdsParameter")

    assert parameter["Name"] == f"/sensor-fanout/{stack.stage}/thresholds"
    assert '"temperature"' in parameter["Value"]
    assert (parameter["Type"], parameter["Tier"]) == ("String", "Intelligent-Tiering")
