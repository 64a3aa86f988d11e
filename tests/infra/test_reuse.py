"""The constructs in other people's apps: two pipelines in one stack, and what is given instead of being created."""

import json
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib.app import make_app
from constructs_lib.bundling.bundle import Bundle
from constructs_lib.errors import SynthError
from constructs_lib.pipeline import Existing, SensorPipeline
from constructs_lib.stage.acknowledge import acknowledge
from constructs_lib.stage.settings import load_settings
from examples.two_pipelines import FREEZERS, OVENS, STACK, KitchenSensors
from tests.infra.synthesised import EMAILS, Synthesised

Build = Callable[[cdk.App, dict[str, Any]], cdk.Stack]

THEIRS = "their-uploads"
ARN = "arn:aws:{}:eu-central-1:111122223333:{}"
MADE_ONCE = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Events::EventBus", "AWS::SNS::Topic", "AWS::KMS::Key")


def synthesised(folder: Path, build: Build, *, stage: str = "prod") -> Synthesised:
    stand_in = folder / "function.zip"
    with zipfile.ZipFile(stand_in, "w") as archive:
        archive.writestr("thresholds.json", "{}")
    app = make_app({"stage": stage, "alert_emails": ",".join(EMAILS)}, outdir=str(folder / "cdk.out"))
    stack = build(
        app,
        {
            "settings": load_settings(app.node.try_get_context),
            "bundle": lambda function: Bundle(function=function, path=stand_in, digest=function),
        },
    )
    assembly = Path(app.synth().directory)
    return Synthesised(
        stage=stage,
        template=json.loads((assembly / f"{stack.stack_name}.template.json").read_text()),
        report=json.loads((assembly / "validation-report.json").read_text()),
        folder=assembly,
    )


def open_findings(stack: Synthesised, name: str) -> tuple[list[Any], str]:
    """Return what cdk-nag and cfn-lint hold against a template."""
    nag = [violation for report in stack.report["pluginReports"] for violation in report["violations"]]
    command = [Path(sys.executable).with_name("cfn-lint"), stack.folder / f"{name}.template.json"]
    return nag, subprocess.run(command, capture_output=True, text=True, check=False).stdout


def names(stack: Synthesised, kind: str, member: str) -> set[str]:
    """Return the names that the resources of one type are given, as JSON where they are put together."""
    given = (body["Properties"].get(member) for body in stack.template["Resources"].values() if body["Type"] == kind)
    return {name if isinstance(name, str) else json.dumps(name) for name in given}


# --- two in one stack


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    return synthesised(tmp_path_factory.mktemp("kitchen"), lambda app, given: KitchenSensors(app, STACK, **given))


def test_two_pipelines_in_one_stack_pass_the_scanners(kitchen: Synthesised) -> None:
    assert open_findings(kitchen, STACK) == ([], "")


def test_each_pipeline_has_its_own_of_everything_but_the_bus(kitchen: Synthesised) -> None:
    counted = Counter(body["Type"] for body in kitchen.template["Resources"].values())

    assert {kind: counted[kind] for kind in MADE_ONCE} == {
        "AWS::S3::Bucket": 4,
        "AWS::DynamoDB::Table": 4,
        "AWS::Events::EventBus": 1,
        "AWS::SNS::Topic": 6,
        "AWS::KMS::Key": 2,
    }
    assert counted["AWS::Lambda::Function"] == 4


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("AWS::SSM::Parameter", "Name"),
        ("AWS::KMS::Alias", "AliasName"),
        ("AWS::CloudWatch::Dashboard", "DashboardName"),
        ("AWS::XRay::Group", "GroupName"),
        ("AWS::XRay::ResourcePolicy", "PolicyName"),
    ],
)
def test_no_two_resources_of_two_pipelines_have_one_name(kitchen: Synthesised, kind: str, member: str) -> None:
    given = names(kitchen, kind, member)

    assert len(given) == 2
    assert {name for name in given if "ovens" not in name and "freezers" not in name} == set()


