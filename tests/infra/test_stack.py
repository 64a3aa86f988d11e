import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from constructs_lib.app import ROOT, make_app, make_stack
from constructs_lib.bundling.bundle import Bundle
from constructs_lib.errors import SynthError
from constructs_lib.stage.settings import load_settings
from lambdas.ingest.decoding.mapping.mappings import MappingsError
from lambdas.shared.thresholds.thresholds import ThresholdsError
from security.template import readable
from tests.infra.synthesised import Synthesised, synthesise

OUTPUTS = {
    *("LandingBucket", "DevicePolicy", "ReadingsTable", "AlertsTable", "EventBus", "EventRule", "EventArchive"),
    *(
        "AlertTopic",
        "NotificationTopic",
        "ThresholdsParameter",
        "IngestFunction",
        "AlertFunction",
        "IngestFailures",
        "AlertFailures",
    ),
    *("RuleDeadLetters", "MailDeadLetters", "ScheduleDeadLetters", "Dashboard", "TraceGroup"),
}

HOLD_DATA = ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SQS::Queue")


def test_the_outputs_name_everything(stack: Synthesised) -> None:
    outputs = stack.template["Outputs"]

    assert set(outputs) == OUTPUTS | ({"AlarmTopic"} if stack.stage == "prod" else set())
    assert [name for name, output in outputs.items() if "Condition" in output] == ["EventArchive"]


def test_what_the_embedded_aws_lacks_is_made_on_aws_alone(stack: Synthesised) -> None:
    conditional = {body["Type"] for body in stack.template["Resources"].values() if body.get("Condition") == "OnAws"}

    assert conditional == {
        "AWS::Events::Archive",
        "AWS::Logs::QueryDefinition",
        "AWS::XRay::Group",
        "AWS::XRay::ResourcePolicy",
    }
    partition = [
        {"Fn::Equals": [{"Ref": "AWS::Partition"}, name]} for name in ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
    ]
    embedded = {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "000000000000"]}
    assert stack.template["Conditions"] == {"OnAws": {"Fn::And": [{"Fn::Or": partition}, {"Fn::Not": [embedded]}]}}


def test_there_are_two_functions_and_no_custom_resources(stack: Synthesised) -> None:
    kinds = [body["Type"] for body in stack.template["Resources"].values()]

    Template.from_json(stack.template).resource_count_is("AWS::Lambda::Function", 2)
    assert [kind for kind in kinds if kind.startswith(("Custom::", "AWS::CloudFormation::"))] == []


def test_cdk_nag_finds_nothing_open_and_every_acknowledgement_has_a_reason(stack: Synthesised) -> None:
    reports = {report["pluginName"]: report for report in stack.report["pluginReports"]}
    assert {"AwsSolutions", "Serverless"} <= set(reports)
    assert [report["violations"] for report in reports.values()] == [[]] * len(reports)

    acknowledged = [finding for report in reports.values() for finding in report["suppressedViolations"]]
    assert len(acknowledged) == {"dev": 14, "prod": 13}[stack.stage]
    for finding in acknowledged:
        assert len(finding["reason"].split()) > 7
        _, _, construct = finding["acknowledgedAt"].partition("/Default/")
        assert construct, "on the construct concerned, never on the whole pipeline"


def test_cfn_lint_finds_nothing(stacks: dict[str, Synthesised]) -> None:
    templates = [stack.folder / f"SensorFanout-{stage}.template.json" for stage, stack in stacks.items()]
    command = [Path(sys.executable).with_name("cfn-lint"), *templates]

    found = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_bad_documents_stop_the_app_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"stages": json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]}.get)
    app = make_app({}, outdir=str(tmp_path / "cdk.out"))
    monkeypatch.setattr("constructs_lib.app.ROOT", tmp_path)

    def refuse(function: str) -> Bundle:
        raise AssertionError(function)

    with pytest.raises(SynthError, match=r"^thresholds\.json is missing"):
        make_stack(app, settings=settings, bundle=refuse)
    (tmp_path / "thresholds.json").write_text(
        '{"version": 1, "metrics": {"temperature": {"warning": {"above": "hot"}}}}'
    )
    with pytest.raises(ThresholdsError, match=r"^thresholds\.json: metrics\.temperature\.warning\.above"):
        make_stack(app, settings=settings, bundle=refuse)
    (tmp_path / "thresholds.json").write_text('{"version": 1}')
    with pytest.raises(SynthError, match=r"^mappings\.json is missing"):
        make_stack(app, settings=settings, bundle=refuse)
    (tmp_path / "mappings.json").write_text('{"version": 1, "mappings": [{"name": "a", "when": "b("}]}')
    with pytest.raises(MappingsError, match=r"^mappings\.json: mappings\[0\]\.when is not JMESPath"):
        make_stack(app, settings=settings, bundle=refuse)


