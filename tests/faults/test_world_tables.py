"""The world's tables do what DynamoDB does with the expressions that the functions use; moto is the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.faults.world.expressions import UnknownExpressionError, holds
from tests.faults.world.tables import ConditionFailedError, Table
from tests.faults.world.world import ALERTS, READINGS

NAME = {"TableName": ALERTS["TableName"]}


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client: Any = boto3.client(
            "dynamodb", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        for definition in (ALERTS, READINGS):
            client.create_table(**definition)
        yield client


def outcome(call: Any, *args: Any, **request: Any) -> Any:
    """The result of a write: what it returns, or that its condition failed."""
    try:
        return call(*args, **request)
    except ConditionFailedError:
        return "condition failed"
    except ClientError as error:
        return {"ConditionalCheckFailedException": "condition failed"}[error.response["Error"]["Code"]]


def test_a_budget_is_taken_as_dynamodb_takes_it(dynamodb: Any) -> None:
    ours = Table.of(ALERTS)
    request: dict[str, Any] = {
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
    for _ in range(2):
        assert ours.update(request) == dynamodb.update_item(**NAME, **request)["Attributes"]
    assert outcome(ours.update, request) == outcome(dynamodb.update_item, **NAME, **request) == "condition failed"


@pytest.mark.parametrize("version", [None, 1, 2])
@pytest.mark.parametrize("condition", ["attribute_not_exists(alert_key)", "version = :version"])
def test_a_record_is_written_over_the_version_that_was_read_and_no_other(
    dynamodb: Any, condition: str, version: int | None
) -> None:
    ours, key = Table.of(ALERTS), {"alert_key": {"S": "a"}}
    if version is not None:
        before = {**key, "version": {"N": str(version)}}
        ours.put(before)
        dynamodb.put_item(**NAME, Item=before)
    new = {**key, "version": {"N": "7"}}
    values = {"ExpressionAttributeValues": {":version": {"N": "1"}}} if ":" in condition else {}
    request = {"ConditionExpression": condition, **values}
    assert (outcome(ours.put, new, request) is None) == isinstance(
        outcome(dynamodb.put_item, **NAME, Item=new, **request), dict
    )
    assert ours.get(key) == dynamodb.get_item(**NAME, Key=key).get("Item")


def test_the_work_index_yields_page_after_page_what_dynamodb_does(dynamodb: Any) -> None:
    ours = Table.of(ALERTS)
    for number in range(5):
        work = {"work": {"S": "send#0"}, "due_at": {"S": f"2026-0{9 - number}"}}
        for item in ({"alert_key": {"S": f"k{number}"}, **work}, {"alert_key": {"S": f"idle{number}"}}):
            ours.put(item)
            dynamodb.put_item(**NAME, Item=item)
    request: dict[str, Any] = {
        "IndexName": "work",
        "KeyConditionExpression": "#work = :work AND due_at <= :now",
        "ExpressionAttributeNames": {"#work": "work"},
        "ExpressionAttributeValues": {":work": {"S": "send#0"}, ":now": {"S": "2026-08"}},
        "Limit": 2,
    }
    pages = 0
    while pages == 0 or "ExclusiveStartKey" in request:
        theirs, page = dynamodb.query(**NAME, **request), ours.query(request)
        assert page["Items"] == theirs["Items"]
        assert page.get("LastEvaluatedKey") == theirs.get("LastEvaluatedKey")
        pages += 1
        request.pop("ExclusiveStartKey", None)
        if "LastEvaluatedKey" in page:
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert pages == 3, "a page full to the limit names a last key, also where nothing follows"


def test_the_newest_reading_of_a_metric_is_found_as_dynamodb_finds_it(dynamodb: Any) -> None:
    ours = Table.of(READINGS)
    for second, metric in enumerate(("temperature", "vibration.x", "temperature", "humidity")):
        item = {
            "device_id": {"S": "boiler"},
            "reading_id": {"S": f"2026-11-22T10:00:0{second}#aa"},
            "metrics": {"M": {metric: {"N": "1.5"}}},
        }
        ours.put(item)
        dynamodb.put_item(TableName=READINGS["TableName"], Item=item)
    request: dict[str, Any] = {
        "TableName": READINGS["TableName"],
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


@pytest.mark.parametrize(
    "text", ["size(a) > :b", "a IN (:b)", "a = :b extra", "NOT a = :b", "a =", "a = :b OR a = :b AND a = :b"]
)
def test_an_expression_that_is_not_known_is_never_taken_for_true(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        holds(text, {"a": {"N": "2"}}, {"ExpressionAttributeValues": {":b": {"N": "1"}}})


@pytest.mark.parametrize("text", ["REMOVE a", "SET a = if_not_exists(a, :b)", "SET a :b", "ADD a = :b"])
def test_an_update_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        Table.of(ALERTS).update({"Key": {"alert_key": {"S": "a"}}, "UpdateExpression": text})


def test_a_late_index_shows_the_table_as_it_was_before_the_last_write() -> None:
    table, key = Table.of(ALERTS), {"alert_key": {"S": "a"}}
    for version in ("1", "2"):
        table.put({**key, "version": {"N": version}})
    assert table.get(key, stale=True) == {**key, "version": {"N": "1"}}