def test_each_pipeline_has_its_own_thresholds(kitchen: Synthesised) -> None:
    for id, rule in (("Ovens", OVENS), ("Freezers", FREEZERS)):
        document = kitchen.properties("AWS::SSM::Parameter", f"{id}ThresholdsParameter")["Value"]
        assert json.loads(document)["metrics"]["temperature"] == rule
        variables = kitchen.properties("AWS::Lambda::Function", f"{id}IngestFunction")["Environment"]["Variables"]
        assert variables["THRESHOLDS_PARAMETER"] == f"/sensor-fanout/{id.lower()}/thresholds"
        assert variables["STAGE"] == id.lower(), "the dimension that separates their metrics"


def test_on_a_shared_bus_each_pipeline_takes_only_what_is_about_its_own_bucket(kitchen: Synthesised) -> None:
    for id in ("Ovens", "Freezers"):
        bucket = f"sensor-fanout-{id.lower()}-landing-${{AWS::AccountId}}-${{AWS::Region}}-an"
        for kind, resource in (("AWS::Events::Rule", "FanoutRule"), ("AWS::Events::Archive", "FanoutArchive")):
            pattern = kitchen.properties(kind, f"{id}{resource}")["EventPattern"]
            assert pattern["detail"] == {"object": {"bucket": [bucket]}}


def test_outputs_say_whose_they_are(kitchen: Synthesised) -> None:
    outputs = set(kitchen.template["Outputs"])

    assert {"OvensLandingBucket", "FreezersLandingBucket", "OvensDashboard", "FreezersDashboard"} <= outputs
    assert {name for name in outputs if not name.startswith(("Ovens", "Freezers"))} == set()
    assert len(outputs) == 2 * 20


# --- everything given


def in_their_stack(app: cdk.App, given: dict[str, Any]) -> cdk.Stack:
    """A stack that has everything already: encrypted with a key of its own, its bucket notified by itself."""
    stack = cdk.Stack(app, "Theirs")
    key = kms.Key.from_key_arn(stack, "Key", ARN.format("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"))

    def table(id: str) -> dynamodb.ITable:
        return dynamodb.Table.from_table_attributes(stack, id, table_name=id, encryption_key=key)

    pipeline = SensorPipeline(
        stack,
        "Sensors",
        name="theirs",
        thresholds='{"version": 1, "metrics": {}}',
        existing=Existing(
            bucket=s3.Bucket.from_bucket_attributes(stack, "Named", bucket_name=THEIRS, encryption_key=key),
            readings=table("their-readings"),
            alerts=table("their-alerts"),
            bus=events.EventBus.from_event_bus_name(stack, "TheirBus", "their-bus"),
            topic=sns.Topic.from_topic_attributes(
                stack, "Topic", topic_arn=ARN.format("sns", "their-topic"), key_arn=key.key_arn
            ),
        ),
        **given,
    )
    bucket = s3.CfnBucket(stack, "Bucket", bucket_name=THEIRS)
    acknowledge(bucket, "How it is logged and reached is theirs.", "AwsSolutions-S1", "AwsSolutions-S10")
    pipeline.landing.notify(bucket)
    return stack


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    return synthesised(tmp_path_factory.mktemp("theirs"), in_their_stack, stage="dev")


def test_what_is_given_is_not_made(theirs: Synthesised) -> None:
    counted = Counter(body["Type"] for body in theirs.template["Resources"].values())

    made = {kind: counted[kind] for kind in MADE_ONCE if counted[kind]}
    # The topic of programs is always the pipeline's own.
    assert made == {"AWS::S3::Bucket": 1, "AWS::SNS::Topic": 1, "AWS::KMS::Key": 1}
    assert list(theirs.of_type("AWS::S3::Bucket")) == ["Bucket"], "the one in their own stack"


