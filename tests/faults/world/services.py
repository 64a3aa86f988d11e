"""What S3, DynamoDB, EventBridge, SNS and Systems Manager do with the calls that the functions make, and no others.

Each takes the world and a request, changes the world, and returns the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sensorctl.embedded.gate.refusals import InvalidRequestError, check
from tests import deployed
from tests.faults.world import answers
from tests.faults.world.answers import Answer
from tests.faults.world.tables import ConditionFailedError
from tests.faults.world.world import ALERTS, Mail, World

_BUS = deployed.variables("Ingest")["EVENT_BUS"]
_ALERT = deployed.variables("Alert")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call, as it went over the wire, of the invocation `by`.

    `failing` are the entries of a batch (by place) that shall fail, `stale` asks for an eventually consistent read's
    worst.
    """

    service: str
    operation: str
    params: dict[str, Any]
    by: int
    failing: frozenset[int] = frozenset()
    stale: bool = False


def answer(world: World, request: Request) -> Answer:
    """Let the call take effect, unless AWS refuses it as invalid.

    Raises NotImplementedError for a call that the functions did not make before.
    """
    try:
        check(request.service, request.operation, request.params, keys_of=lambda name: world.table(name).keys)
        operation = _OPERATIONS[request.operation]
    except InvalidRequestError as error:
        world.refused.append(f"{request.operation}: {error}")
        return answers.failure(request.service, error.code, error.message)
    except KeyError:
        raise NotImplementedError(f"this world has no {request.operation}; add it to {__file__}") from None
    try:
        return operation(world, request)
    except ConditionFailedError:
        return answers.failure("dynamodb", "ConditionalCheckFailedException", "The conditional request failed")


def entries(operation: str, params: dict[str, Any]) -> int:
    """Return how many entries a batch has, 0 for what is none."""
    if operation == "BatchWriteItem":
        return sum(len(requests) for requests in params["RequestItems"].values())
    return len(params["Entries"]) if operation == "PutEvents" else 0


def _get_parameter(world: World, request: Request) -> Answer:
    name = request.params["Name"]
    if name != _ALERT["THRESHOLDS_PARAMETER"]:
        return answers.failure("ssm", "ParameterNotFound", name)
    return answers.result({"Parameter": {"Name": name, "Type": "String", "Value": world.thresholds_in_force}})


def _get_object(world: World, request: Request) -> Answer:
    found = world.objects.get((request.params["Key"], request.params["versionId"]))
    if found is None:
        return answers.failure("s3", "NoSuchVersion", "The specified version does not exist.", status=404)
    modified = found.at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Answer(body=found.body, headers=(("last-modified", modified), ("x-amz-version-id", found.version)))


def _put_object(world: World, request: Request) -> Answer:
    world.written[request.params["Key"]] = request.params["Body"]
    return Answer(headers=(("etag", '"0"'),))


def _put_item(world: World, request: Request) -> Answer:
    params = request.params
    world.table(params["TableName"]).put(params["Item"], params)
    if params["TableName"] == ALERTS["TableName"]:
        world.marks.append((world.call, params["Item"]))
    return answers.result({})


def _update_item(world: World, request: Request) -> Answer:
    if request.params.get("ReturnValues") != "ALL_NEW":
        raise NotImplementedError("UpdateItem without ALL_NEW")
    return answers.result({"Attributes": world.table(request.params["TableName"]).update(request.params)})


def _get_item(world: World, request: Request) -> Answer:
    consistent = request.params.get("ConsistentRead", False)
    table = world.table(request.params["TableName"])
    item = table.get(request.params["Key"], stale=request.stale and not consistent, consistent=consistent)
    return answers.result({} if item is None else {"Item": item})


def _query(world: World, request: Request) -> Answer:
    return answers.result(world.table(request.params["TableName"]).query(request.params, stale=request.stale))


def _batch_write_item(world: World, request: Request) -> Answer:
    """Write what the table takes of a batch but for the failing ones, and hand the rest back."""
    ((name, writes),) = request.params["RequestItems"].items()
    left = []
    for place, write in enumerate(writes):
        if place in request.failing or place >= world.scenario.batch_items_accepted:
            left.append(write)
        else:
            world.table(name).put(write["PutRequest"]["Item"])
    if len(left) == len(writes):
        return answers.failure("dynamodb", "ProvisionedThroughputExceededException", "too fast")
    return answers.result({"UnprocessedItems": {name: left} if left else {}})


def _put_events(world: World, request: Request) -> Answer:
    """Take each entry but the failing ones onto the bus; the API answers 200 either way."""
    results = []
    for place, entry in enumerate(request.params["Entries"]):
        if entry["EventBusName"] != _BUS:
            raise NotImplementedError(f"a bus called {entry['EventBusName']}")
        if place in request.failing:
            results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "injected by the schedule"})
            continue
        results.append({"EventId": f"event-{len(world.bus) + 1}"})
        world.bus.append(entry)
    return answers.result({"FailedEntryCount": sum("ErrorCode" in entry for entry in results), "Entries": results})


def _publish(world: World, request: Request) -> Answer:
    params = request.params
    if params["TopicArn"] == _ALERT["NOTIFICATION_TOPIC_ARN"]:
        world.notifications.append(json.loads(params["Message"]))
        return answers.published(f"sns-notification-{len(world.notifications):04}")
    if params["TopicArn"] != _ALERT["TOPIC_ARN"]:
        return answers.failure("sns", "NotFound", "Topic does not exist", status=404)
    mail = Mail(
        call=world.call,
        invocation=request.by,
        message_id=f"sns-{len(world.mails) + 1:04}",
        subject=params["Subject"],
        body=params["Message"],
        at=world.clock.now,
    )
    world.mails.append(mail)
    return answers.published(mail.message_id)


_OPERATIONS: dict[str, Callable[[World, Request], Answer]] = {
    "GetParameter": _get_parameter,
    "GetObject": _get_object,
    "PutObject": _put_object,
    "PutItem": _put_item,
    "UpdateItem": _update_item,
    "GetItem": _get_item,
    "Query": _query,
    "BatchWriteItem": _batch_write_item,
    "PutEvents": _put_events,
    "Publish": _publish,
}
