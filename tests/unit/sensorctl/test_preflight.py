"""What stops a first deployment is said before it begins; the account answers in the shapes of botocore's models."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from command_kit import sensorctl

from constructs_lib.settings import ReservedConcurrency, Settings
from sensorctl import connection
from sensorctl.embedded.access import Access
from sensorctl.health.judge import Check
from sensorctl.preflight.checks import can_deploy, preflight
from sensorctl.preflight.quotas import concurrency
from sensorctl.preflight.stack import Stack

ACCOUNT = "111122223333"
STACK = "SensorFanout-prod"
BUCKET = f"sensor-fanout-prod-landing-{ACCOUNT}-eu-central-1-an"
# What a service answers: an operation and its response, or the code of its error.
Answers = Mapping[str, list[tuple[str, dict[str, Any] | str]]]

CALLER = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/ops", "UserId": "AIDA"}
FREE: Answers = {
    "sts": [("get_caller_identity", CALLER)],
    "ec2": [("describe_regions", {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "opt-in-not-required"}]})],
    "ssm": [("get_parameter", {"Parameter": {"Name": "v", "Value": "31"}})],
    "cloudformation": [("describe_stacks", "ValidationError")],
    "s3": [("head_bucket", "404")],
    "dynamodb": [("describe_table", "ResourceNotFoundException"), ("describe_table", "ResourceNotFoundException")],
    "lambda": [
        (
            "get_account_settings",
            {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}},
        )
    ],
    "xray": [
        ("list_resource_policies", {"ResourcePolicies": []}),
        ("get_trace_segment_destination", {"Destination": "XRay", "Status": "ACTIVE"}),
    ],
}


@dataclass(frozen=True, kw_only=True)
class Account(Access):
    """An account that answers as given, in that order, and refuses every other call."""

    region: str | None = "eu-central-1"
    access_key: str | None = "AKIA"
    secret_key: str | None = "secret"
    answers: Answers = field(default_factory=dict)
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, *, pool: int = 16, patient_s: int | None = None) -> Any:
        if service not in self.clients:
            client = self.clients[service] = super().client(service, pool=pool, patient_s=patient_s)
            stubber = Stubber(client)
            for operation, answer in self.answers[service]:
                if isinstance(answer, str):
                    stubber.add_client_error(operation, answer, f"{answer} of {operation}")
                else:
                    stubber.add_response(operation, answer)
            stubber.activate()
        return self.clients[service]


def account(**other: list[tuple[str, dict[str, Any] | str]]) -> Account:
    return Account(answers={**FREE, **other})


def prod(reserved: ReservedConcurrency | None = None) -> Settings:
    return Settings(
        stage="prod",
        alert_emails=(),
        retention_days=None,
        quarantine_days=None,
        log_retention_days=90,
        emails_per_minute=30,
        keep_data=True,
        alarms_to_topic=True,
        reserved_concurrency=reserved or ReservedConcurrency(),
    )


def stack(status: str, *, protected: bool = False) -> tuple[str, dict[str, Any]]:
    found = {
        "StackName": STACK,
        "StackStatus": status,
        "CreationTime": "2026-11-25T00:00:00Z",
        "EnableTerminationProtection": protected,
    }
    return ("describe_stacks", {"Stacks": [found]})


def checked(asked: Account, reserved: ReservedConcurrency | None = None) -> dict[str, Check]:
    return {check.name: check for check in preflight(asked, prod(reserved))}


def broken(checks: Mapping[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.level == "broken"]


def test_an_account_with_room_can_be_deployed_to() -> None:
    checks = checked(account())

    assert {check.level for check in checks.values()} == {"ok"}
    assert list(checks) == [
        *("credentials", "region", "CDK bootstrap", "stack", "names", "concurrency", "X-Ray policies", "traces")
    ]
    assert checks["credentials"].says == f"account {ACCOUNT}, {CALLER['Arn']}"


def test_reserved_concurrency_must_leave_100_of_the_quota() -> None:
    # A new account's quota; `prod` once reserved 50 and 10, and its first deployment failed.
    limit = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}
    asked = account(**{"lambda": [("get_account_settings", limit)]})

    checks = checked(asked, ReservedConcurrency(ingest=50, alert=10))

    assert broken(checks) == ["concurrency"]
    assert checks["concurrency"].says.startswith("60 reserved; the account can spare 0")
    assert not can_deploy(list(checks.values()))


def test_what_the_stack_reserves_already_is_not_counted_twice() -> None:
    limit = {"AccountLimit": {"ConcurrentExecutions": 160, "UnreservedConcurrentExecutions": 100}}
    resource = {
        "LogicalResourceId": "Ingest",
        "PhysicalResourceId": "ingest",
        "ResourceType": "AWS::Lambda::Function",
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": "2026-11-25T00:00:00Z",
    }
    asked = account(
        **{
            "cloudformation": [("list_stack_resources", {"StackResourceSummaries": [resource]})],
            "lambda": [
                ("get_account_settings", limit),
                ("get_function_concurrency", {"ReservedConcurrentExecutions": 60}),
            ],
        }
    )
    standing = Stack(name=STACK, status="CREATE_COMPLETE", protected=True)
    assert concurrency(asked, standing, ReservedConcurrency(ingest=50, alert=10)).level == "ok"


def test_a_small_quota_is_pointed_out_where_nothing_is_reserved() -> None:
    limit = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}
    checks = checked(account(**{"lambda": [("get_account_settings", limit)]}))

    assert checks["concurrency"].level == "attention"
    assert can_deploy(list(checks.values()))


def test_a_failed_create_that_is_protected_stops_the_retry_and_the_command_is_named() -> None:
    # The CDK CLI protects the stack before it executes the change set, and cannot delete it afterwards.
    checks = checked(account(cloudformation=[stack("ROLLBACK_COMPLETE", protected=True)]))

    assert broken(checks) == ["stack"]
    command = (
        f"`aws cloudformation update-termination-protection --stack-name {STACK} --no-enable-termination-protection`"
    )
    assert checks["stack"].do == command


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("ROLLBACK_COMPLETE", "ok"),
        ("ROLLBACK_FAILED", "ok"),
        ("REVIEW_IN_PROGRESS", "ok"),
        ("UPDATE_ROLLBACK_COMPLETE", "ok"),
        ("CREATE_IN_PROGRESS", "broken"),
        ("UPDATE_ROLLBACK_FAILED", "broken"),
        ("DELETE_FAILED", "broken"),
    ],
)
def test_each_state_of_the_stack_is_judged(status: str, level: str) -> None:
    assert checked(account(cloudformation=[stack(status)]))["stack"].level == level


def test_names_that_a_deleted_stack_left_are_found_before_cloudformation_trips_over_them() -> None:
    table = {"Table": {"TableName": "sensor-fanout-prod-readings"}}
    missing = ("describe_table", "ResourceNotFoundException")
    checks = checked(account(s3=[("head_bucket", {})], dynamodb=[("describe_table", table), missing]))

    assert broken(checks) == ["names"]
    assert checks["names"].says == f"left by an earlier stack: {BUCKET}, sensor-fanout-prod-readings"
    assert checks["names"].do == 'import or delete them: docs/deploy.md, "Deploying a deleted stage again"'


def test_names_of_a_standing_stack_are_its_own() -> None:
    assert checked(account(cloudformation=[stack("UPDATE_COMPLETE")], s3=[]))["names"].level == "ok"


@pytest.mark.parametrize(
    ("region", "answer", "says"),
    [
        ("eu-south-2", {"Regions": [{"RegionName": "eu-south-2", "OptInStatus": "not-opted-in"}]}, "is not enabled"),
        ("us-east-9", "InvalidParameterValue", "AWS has no region us-east-9"),
        ("me-south-1", {"Regions": [{"RegionName": "me-south-1", "OptInStatus": "opted-in"}]}, "account-regional"),
    ],
)
def test_a_region_that_cannot_take_it_is_refused_before_anything_else_is_asked(
    region: str, answer: dict[str, Any] | str, says: str
) -> None:
    asked = Account(region=region, answers={"sts": FREE["sts"], "ec2": [("describe_regions", answer)]})

    checks = {check.name: check for check in preflight(asked, prod())}

    assert list(checks) == ["credentials", "region"]
    assert broken(checks) == ["region"]
    assert says in checks["region"].says


def test_a_word_that_is_no_region_needs_no_question() -> None:
    (check,) = preflight(Account(region="frankfurt"), prod())

    assert (check.name, check.level, check.says) == ("region", "broken", "AWS has no region frankfurt")


def test_credentials_that_have_expired_are_said_first() -> None:
    (check,) = preflight(account(sts=[("get_caller_identity", "ExpiredToken")]), prod())

    assert (check.name, check.level) == ("credentials", "broken")
    assert "AWS_PROFILE" in (check.do or "")


def test_a_missing_bootstrap_is_no_reason_to_stop() -> None:
    check = checked(account(ssm=[("get_parameter", "ParameterNotFound")]))["CDK bootstrap"]

    assert (check.level, check.says) == ("ok", "not there yet; `make deploy` does it first")


def test_transaction_search_is_pointed_out_because_the_traces_are_elsewhere_then() -> None:
    logs = ("get_trace_segment_destination", {"Destination": "CloudWatchLogs", "Status": "ACTIVE"})
    checks = checked(account(xray=[FREE["xray"][0], logs]))

    assert checks["traces"].level == "attention"
    assert "`sensorctl traces` finds none" in checks["traces"].says
    assert can_deploy(list(checks.values()))


def test_a_fifth_policy_of_others_leaves_no_room_for_ours() -> None:
    taken = [{"PolicyName": f"other-{number}"} for number in range(5)]
    destination = FREE["xray"][1]
    checks = checked(account(xray=[("list_resource_policies", {"ResourcePolicies": taken}), destination]))
    assert broken(checks) == ["X-Ray policies"]

    ours = [{"PolicyName": "sensor-fanout-prod-alerts"}, *taken[:4]]
    checks = checked(account(xray=[("list_resource_policies", {"ResourcePolicies": ours}), destination]))
    assert broken(checks) == []


def test_what_the_embedded_aws_does_not_know_is_said_in_a_few_words() -> None:
    # moto answers an operation that it has not with a page of HTML.
    asked = replace(account(xray=[("list_resource_policies", "404"), FREE["xray"][1]]), endpoint="https://localhost:1")

    assert checked(asked)["X-Ray policies"].says == "the embedded AWS does not know"


def test_what_goes_wrong_otherwise_is_raised() -> None:
    with pytest.raises(ClientError, match="InternalServerError"):
        checked(account(ssm=[("get_parameter", "InternalServerError")]))


def test_what_may_not_be_asked_is_unknown_and_stops_nothing() -> None:
    checks = checked(account(ssm=[("get_parameter", "AccessDeniedException")], s3=[("head_bucket", "403")]))

    assert [name for name, check in checks.items() if check.level == "unknown"] == ["CDK bootstrap", "names"]
    assert can_deploy(list(checks.values()))


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> list[Account]:
    accounts: list[Account] = []
    monkeypatch.setattr(connection, "access_to", lambda **_: accounts[0])
    return accounts


def test_the_command_prints_a_line_for_each_check_and_ends_as_the_deployment_would(stubbed: list[Account]) -> None:
    stubbed.append(account())
    fine = sensorctl("preflight", "--stage", "prod")
    stubbed[0] = account(cloudformation=[stack("CREATE_IN_PROGRESS")])
    stopped = sensorctl("preflight", "--stage", "prod", "--json")

    assert fine.code == 0
    assert len(fine.out.splitlines()) == 8
    assert f"ok        stack: {STACK} will be created" in fine.out
    assert stopped.code == 1
    assert [json.loads(line)["level"] for line in stopped.out.splitlines()].count("broken") == 1


def test_a_stage_that_nobody_knows_is_wrong_use() -> None:
    said = sensorctl("preflight", "--stage", "nope")

    assert said.code == 2
    assert "stage is 'nope'; cdk.json knows dev, prod." in said.error
