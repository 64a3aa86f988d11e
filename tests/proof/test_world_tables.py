"""The world's tables do what DynamoDB does with the expressions that the functions use; moto stands for DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from proof.expressions import Scope, UnknownExpressionError, holds
from proof.tables import ConditionFailedError, Table, scope_of

BUDGET: dict[str, Any] = {
    "Key": {"alert_key": {"S": "budget"}},
    "UpdateExpression": "ADD spent :one, #second :one SET expires_at = :expires_at",
    "ConditionExpression": "(attribute_not_exists(spent) OR spent < :per_minute) AND "
    "(attribute_not_exists(#second) OR #second < :per_second)",
    "ExpressionAttributeNames": {"#second": "s07"},
    "ExpressionAttributeValues": {
        ":one": {"N": "1"},
        ":per_minute": {"N": "10"},
        ":per_second": {"N": "2"},
        ":expires_at": {"N": "1795345207"},
    },
    "ReturnValues": "ALL_NEW",
}


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client: Any = boto3.client(
            "dynamodb", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        client.create_table(
            TableName="alerts",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "alert_key", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("alert_key", "work", "due_at")
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "work",
                    "KeySchema": [
                        {"AttributeName": "work", "KeyType": "HASH"},
                        {"AttributeName": "due_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        client.create_table(
            TableName="readings",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "device_id", "KeyType": "HASH"},
                {"AttributeName": "reading_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("device_id", "reading_id")
            ],
        )
        yield client


def alerts() -> Table:
    return Table(key=("alert_key",), indexes={"work": ("work", "due_at")})


def test_a_budget_is_taken_as_dynamodb_takes_it(dynamodb: Any) -> None:
    ours = alerts()
    for _ in range(2):
        counted = ours.update(
            BUDGET["Key"], BUDGET["UpdateExpression"], condition=BUDGET["ConditionExpression"], scope=scope_of(BUDGET)
        )
        assert counted == dynamodb.update_item(TableName="alerts", **BUDGET)["Attributes"]
    with pytest.raises(ConditionFailedError):
        ours.update(
            BUDGET["Key"], BUDGET["UpdateExpression"], condition=BUDGET["ConditionExpression"], scope=scope_of(BUDGET)
        )
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.update_item(TableName="alerts", **BUDGET)


@pytest.mark.parametrize("version", [None, 1, 2])
@pytest.mark.parametrize("condition", ["attribute_not_exists(alert_key)", "version = :version"])
def test_a_record_is_written_over_the_version_that_was_read_and_no_other(
    dynamodb: Any, condition: str, version: int | None
) -> None:
    key = f"{condition}-{version}"
    values = {"ExpressionAttributeValues": {":version": {"N": "1"}}} if ":" in condition else {}
    ours, before = alerts(), {"alert_key": {"S": key}, "version": {"N": str(version)}}
    if version is not None:
        ours.put(before)
        dynamodb.put_item(TableName="alerts", Item=before)
    new = {"alert_key": {"S": key}, "version": {"N": "7"}}
    try:
        dynamodb.put_item(TableName="alerts", Item=new, ConditionExpression=condition, **values)
        refused = False
    except ClientError:
        refused = True
    if refused:
        with pytest.raises(ConditionFailedError):
            ours.put(new, condition=condition, scope=scope_of(values))
    else:
        ours.put(new, condition=condition, scope=scope_of(values))
    found = dynamodb.get_item(TableName="alerts", Key={"alert_key": {"S": key}}).get("Item")
    assert ours.get({"alert_key": {"S": key}}) == found


def test_the_work_index_yields_page_after_page_what_dynamodb_does(dynamodb: Any) -> None:
    ours = alerts()
    for number in range(5):
        item = {"alert_key": {"S": f"k{number}"}, "work": {"S": "send#0"}, "due_at": {"S": f"2026-0{9 - number}"}}
        idle = {"alert_key": {"S": f"idle{number}"}}
        for each in (item, idle):
            ours.put(each)
            dynamodb.put_item(TableName="alerts", Item=each)
    request: dict[str, Any] = {
        "TableName": "alerts",
        "IndexName": "work",
        "KeyConditionExpression": "#work = :work AND due_at <= :now",
        "ExpressionAttributeNames": {"#work": "work"},
        "ExpressionAttributeValues": {":work": {"S": "send#0"}, ":now": {"S": "2026-08"}},
        "Limit": 2,
    }
    pages = 0
    while True:
        theirs, page = dynamodb.query(**request), ours.query(request)
        assert page["Items"] == theirs["Items"]
        assert page.get("LastEvaluatedKey") == theirs.get("LastEvaluatedKey")
        pages += 1
        if "LastEvaluatedKey" not in page:
            break
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert pages == 3, "a page full to the limit names a last key, also where nothing follows"


def test_the_newest_reading_of_a_metric_is_found_as_dynamodb_finds_it(dynamodb: Any) -> None:
    ours = Table(key=("device_id", "reading_id"))
    for second, metric in enumerate(("temperature", "vibration.x", "temperature", "humidity")):
        item = {
            "device_id": {"S": "boiler"},
            "reading_id": {"S": f"2026-11-22T10:00:0{second}#aa"},
            "metrics": {"M": {metric: {"N": "1.5"}}},
        }
        ours.put(item)
        dynamodb.put_item(TableName="readings", Item=item)
    request: dict[str, Any] = {
        "TableName": "readings",
        "KeyConditionExpression": "device_id = :device AND reading_id BETWEEN :from AND :to",
        "FilterExpression": "attribute_exists(#metrics.#metric)",
        "ProjectionExpression": "reading_id, #metrics.#metric",
        "ExpressionAttributeNames": {"#metrics": "metrics", "#metric": "vibration.x"},
        "ExpressionAttributeValues": {
            ":device": {"S": "boiler"},
            ":from": {"S": "2026-11-22T10:00:00$"},
            ":to": {"S": "2026-11-22T10:00:02$"},
        },
        "ScanIndexForward": False,
        "Limit": 8,
    }
    assert ours.query(request)["Items"] == dynamodb.query(**request)["Items"] != []
    request["Limit"] = 1
    theirs, page = dynamodb.query(**request), ours.query(request)
    assert page["Items"] == theirs["Items"] == []
    assert page["LastEvaluatedKey"] == theirs["LastEvaluatedKey"]


@pytest.mark.parametrize("text", ["size(a) > :b", "a IN (:b)", "a = :b extra", "NOT a = :b", "a ="])
def test_an_expression_that_is_not_known_is_never_taken_for_true(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        holds(text, {"a": {"N": "2"}}, Scope(values={":b": {"N": "1"}}))


def test_a_late_index_shows_the_table_as_it_was_before_the_last_write() -> None:
    table = alerts()
    table.put({"alert_key": {"S": "a"}, "version": {"N": "1"}})
    table.put({"alert_key": {"S": "a"}, "version": {"N": "2"}})
    assert table.get({"alert_key": {"S": "a"}}, stale=True) == {"alert_key": {"S": "a"}, "version": {"N": "1"}}
