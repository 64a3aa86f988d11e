"""Each rule of the list refuses what its document says, and lets pass what is just allowed."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from sensorctl.embedded.gate.refusals import InvalidRequestError, Keys, check

KEYS = {
    "readings": Keys(primary=("device_id", "reading_id")),
    "alerts": Keys(primary=("alert_key",), indexes={"work": ("work", "due_at")}),
}
KEY = {"device_id": {"S": "a"}, "reading_id": {"S": "1"}}


def put(**attributes: Any) -> dict[str, Any]:
    return {"TableName": "readings", "Item": {**KEY, **attributes}}


def put_alert(**attributes: Any) -> dict[str, Any]:
    return {"TableName": "alerts", "Item": {"alert_key": {"S": "k"}, **attributes}}


def number(text: str) -> dict[str, Any]:
    return put(value={"N": text})


def between(low: str, high: str, kind: str = "S") -> dict[str, Any]:
    return {
        "TableName": "readings",
        "KeyConditionExpression": "device_id = :d AND reading_id BETWEEN :a AND :b",
        "ExpressionAttributeValues": {":d": {"S": "x"}, ":a": {kind: low}, ":b": {kind: high}},
    }


def query(
    *, names: dict[str, str] | None = None, values: dict[str, Any] | None = None, **others: Any
) -> dict[str, Any]:
    return {
        "TableName": "alerts",
        "IndexName": "work",
        "KeyConditionExpression": "#work = :work",
        "ExpressionAttributeNames": {"#work": "work"} if names is None else names,
        "ExpressionAttributeValues": values or {":work": {"S": "send#0"}},
        **others,
    }


def starting(**key: str) -> dict[str, Any]:
    return query(ExclusiveStartKey={name: {"S": text} for name, text in key.items()})


def batch(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"RequestItems": {"readings": [{"PutRequest": {"Item": item}} for item in items]}}


def items(count: int, **attributes: Any) -> list[dict[str, Any]]:
    return [{"device_id": {"S": "a"}, "reading_id": {"S": str(n)}, **attributes} for n in range(count)]


def keys(count: int) -> dict[str, Any]:
    return {"RequestItems": {"readings": {"Keys": items(count)}}}


def update(expression: str, **others: Any) -> dict[str, Any]:
    return {
        "TableName": "alerts",
        "Key": {"alert_key": {"S": "k"}},
        "UpdateExpression": expression,
        "ExpressionAttributeValues": {":v": {"N": "1"}},
        **others,
    }


def entries(count: int = 1, **others: Any) -> dict[str, Any]:
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}", **others}
    return {"Entries": [entry] * count}


def mail(**others: Any) -> dict[str, Any]:
    return {"TopicArn": "arn", "Subject": "s", "Message": "m", **others}


def attribute(name: str = "kind", **value: str) -> dict[str, Any]:
    return mail(MessageAttributes={name: {"DataType": "String", **value}})


def parameter(value: str, **others: str) -> dict[str, Any]:
    return {"Name": "/p", "Value": value, "Type": "String", **others}


def ids(*names: str) -> dict[str, Any]:
    return {"QueueUrl": "q", "Entries": [{"Id": name, "ReceiptHandle": "r"} for name in names]}


def numbered(count: int) -> dict[str, Any]:
    return ids(*map(str, range(count)))


KB = 1024
# A maximum-size item: 2 key names, their values, and an attribute of one letter.
ROOM = 400 * KB - len("device_idareading_id1t")
V, D = "ValidationException", "dynamodb"

RULES: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    # service, operation, code, what is refused, its good neighbour
    (D, "Query", V, between("2", "1"), between("1", "1")),
    (D, "Query", V, between("10", "9", "N"), between("9", "10", "N")),
    (D, "Query", V, query(names={"#work": "work", "#x": "y"}), query()),
    (D, "Query", V, query(names={}), query()),
    (D, "Query", V, query(values={":work": {"S": "a"}, ":x": {"S": "b"}}), query(values={":work": {"S": "a"}})),
    (D, "Query", V, query(FilterExpression="a = :undefined"), query(FilterExpression="attribute_exists(a)")),
    (D, "Query", V, query(values={":work": {"S": ""}}), query()),
    (D, "Query", V, query(Limit=0), query(Limit=1)),
    (D, "Query", V, starting(alert_key="k"), starting(alert_key="k", work="send#0", due_at="2026")),
    (
        D,
        "Query",
        V,
        starting(alert_key="k", work="send#1", due_at="2026"),
        starting(alert_key="k", work="send#0", due_at="2026"),
    ),
    (D, "PutItem", V, put(**{"": {"S": "x"}}), put(a={"S": ""})),
    (D, "PutItem", V, put(tags={"M": {"": {"S": "x"}}}), put(tags={"M": {}})),
    (D, "PutItem", V, put(device_id={"S": ""}), put()),
    (D, "PutItem", V, put_alert(work={"S": ""}), put_alert()),
    (D, "PutItem", V, put_alert(work={"N": "1"}, due_at={"NULL": True}), put_alert(work={"S": "w"})),
    (D, "PutItem", V, {"TableName": "readings", "Item": {"device_id": {"S": "a"}}}, put()),
    (D, "PutItem", V, put(device_id={"S": "a" * 2049}), put(device_id={"S": "a" * 2048})),
    (D, "PutItem", V, put(reading_id={"S": "a" * 1025}), put(reading_id={"S": "a" * 1024})),
    (D, "PutItem", V, put(t={"S": "x" * (ROOM + 1)}), put(t={"S": "x" * ROOM})),
    (D, "PutItem", V, number("1" * 39), number("1" * 38 + "000")),
    (D, "PutItem", V, number("1E126"), number("9.99E125")),
    (D, "PutItem", V, number("9E-131"), number("-1E-130")),
    (D, "PutItem", V, number("NaN"), number("0")),
    (D, "PutItem", "SerializationException", put(value={"N": 1.5}), number("1.5")),
    (D, "PutItem", V, put(names={"SS": []}), put(names={"SS": ["a"]})),
    (D, "PutItem", V, put(names={"SS": ["a", "a"]}), put(names={"SS": ["a", "b"]})),
    (D, "GetItem", V, {"TableName": "alerts", "Key": KEY}, {"TableName": "readings", "Key": KEY}),
    (D, "BatchWriteItem", V, batch(items(26)), batch(items(25))),
    (D, "BatchWriteItem", V, batch([]), batch(items(1))),
    (D, "BatchWriteItem", V, batch([*items(1), *items(1)]), batch(items(2))),
    (D, "BatchGetItem", V, keys(101), keys(100)),
    (D, "UpdateItem", V, update("SET alert_key = :v"), update("SET other = :v")),
    (
        D,
        "UpdateItem",
        V,
        update("ADD spent :v, #k :v", ExpressionAttributeNames={"#k": "alert_key"}),
        update("ADD spent :v, #k :v", ExpressionAttributeNames={"#k": "s07"}),
    ),
    ("events", "PutEvents", V, entries(11), entries(10)),
    ("events", "PutEvents", V, entries(Detail=json.dumps({"a": "x" * 256 * KB})), entries(Detail='{"a": 1}')),
    ("events", "PutEvents", "MalformedDetail", entries(Detail="[]"), entries(Detail="{}")),
    ("events", "PutEvents", "MalformedDetail", entries(Detail="{"), entries()),
    ("events", "PutEvents", "InvalidArgument", entries(Source=""), entries()),
    ("events", "PutEvents", V, entries(TraceHeader=""), entries(TraceHeader="Root=1")),
    ("sns", "Publish", "InvalidParameter", mail(Subject="s" * 100), mail(Subject="s" * 99)),
    ("sns", "Publish", "InvalidParameter", mail(Subject=""), {"TopicArn": "arn", "Message": "m"}),
    ("sns", "Publish", "InvalidParameter", mail(Subject="a\nb"), mail(Subject="a b")),
    ("sns", "Publish", "InvalidParameter", mail(Subject="21 °C"), mail(Subject="21 Cel")),
    ("sns", "Publish", "InvalidParameter", mail(Message=""), mail(Message="21 °C")),
    ("sns", "Publish", "InvalidParameter", mail(Message="x" * (256 * KB + 1)), mail(Message="x" * 256 * KB)),
    ("sns", "Publish", "InvalidParameter", attribute(StringValue=""), attribute(StringValue="v")),
    ("sns", "Publish", "InvalidParameter", attribute("", StringValue="v"), attribute(StringValue="v")),
    ("ssm", "PutParameter", V, parameter("x" * 4097), parameter("x" * 4096)),
    ("ssm", "PutParameter", V, parameter("x" * 8193, Tier="Advanced"), parameter("x" * 8192, Tier="Advanced")),
    ("ssm", "PutParameter", V, parameter(""), parameter("x")),
    ("ssm", "PutParameter", V, parameter("{{ssm:other}}"), parameter('{"a": {}}')),
    ("sqs", "SendMessage", "MissingParameter", {"MessageBody": ""}, {"MessageBody": "m"}),
    ("sqs", "SendMessage", "InvalidParameterValue", {"MessageBody": "x" * (KB * KB + 1)}, {"MessageBody": "x" * KB}),
    ("sqs", "SendMessage", "InvalidMessageContents", {"MessageBody": "\0"}, {"MessageBody": "\t"}),
    ("sqs", "ChangeMessageVisibilityBatch", "TooManyEntriesInBatchRequest", numbered(11), numbered(10)),
    ("sqs", "ChangeMessageVisibilityBatch", "BatchEntryIdsNotDistinct", ids("a", "a"), ids("a", "b")),
    ("sqs", "ChangeMessageVisibilityBatch", "InvalidBatchEntryId", ids("a#"), ids("a-")),
    ("sqs", "DeleteMessageBatch", "EmptyBatchRequest", numbered(0), numbered(1)),
    ("s3", "PutObject", "KeyTooLongError", {"Key": "é" * 513}, {"Key": "é" * 512}),
    (
        "s3",
        "DeleteObjects",
        "MalformedXML",
        {"Delete": {"Objects": [{"Key": "k"}] * 1001}},
        {"Delete": {"Objects": [{"Key": "k"}] * 1000}},
    ),
]


@pytest.mark.parametrize(("service", "operation", "code", "bad", "good"), RULES)
def test_a_request_is_refused_and_its_good_neighbour_passes(
    service: str, operation: str, code: str, bad: dict[str, Any], good: dict[str, Any]
) -> None:
    check(service, operation, good, keys_of=KEYS.get)
    with pytest.raises(InvalidRequestError) as refused:
        check(service, operation, bad, keys_of=KEYS.get)
    assert refused.value.code == code


def test_a_batch_over_16_mb_is_refused() -> None:
    check("dynamodb", "BatchWriteItem", batch(items(25, t={"S": "x" * 380 * KB})), keys_of=KEYS.get)
    with pytest.raises(InvalidRequestError, match="16 MB"):
        check("dynamodb", "BatchWriteItem", batch(items(25, t={"S": "x" * 680 * KB})), keys_of=KEYS.get)


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, Any]]:
    """Clients as tests make them, of moto, which check no parameter themselves."""
    with mock_aws():
        config = Config(parameter_validation=False)
        by_service: dict[str, Any] = {
            name: boto3.client(name, region_name="us-east-1", config=config)
            for name in ("dynamodb", "events", "sns", "ssm", "sqs", "s3")
        }
        by_service["dynamodb"].create_table(
            TableName="rules",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        )
        by_service["s3"].create_bucket(Bucket="rules")
        yield by_service


@pytest.mark.parametrize(
    ("service", "call", "code", "bad", "good"),
    [
        (
            "dynamodb",
            "query",
            "ValidationException",
            {
                "TableName": "rules",
                "KeyConditionExpression": "k = :k",
                "FilterExpression": "a BETWEEN :k AND :a",
                "ExpressionAttributeValues": {":k": {"S": "b"}, ":a": {"S": "a"}},
            },
            {
                "TableName": "rules",
                "KeyConditionExpression": "k = :k",
                "FilterExpression": "a BETWEEN :a AND :k",
                "ExpressionAttributeValues": {":k": {"S": "b"}, ":a": {"S": "a"}},
            },
        ),
        (
            "dynamodb",
            "put_item",
            "ValidationException",
            {"TableName": "rules", "Item": {"k": {"S": ""}}},
            {"TableName": "rules", "Item": {"k": {"S": "k"}}},
        ),
        ("events", "put_events", "MalformedDetail", entries(Detail="1"), entries()),
        ("ssm", "put_parameter", "ValidationException", parameter("x" * 4097), parameter("x")),
        (
            "s3",
            "put_object",
            "KeyTooLongError",
            {"Bucket": "rules", "Key": "k" * 1025},
            {"Bucket": "rules", "Key": "k" * 1024},
        ),
    ],
)
def test_clients_of_tests_are_refused_what_aws_refuses(
    clients: dict[str, Any], service: str, call: str, code: str, bad: dict[str, Any], good: dict[str, Any]
) -> None:
    getattr(clients[service], call)(**good)
    with pytest.raises(ClientError) as refused:
        getattr(clients[service], call)(**bad)
    assert refused.value.response["Error"]["Code"] == code


def test_what_is_refused_has_no_effect(clients: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        clients["dynamodb"].put_item(TableName="rules", Item={"k": {"S": "never"}, "": {"S": "nameless"}})
    assert "Item" not in clients["dynamodb"].get_item(TableName="rules", Key={"k": {"S": "never"}})


def test_messages_of_tests_are_refused_what_sns_refuses(clients: dict[str, Any]) -> None:
    topic = clients["sns"].create_topic(Name="rules")["TopicArn"]
    clients["sns"].publish(**{**attribute(StringValue="v"), "TopicArn": topic})
    with pytest.raises(ClientError, match="InvalidParameter"):
        clients["sns"].publish(**{**attribute(StringValue=""), "TopicArn": topic})