def test_what_is_given_is_granted_as_narrowly_as_what_is_made(theirs: Synthesised) -> None:
    key = ARN.format("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/"

    def granted(role: str) -> dict[str, tuple[Any, Any]]:
        policy = theirs.statements(f"Sensors{role}RoleDefaultPolicy")
        return {s["Sid"]: (s["Resource"], s.get("Condition")) for s in policy if "Sid" in s}

    def by(service: str) -> dict[str, Any]:
        return {"StringEquals": {"kms:ViaService": f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}"}}

    ingest, alert = granted("Ingest"), granted("Alert")
    assert ingest["ReadIncoming"][0] == f"arn:${{AWS::Partition}}:s3:::{THEIRS}/incoming/*"
    assert ingest["WriteQuarantine"][0] == f"arn:${{AWS::Partition}}:s3:::{THEIRS}/quarantine/*"
    assert ingest["WriteReadings"][0] == f"{table}their-readings"
    assert ingest["EmitEvents"][0].endswith(":event-bus/their-bus")
    assert (ingest["UseBucketKey"], ingest["UseReadingsKey"]) == ((key, by("s3")), (key, by("dynamodb")))
    assert alert["KeepAlerts"][0] == f"{table}their-alerts"
    assert alert["FindWork"][0] == f"{table}their-alerts/index/work"
    assert alert["PublishAlerts"][0] == ARN.format("sns", "their-topic")
    assert (alert["UseAlertsKey"], alert["EncryptAlerts"]) == ((key, by("dynamodb")), (key, by("sns")))
    assert alert["EncryptNotifications"] == ("${SensorsFanoutAlertsNotificationsKey.Arn}", by("sns"))


def test_a_given_bucket_of_the_same_app_calls_ingest_once_it_may(theirs: Synthesised) -> None:
    bucket = theirs.of_type("AWS::S3::Bucket")["Bucket"]

    (notification,) = theirs.properties("AWS::S3::Bucket", "Bucket")["NotificationConfiguration"][
        "LambdaConfigurations"
    ]
    assert notification["Function"] == "${SensorsIngestFunction.Arn}"
    assert notification["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": "incoming/"}]}}
    assert [id.startswith("SensorsLandingMayInvokeIngest") for id in bucket["DependsOn"]] == [True]
    permission = theirs.properties("AWS::Lambda::Permission", "SensorsLandingMayInvokeIngest")
    assert permission["SourceArn"] == f"arn:${{AWS::Partition}}:s3:::{THEIRS}"


def test_a_given_topic_gets_the_addresses_and_keeps_its_own_policy(theirs: Synthesised) -> None:
    subscriptions = theirs.of_type("AWS::SNS::Subscription").values()

    assert {body["Properties"]["Endpoint"] for body in subscriptions} == set(EMAILS)
    assert {body["Properties"]["TopicArn"] for body in subscriptions} == {ARN.format("sns", "their-topic")}
    assert list(theirs.of_type("AWS::SNS::TopicPolicy")) == ["SensorsFanoutAlertsNotificationsTopicPolicy"]


def test_what_is_made_around_given_parts_passes_the_scanners(theirs: Synthesised) -> None:
    assert open_findings(theirs, "Theirs") == ([], "")


def test_alarms_go_to_a_topic_of_the_pipelines_own_whatever_topic_is_given(tmp_path: Path) -> None:
    stack = synthesised(tmp_path, in_their_stack, stage="prod")

    assert set(stack.of_type("AWS::SNS::Topic")) == {"SensorsAlarmMailTopic", "SensorsFanoutAlertsNotificationsTopic"}
    assert (
        stack.properties("AWS::SNS::Topic", "SensorsAlarmMailTopic")["KmsMasterKeyId"] == "${SensorsAlarmMailKey.Arn}"
    )
    assert open_findings(stack, "Theirs") == ([], "")


# --- given wrongly


@pytest.mark.parametrize("name", ["Ovens", "o", "1oven", "morethanten", "two-words"])
def test_a_name_that_does_not_fit_into_other_names_is_refused(tmp_path: Path, name: str) -> None:
    def build(app: cdk.App, given: dict[str, Any]) -> cdk.Stack:
        stack = cdk.Stack(app, "Wrong")
        SensorPipeline(stack, "Sensors", name=name, thresholds="{}", **given)
        return stack

    with pytest.raises(SynthError, match=f"^{name!r} is no name of a pipeline: 2 to 10 small letters"):
        synthesised(tmp_path, build)


def test_a_bucket_that_would_tie_a_knot_is_refused_by_name(tmp_path: Path) -> None:
    def build(app: cdk.App, given: dict[str, Any]) -> cdk.Stack:
        stack = cdk.Stack(app, "Wrong")
        existing = Existing(bucket=s3.Bucket(stack, "Uploads"))
        SensorPipeline(stack, "Sensors", thresholds="{}", existing=existing, **given)
        return stack

    with pytest.raises(SynthError, match=r"^bucket: give Wrong/Uploads by its name, as s3\.Bucket\.from_bucket_name"):
        synthesised(tmp_path, build)
