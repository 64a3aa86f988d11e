"""What stops a first deployment is reported before it begins; answers have the shapes of botocore's models."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from constructs_lib.stage.settings import ReservedConcurrency, Settings
from sensorctl.aws import connection
from sensorctl.aws.access import Access
from sensorctl.preflight.checks import can_deploy, checks_of
from sensorctl.preflight.quotas import concurrency
from sensorctl.preflight.stack import Stack
from sensorctl.status.judge import Check
from tests.unit.sensorctl.command_kit import sensorctl

ACCOUNT = "111122223333"
STACK = "SensorFanout-prod"
BUCKET = f"sensor-fanout-prod-landing-{ACCOUNT}-eu-central-1-an"
# What a service answers: an operation and its response, or the code of its error.
Answers = Mapping[str, list[tuple[str, dict[str, Any] | str]]]

CALLER = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/ops", "UserId": "AIDA"}


def quota(executions: int, *, unreserved: int | None = None) -> tuple[str, dict[str, Any]]:
    limit = {"ConcurrentExecutions": executions, "UnreservedConcurrentExecutions": unreserved or executions}
    return ("get_account_settings", {"AccountLimit": limit})


FREE: Answers = {
    "sts": [("get_caller_identity", CALLER)],
    "ec2": [("describe_regions", {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "opt-in-not-required"}]})],
    "ssm": [("get_parameter", {"Parameter": {"Name": "v", "Value": "31"}})],
    "cloudformation": [("describe_stacks", "ValidationError")],
    "s3": [("head_bucket", "404")],
    "dynamodb": [("describe_table", "ResourceNotFoundException"), ("describe_table", "ResourceNotFoundException")],
    "lambda": [quota(1000)],
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
            client = self.clients[service] = _client(service, self.region, super().client)
            if service in _STUBBED:
                _STUBBED[service].deactivate()
            stubber = _STUBBED[service] = Stubber(client)
            for operation, answer in self.answers[service]:
                if isinstance(answer, str):
                    stubber.add_client_error(operation, answer, f"{answer} of {operation}")
                else:
                    stubber.add_response(operation, answer)
            stubber.activate()
        return self.clients[service]


_STUBBED: dict[str, Stubber] = {}
_MADE: dict[tuple[str, str | None], Any] = {}


def _client(service: str, region: str | None, make: Callable[[str], Any]) -> Any:
    """Return a client made once: the model of EC2 alone takes seconds to load."""
    if (service, region) not in _MADE:
        _MADE[service, region] = make(service)
    return _MADE[service, region]


def account(**other: Any) -> Account:
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
    return {check.name: check for check in checks_of(asked, prod(reserved))}


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
    checks = checked(account(**{"lambda": [quota(10)]}), ReservedConcurrency(ingest=50, alert=10))

    assert broken(checks) == ["concurrency"]
    assert checks["concurrency"].says.startswith("60 reserved; the account can spare 0")
    assert not can_deploy(list(checks.values()))


def test_what_the_stack_reserves_already_is_not_counted_twice() -> None:
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
                quota(160, unreserved=100),
                ("get_function_concurrency", {"ReservedConcurrentExecutions": 60}),
            ],
        }
    )
    standing = Stack(name=STACK, status="CREATE_COMPLETE", protected=True)
    assert concurrency(asked, standing, ReservedConcurrency(ingest=50, alert=10)).level == "ok"


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

    checks = {check.name: check for check in checks_of(asked, prod())}

    assert list(checks) == ["credentials", "region"]
    assert broken(checks) == ["region"]
    assert says in checks["region"].says


def test_a_word_that_is_no_region_needs_no_question() -> None:
    (check,) = checks_of(Account(region="frankfurt"), prod())

    assert (check.name, check.level, check.says) == ("region", "broken", "AWS has no region frankfurt")


def test_credentials_that_have_expired_are_reported_first() -> None:
    (check,) = checks_of(account(sts=[("get_caller_identity", "ExpiredToken")]), prod())

    assert (check.name, check.level) == ("credentials", "broken")
    assert "AWS_PROFILE" in (check.do or "")


OTHERS = [{"PolicyName": f"other-{number}"} for number in range(5)]
OURS = [{"PolicyName": "sensor-fanout-prod-alerts"}, *OTHERS[:4]]
LOGS = ("get_trace_segment_destination", {"Destination": "CloudWatchLogs", "Status": "ACTIVE"})


@pytest.mark.parametrize(
    ("answers", "name", "level", "says"),
    [
        ({"lambda": [quota(10)]}, "concurrency", "attention", "nothing is reserved; the account runs 10"),
        ({"cloudformation": [stack("UPDATE_COMPLETE")], "s3": []}, "names", "ok", "in use by the stack"),
        ({"ssm": [("get_parameter", "ParameterNotFound")]}, "CDK bootstrap", "ok", "not there yet; `make deploy`"),
        ({"xray": [FREE["xray"][0], LOGS]}, "traces", "attention", "where `sensorctl traces` finds none"),
        (
            {"xray": [("list_resource_policies", {"ResourcePolicies": OTHERS}), FREE["xray"][1]]},
            *("X-Ray policies", "broken", "all 5 are in use"),
        ),
        (
            {"xray": [("list_resource_policies", {"ResourcePolicies": OURS}), FREE["xray"][1]]},
            *("X-Ray policies", "ok", "5 of 5 in use"),
        ),
    ],
)
def test_what_is_found_is_judged_and_stops_the_deployment_only_where_it_would_fail(
    answers: dict[str, Any], name: str, level: str, says: str
) -> None:
    checks = checked(account(**answers))

    assert checks[name].level == level
    assert says in checks[name].says
    assert can_deploy(list(checks.values())) == (level != "broken")


def test_what_the_embedded_aws_does_not_know_is_reported_in_a_few_words() -> None:
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
    monkeypatch.setattr(connection, "aws_access", lambda **_: accounts[0])
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
    result = sensorctl("preflight", "--stage", "nope")

    assert result.code == 2
    assert "stage is 'nope'; cdk.json knows dev, prod." in result.error
