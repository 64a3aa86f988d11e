"""What EventBridge, SNS, Systems Manager, SQS and S3 refuse of the operations that this project uses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from sensorctl.embedded.gate.refusals.refused import refuse_if

Params = Mapping[str, Any]

_KB = 1024
_SQS_CHARACTERS = re.compile(r"[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SUBJECT = 100


def _put_events(params: Params) -> None:
    """Follow EventBridge API Reference, "PutEvents": 10 entries, each with Source, DetailType and an object as Detail.

    EventBridge fails such an entry alone and answers 200 if others are good; here the whole request is refused, since
    a request of this project never has a bad entry. The size is the smaller of two that documents name: 256 KB
    (EventBridge User Guide, "Calculating Amazon EventBridge PutEvents event entry size") and, since 2026, 1 MB (API
    Reference).
    """
    entries = params["Entries"]
    refuse_if(not 0 < len(entries) <= 10, f"{len(entries)} entries")
    for entry in entries:
        for name in ("Source", "DetailType", "Detail"):
            refuse_if(not entry.get(name), f"{name} is empty", code="InvalidArgument")
        refuse_if(len(entry["DetailType"]) > 128, "DetailType is longer than 128 characters")
        refuse_if(not 0 < len(entry.get("EventBusName", "default")) <= 1600, "EventBusName is empty or too long")
        refuse_if(not 0 < len(entry.get("TraceHeader", "-")) <= 500, "TraceHeader is empty or too long")
        refuse_if(not _is_object(entry["Detail"]), "Detail is not a JSON object", code="MalformedDetail")
    refuse_if(sum(map(_entry_size, entries)) > 256 * _KB, "the entries are larger than 256 KB")


def _entry_size(entry: Params) -> int:
    texts = (entry["Source"], entry["DetailType"], entry["Detail"], *entry.get("Resources", ()))
    return 14 * ("Time" in entry) + sum(len(text.encode()) for text in texts)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _publish(params: Params) -> None:
    """Follow SNS API Reference, "Publish".

    A Subject is less than 100 characters without line breaks or control characters; the API Reference before 2026 also
    wants ASCII that begins with a letter, number or punctuation mark. Body and attributes have 256 KB together.
    """
    message, subject = params.get("Message", ""), params.get("Subject")
    attributes = params.get("MessageAttributes", {})
    invalid = "InvalidParameter"
    refuse_if(not message, "Empty message", code=invalid)
    if subject is not None:
        refuse_if(not 0 < len(subject) < _SUBJECT, "Subject is empty or too long", code=invalid)
        refuse_if(not (subject.isascii() and subject.isprintable()), "Subject is not plain ASCII", code=invalid)
        refuse_if(subject[0] == " ", "Subject begins with a space", code=invalid)
    total = len(message.encode())
    for name, attribute in attributes.items():
        value = attribute.get("StringValue", attribute.get("BinaryValue"))
        # SNS Developer Guide, "Amazon SNS message attributes": name, type and value must not be empty.
        refuse_if(not (name and value and attribute.get("DataType")), f"attribute {name!r} is empty", code=invalid)
        total += len(f"{name}{attribute['DataType']}{value}".encode())
    refuse_if(total > 256 * _KB, "the message is larger than 256 KB", code=invalid)


def _put_parameter(params: Params) -> None:
    """Follow Systems Manager API Reference, "PutParameter": 4 KB (Standard) or 8 KB, no value in double brackets."""
    most = 8 * _KB if params.get("Tier") in ("Advanced", "Intelligent-Tiering") else 4 * _KB
    value = params["Value"]
    refuse_if(not value, "the value is empty")
    refuse_if(len(value.encode()) > most, f"the value is larger than {most // _KB} KB")
    refuse_if(re.search(r"\{\{.*\}\}", value), "the value refers to another parameter")


def _send_message(params: Params) -> None:
    """Follow SQS API Reference, "SendMessage": from one character to 1 MiB of the characters that XML knows."""
    body = params.get("MessageBody", "")
    refuse_if(not body, "MessageBody is empty", code="MissingParameter")
    refuse_if(len(body.encode()) > _KB * _KB, "MessageBody is larger than 1 MiB", code="InvalidParameterValue")
    refuse_if(not _SQS_CHARACTERS.fullmatch(body), "MessageBody has control characters", code="InvalidMessageContents")


def _queue_batch(params: Params) -> None:
    """Follow SQS API Reference, "SendMessageBatch" and its siblings: from 1 to 10 entries, with ids of their own."""
    entries = params.get("Entries", ())
    refuse_if(not entries, "the batch is empty", code="EmptyBatchRequest")
    refuse_if(len(entries) > 10, f"{len(entries)} entries", code="TooManyEntriesInBatchRequest")
    ids = [entry["Id"] for entry in entries]
    refuse_if(not all(map(_BATCH_ID.fullmatch, ids)), "an Id is not valid", code="InvalidBatchEntryId")
    refuse_if(len(set(ids)) < len(ids), "an Id is used twice", code="BatchEntryIdsNotDistinct")


def _put_object(params: Params) -> None:
    """Follow S3 User Guide, "Naming Amazon S3 objects": a key has at most 1,024 bytes."""
    refuse_if(len(params["Key"].encode()) > _KB, "your key is too long", code="KeyTooLongError")


def _delete_objects(params: Params) -> None:
    """Follow S3 API Reference, "DeleteObjects": at most 1,000 keys."""
    refuse_if(not 0 < len(params["Delete"]["Objects"]) <= 1000, "from 1 to 1,000 keys", code="MalformedXML")


RULES: dict[tuple[str, str], Callable[[Params], None]] = {
    ("events", "PutEvents"): _put_events,
    ("sns", "Publish"): _publish,
    ("ssm", "PutParameter"): _put_parameter,
    ("sqs", "SendMessage"): _send_message,
    **dict.fromkeys(
        [("sqs", f"{name}Batch") for name in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")], _queue_batch
    ),
    **dict.fromkeys([("s3", "PutObject"), ("s3", "GetObject")], _put_object),
    ("s3", "DeleteObjects"): _delete_objects,
}
