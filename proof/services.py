"""What S3, DynamoDB, EventBridge, SNS and Systems Manager do with the calls that the functions make, and no others.

Each function takes the world and the parameters that went over the wire, changes the world, and returns the answer.
`failing` are the entries of a batch (by place) that shall fail, `stale` asks for an eventually consistent read's worst.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proof import answers
from proof.answers import Answer
from proof.tables import ConditionFailedError, scope_of
from proof.world import ALERTS, BUS, PARAMETER, TOPIC, Mail, World
from sensorctl.embedded.gate.refusals import InvalidRequestError, check

Params = dict[str, Any]

_GONE = ("NoSuchVersion", "The specified version does not exist.")


def answer(
    world: World, service: str, operation: str, params: Params, *, failing: frozenset[int], stale: bool, by: int
) -> Answer:
    """Let the call take effect, unless AWS refuses it as invalid; `by` is the invocation that calls.

    Raises NotImplementedError for a call that the functions did not make before.
    """
    try:
        check(service, operation, params, keys_of=lambda name: world.table(name).keys)
    except InvalidRequestError as error:
        world.refused.append(f"{operation}: {error}")
        return answers.failure(service, error.code, error.message, status=400)
    if operation in _PLAIN:
        return _PLAIN[operation](world, params)
    if operation in _READS:
        return _READS[operation](world, params, stale)
    if operation in _BATCHES:
        return _BATCHES[operation](world, params, failing)
    if operation == "Publish":
        return _publish(world, params, by=by)
    raise NotImplementedError(f"the proof's world has no {service} {operation}; add it to proof/services.py")


def entries(operation: str, params: Params) -> int:
    """Return how many entries a batch has, 0 for what is none."""
    if operation == "BatchWriteItem":
        return sum(len(requests) for requests in params["RequestItems"].values())
    return len(params["Entries"]) if operation == "PutEvents" else 0


def _get_parameter(world: World, params: Params) -> Answer:
    if params["Name"] != PARAMETER:
        return answers.failure("ssm", "ParameterNotFound", params["Name"], status=400)
    return answers.result({"Parameter": {"Name": PARAMETER, "Type": "String", "Value": world.thresholds_in_force}})


def _get_object(world: World, params: Params) -> Answer:
    found = world.objects.get((params["Key"], params["versionId"]))
    if found is None:
        return answers.failure("s3", *_GONE, status=404)
    modified = found.at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Answer(body=found.body, headers=(("last-modified", modified), ("x-amz-version-id", found.version)))


def _put_object(world: World, params: Params) -> Answer:
    world.written[params["Key"]] = params["Body"]
    return Answer(body=b"", headers=(("etag", '"0"'),))


def _put_item(world: World, params: Params) -> Answer:
    try:
        world.table(params["TableName"]).put(
            params["Item"], condition=params.get("ConditionExpression"), scope=scope_of(params)
        )
    except ConditionFailedError:
        return _condition_failed()
    if params["TableName"] == ALERTS:
        world.marks.append((world.call, params["Item"]))
    return answers.result({})


def _update_item(world: World, params: Params) -> Answer:
    if params.get("ReturnValues") != "ALL_NEW":
        raise NotImplementedError("UpdateItem without ALL_NEW")
    try:
        item = world.table(params["TableName"]).update(
            params["Key"],
            params["UpdateExpression"],
            condition=params.get("ConditionExpression"),
            scope=scope_of(params),
        )
    except ConditionFailedError:
        return _condition_failed()
    return answers.result({"Attributes": item})


def _get_item(world: World, params: Params, stale: bool) -> Answer:
    item = world.table(params["TableName"]).get(params["Key"], stale=stale and not params.get("ConsistentRead"))
    return answers.result({} if item is None else {"Item": item})


def _query(world: World, params: Params, stale: bool) -> Answer:
    return answers.result(world.table(params["TableName"]).query(params, stale=stale))


def _batch_write_item(world: World, params: Params, failing: frozenset[int]) -> Answer:
    """Write what the table takes (`world.takes` items a call) but for the failing ones, and hand the rest back."""
    ((name, requests),) = params["RequestItems"].items()
    table = world.table(name)
    left = []
    for place, request in enumerate(requests):
        if place in failing or place >= world.takes:
            left.append(request)
        else:
            table.put(request["PutRequest"]["Item"])
    if len(left) == len(requests):
        return answers.failure("dynamodb", "ProvisionedThroughputExceededException", "too fast", status=400)
    return answers.result({"UnprocessedItems": {name: left} if left else {}})


def _put_events(world: World, params: Params, failing: frozenset[int]) -> Answer:
    """Take each entry but the failing ones onto the bus; the API answers 200 either way."""
    results = []
    for place, entry in enumerate(params["Entries"]):
        if entry["EventBusName"] != BUS:
            raise NotImplementedError(f"a bus called {entry['EventBusName']}")
        if place in failing:
            results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "the schedule wants it"})
            continue
        results.append({"EventId": f"event-{len(world.bus) + 1}"})
        world.bus.append(entry)
    return answers.result({"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results})


def _publish(world: World, params: Params, *, by: int) -> Answer:
    """Accept a message."""
    if params["TopicArn"] != TOPIC:
        return answers.failure("sns", "NotFound", "Topic does not exist", status=404)
    mail = Mail(
        call=world.call,
        invocation=by,
        message_id=f"sns-{len(world.mails) + 1:04}",
        subject=params["Subject"],
        body=params["Message"],
        attributes={name: value["StringValue"] for name, value in params["MessageAttributes"].items()},
        at=world.clock.now,
    )
    world.mails.append(mail)
    return answers.published(mail.message_id)


def _condition_failed() -> Answer:
    return answers.failure("dynamodb", "ConditionalCheckFailedException", "The conditional request failed", status=400)


_PLAIN: dict[str, Callable[[World, Params], Answer]] = {
    "GetParameter": _get_parameter,
    "GetObject": _get_object,
    "PutObject": _put_object,
    "PutItem": _put_item,
    "UpdateItem": _update_item,
}
_READS: dict[str, Callable[[World, Params, bool], Answer]] = {"GetItem": _get_item, "Query": _query}
_BATCHES: dict[str, Callable[[World, Params, frozenset[int]], Answer]] = {
    "BatchWriteItem": _batch_write_item,
    "PutEvents": _put_events,
}
