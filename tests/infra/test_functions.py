import json
from pathlib import Path

import pytest

from constructs_lib.app import ROOT
from tests.infra.synthesised import Synthesised, synthesise


@pytest.mark.parametrize("name", ["ingest", "alert"])
def test_functions_run_traced_on_arm_from_their_bundle(stack: Synthesised, name: str) -> None:
    function = stack.properties("AWS::Lambda::Function", f"{name.title()}Function")

    assert function["Handler"] == f"lambdas.{name}.handler.handler"
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Role"] == f"${{{name.title()}Role.Arn}}"
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": f"${{{name.title()}Logs}}"}


def test_a_stage_may_have_lambda_log_failures_alone(tmp_path: Path) -> None:
    dev = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]["dev"]
    stack = synthesise("dev", tmp_path, stages={"dev": {**dev, "system_log_level": "WARN"}})

    functions = stack.of_type("AWS::Lambda::Function").values()
    assert [body["Properties"]["LoggingConfig"]["SystemLogLevel"] for body in functions] == ["WARN", "WARN"]


@pytest.mark.parametrize("name", ["Ingest", "Alert"])
def test_what_a_function_fails_on_is_kept_with_its_error(stack: Synthesised, name: str) -> None:
    assert stack.properties("AWS::Lambda::EventInvokeConfig", f"{name}Failures") == {
        "DestinationConfig": {"OnFailure": {"Destination": f"${{DeadLetters{name}.Arn}}"}},
        "FunctionName": f"${{{name}Function}}",
        "MaximumEventAgeInSeconds": 6 * 60 * 60,
        "MaximumRetryAttempts": 2,
        "Qualifier": "$LATEST",
    }


def test_functions_get_the_names_of_what_they_use(stack: Synthesised) -> None:
    def environment(function: str) -> dict[str, str]:
        variables: dict[str, str] = stack.properties("AWS::Lambda::Function", function)["Environment"]["Variables"]
        return variables

    ingest = environment("IngestFunction")
    ingest.pop("RETENTION_DAYS", None)
    assert ingest == {
        "STAGE": stack.stage,
        "READINGS_TABLE": "${StoreReadings}",
        "REGISTRY_PARTITIONS": "4",
        "EVENT_BUS": "${FanoutBus}",
        "THRESHOLDS_PARAMETER": f"/sensor-fanout/{stack.stage}/thresholds",
        "INCOMING_PREFIX": "incoming/",
        "QUARANTINE_PREFIX": "quarantine/",
        "DEVICE_IDENTITY": "folder" if stack.stage == "prod" else "open",
    }
    assert environment("AlertFunction") == {
        "STAGE": stack.stage,
        "ALERTS_TABLE": "${StoreAlerts}",
        "READINGS_TABLE": "${StoreReadings}",
        "TOPIC_ARN": "${FanoutAlertsTopic}",
        "NOTIFICATION_TOPIC_ARN": "${FanoutAlertsNotificationsTopic}",
        "THRESHOLDS_PARAMETER": f"/sensor-fanout/{stack.stage}/thresholds",
        "EMAILS_PER_MINUTE": "30",
        "NEW_ALERTS_PER_HOUR": "25000",
    }


def test_concurrency_is_reserved_where_a_stage_asks_for_it_alone(
    dev: Synthesised, prod: Synthesised, tmp_path: Path
) -> None:
    def reserved(stack: Synthesised) -> list[int | None]:
        functions = ("IngestFunction", "AlertFunction")
        return [
            stack.properties("AWS::Lambda::Function", name).get("ReservedConcurrentExecutions") for name in functions
        ]

    # A new account may run 10 functions at once, and 100 must stay unreserved: reserving any would fail there.
    assert reserved(dev) == reserved(prod) == [None, None]
    stages = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]
    stages["prod"]["reserved_concurrency"] = {"ingest": 50, "alert": 10}
    assert reserved(synthesise("prod", tmp_path, stages=stages)) == [50, 10]


def test_logs_end_as_the_stage_says(dev: Synthesised, prod: Synthesised) -> None:
    for stack, days, policy in ((dev, 7, "Delete"), (prod, 90, "RetainExceptOnCreate")):
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
