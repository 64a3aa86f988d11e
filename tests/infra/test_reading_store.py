import json
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.infra.synthesised import Synthesised, synthesise

TEXT = "S"


def keys(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


@pytest.mark.parametrize(
    ("table", "key_schema"),
    [("StoreReadings", keys("device_id", "reading_id")), ("StoreAlerts", keys("alert_key"))],
)
def test_tables_have_the_agreed_keys_and_are_paid_by_request(
    stack: Synthesised, table: str, key_schema: list[dict[str, str]]
) -> None:
    properties = stack.properties("AWS::DynamoDB::Table", table)

    assert properties["KeySchema"] == key_schema
    assert {a["AttributeType"] for a in properties["AttributeDefinitions"]} == {TEXT}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_a_stage_may_provision_the_writes_of_its_readings(tmp_path: Path) -> None:
    dev = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]["dev"]
    given = {**dev, "provisioned_writes": {"least": 50, "most": 500}}
    stack = synthesise("dev", tmp_path, stages={"dev": given})

    readings = stack.properties("AWS::DynamoDB::Table", "StoreReadings")
    assert readings.get("BillingMode", "PROVISIONED") == "PROVISIONED"
    assert readings["ProvisionedThroughput"] == {"ReadCapacityUnits": 25, "WriteCapacityUnits": 50}
    assert stack.properties("AWS::DynamoDB::Table", "StoreAlerts")["BillingMode"] == "PAY_PER_REQUEST"
    targets = [body["Properties"] for body in stack.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()]
    assert {(t["ScalableDimension"].rpartition(":")[2], t["MinCapacity"], t["MaxCapacity"]) for t in targets} == {
        ("WriteCapacityUnits", 50, 500),
        ("ReadCapacityUnits", 25, 4_000),
    }
    policies = stack.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    assert {p["Properties"]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for p in policies} == {70}
    assert {p["Condition"] for p in policies} == {"OnAws"}, "the embedded AWS has no auto scaling"


def test_the_sweep_finds_its_work_in_one_index(stack: Synthesised) -> None:
    indexes: list[dict[str, Any]] = stack.properties("AWS::DynamoDB::Table", "StoreAlerts")["GlobalSecondaryIndexes"]

    assert indexes == [
        {"IndexName": "work", "KeySchema": keys("work", "due_at"), "Projection": {"ProjectionType": "ALL"}}
    ]


def test_prod_can_recover_its_tables_and_dev_leaves_none_behind(dev: Synthesised, prod: Synthesised) -> None:
    for stack, keep, policies in ((dev, False, ("Delete", "Delete")), (prod, True, ("RetainExceptOnCreate", "Retain"))):
        tables = stack.of_type("AWS::DynamoDB::Table")
        assert set(tables) == {"StoreReadings", "StoreAlerts"}
        for table in tables.values():
            recovery = table["Properties"]["PointInTimeRecoverySpecification"]
            assert recovery == {"PointInTimeRecoveryEnabled": keep}
            assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == policies


def test_retention_reaches_ingest_only_where_it_is_set(dev: Synthesised, prod: Synthesised) -> None:
    def environment(stack: Synthesised) -> dict[str, str]:
        variables: dict[str, str] = stack.properties("AWS::Lambda::Function", "IngestFunction")["Environment"][
            "Variables"
        ]
        return variables

    assert environment(dev)["RETENTION_DAYS"] == "30"
    assert "RETENTION_DAYS" not in environment(prod)
