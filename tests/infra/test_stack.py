import json
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk.assertions import Template
from synthesised import Synthesised

from constructs_lib.app import ROOT, make_app, make_stack
from constructs_lib.bundling import Bundle
from constructs_lib.errors import SynthError
from constructs_lib.settings import load_settings
from lambdas.shared.thresholds import ThresholdsError

OUTPUTS = {
    *("LandingBucket", "DevicePolicy", "ReadingsTable", "AlertsTable", "EventBus", "EventRule", "EventArchive"),
    *("AlertTopic", "ThresholdsParameter", "IngestFunction", "AlertFunction", "IngestFailures", "AlertFailures"),
    *("RuleDeadLetters", "MailDeadLetters", "ScheduleDeadLetters", "Dashboard", "TraceGroup"),
}


def test_the_stack_tells_where_everything_is(stack: Synthesised) -> None:
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


def test_cfn_lint_finds_nothing(stack: Synthesised) -> None:
    template = stack.folder / f"SensorFanout-{stack.stage}.template.json"
    command = [Path(sys.executable).with_name("cfn-lint"), template]

    found = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_bad_thresholds_stop_the_app_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("stage=nope", "stage is 'nope'; cdk.json knows dev, prod."),
        ("alert_emails=bob", "alert_emails: 'bob' is no e-mail address."),
    ],
)
def test_a_wrong_setting_stops_the_app_with_one_sentence(tmp_path: Path, setting: str, sentence: str) -> None:
    stopped = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "-c", setting, "-o", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert stopped.returncode == 1
    assert stopped.stderr == sentence + "\n"


def test_a_dev_stage_leaves_nothing_behind_and_prod_keeps_what_holds_data(dev: Synthesised, prod: Synthesised) -> None:
    def kept(stack: Synthesised) -> set[str]:
        resources = stack.template["Resources"].values()
        return {body["Type"] for body in resources if body.get("DeletionPolicy", "Delete") != "Delete"}

    # SNS deletes a topic's subscriptions with the topic: tests/infra/test_alert_fanout.py
    assert kept(dev) == {"AWS::SNS::Subscription"}
    assert kept(prod) == {
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SNS::Subscription",
        "AWS::SQS::Queue",
    }
    alarmed = {id for id, body in prod.of_type("AWS::CloudWatch::Alarm").items() if body["Properties"]["AlarmActions"]}
    assert alarmed == set(prod.of_type("AWS::CloudWatch::Alarm"))
    for stack, protected in ((dev, False), (prod, True)):
        for table in stack.of_type("AWS::DynamoDB::Table").values():
            assert table["Properties"].get("DeletionProtectionEnabled", False) is protected
            recovery = table["Properties"].get("PointInTimeRecoverySpecification", {})
            assert recovery.get("PointInTimeRecoveryEnabled", False) is protected