@pytest.mark.parametrize("name", ["thresholds.json", "mappings.json"])
def test_a_bad_document_is_one_sentence_for_whoever_synthesises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for document in ("cdk.json", "thresholds.json", "mappings.json"):
        (tmp_path / document).write_bytes((ROOT / document).read_bytes())
    (tmp_path / name).write_text('{"version": 2}')
    monkeypatch.setattr("constructs_lib.app.ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["app.py", "-o", str(tmp_path / "cdk.out")])

    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "app.py"), run_name="__main__")

    assert stopped.value.code == f"{name}: version must be 1, not 2"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("stage=nope", "stage is 'nope'; cdk.json knows dev, prod."),
        ("alert_emails=bob", "alert_emails: 'bob' is not a valid e-mail address."),
        (
            "region=me-south-1",
            "region me-south-1 has no account-regional bucket names, which the landing bucket needs; choose another.",
        ),
    ],
)
def test_a_wrong_setting_stops_the_app_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, sentence: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "-c", setting, "-o", str(tmp_path)])

    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "app.py"), run_name="__main__")

    assert stopped.value.code == sentence


def test_the_region_that_the_cdk_cli_names_is_refused_too(tmp_path: Path) -> None:
    stopped = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "-o", str(tmp_path)],
        env={**os.environ, "CDK_DEFAULT_REGION": "me-central-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert stopped.returncode == 1
    assert stopped.stderr.startswith("region me-central-1 has no account-regional bucket names")


def test_a_dev_stage_leaves_nothing_behind_and_prod_keeps_what_holds_data(dev: Synthesised, prod: Synthesised) -> None:
    def policies(stack: Synthesised) -> dict[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        for body in stack.template["Resources"].values():
            if body["Type"] in HOLD_DATA:
                found.setdefault(body["Type"], set()).add((body["DeletionPolicy"], body["UpdateReplacePolicy"]))
        return found

    # A create that fails takes what it made away again; plain Retain would leave it, under names that block the retry.
    assert policies(prod) == {kind: {("RetainExceptOnCreate", "Retain")} for kind in HOLD_DATA}
    assert policies(dev) == {kind: {("Delete", "Delete")} for kind in HOLD_DATA}
    # SNS deletes a topic's subscriptions with the topic: tests/infra/test_alert_fanout.py
    assert kept(dev) == {"AWS::SNS::Subscription"}
    assert kept(prod) == {"AWS::SNS::Subscription", *HOLD_DATA}
    alarmed = {id for id, body in prod.of_type("AWS::CloudWatch::Alarm").items() if body["Properties"]["AlarmActions"]}
    assert alarmed == set(prod.of_type("AWS::CloudWatch::Alarm"))
    for stack, recoverable in ((dev, False), (prod, True)):
        for table in stack.of_type("AWS::DynamoDB::Table").values():
            recovery = table["Properties"].get("PointInTimeRecoverySpecification", {})
            assert recovery.get("PointInTimeRecoveryEnabled", False) is recoverable


def test_nothing_that_a_failed_create_made_refuses_to_be_deleted(stack: Synthesised) -> None:
    # DynamoDB refuses DeleteTable to everybody then, CloudFormation's rollback included.
    assert [id for id, table in stack.of_type("AWS::DynamoDB::Table").items() if _protected(table)] == []


def _protected(table: dict[str, Any]) -> bool:
    return bool(table["Properties"].get("DeletionProtectionEnabled", False))


def kept(stack: Synthesised) -> set[str]:
    resources = stack.template["Resources"].values()
    return {body["Type"] for body in resources if body.get("DeletionPolicy", "Delete") != "Delete"}


def test_what_must_outlive_a_stack_has_a_name_that_another_stack_can_import(prod: Synthesised, tmp_path: Path) -> None:
    # CloudFormation User Guide, "Import AWS resources into a CloudFormation stack automatically": static names alone.
    home = {"account": "111122223333", "region": "eu-central-1"}
    known = synthesise("prod", tmp_path, **home)

    tables = {id: body["Properties"]["TableName"] for id, body in known.of_type("AWS::DynamoDB::Table").items()}
    assert tables == {"StoreReadings": "sensor-fanout-prod-readings", "StoreAlerts": "sensor-fanout-prod-alerts"}
    bucket = known.of_type("AWS::S3::Bucket")["LandingBucket"]["Properties"]
    assert bucket["BucketName"] == "sensor-fanout-prod-landing-111122223333-eu-central-1-an"
    # Where nobody says which account, the same name is put together by CloudFormation: no update replaces the bucket.
    anywhere = readable(prod.of_type("AWS::S3::Bucket")["LandingBucket"]["Properties"])
    assert anywhere["BucketName"] == "sensor-fanout-prod-landing-${AWS::AccountId}-${AWS::Region}-an"
