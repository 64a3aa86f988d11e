"""Messages of the failure and dead-letter queues, as the services write them, in words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sensorctl.aws.outputs import Queue
from sensorctl.redrive.failed_messages import read

SENT = datetime(2026, 11, 22, 10, 0, 0, 250_000, tzinfo=UTC)


def message(body: Any, **attributes: str) -> dict[str, Any]:
    return {
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": str(round(SENT.timestamp() * 1000))},
        "MessageAttributes": {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
    }


def upload(*keys: str) -> dict[str, Any]:
    return {"Records": [{"s3": {"object": {"key": key}}} for key in keys]}


BREACH = {
    "detail-type": "ThresholdBreached",
    "detail": {"device_id": "boiler-7", "metric": "temperature", "object": {"key": "incoming/a.json"}},
}
REJECTED = {"detail-type": "ReadingsRejected", "detail": {"object": {"key": "incoming/b.json"}}}
DENIED = "An error occurred (AccessDeniedException) when calling the BatchWriteItem operation: no"


@pytest.mark.parametrize(
    ("queue", "body", "attributes", "about", "error"),
    [
        (
            "ingest",
            {
                "requestPayload": upload("incoming/a+b%2B.json", "c"),
                "responsePayload": {"errorType": "E", "errorMessage": DENIED},
            },
            {},
            "incoming/a b+.json and 1 more",
            f"E: {DENIED}",
        ),
        (
            "ingest",
            {"requestPayload": upload("incoming/a"), "requestContext": {"condition": "EventAgeExceeded"}},
            {},
            "incoming/a",
            "EventAgeExceeded",
        ),
        (
            "alert",
            {"requestPayload": BREACH, "responsePayload": {"errorMessage": "time\nout"}},
            {},
            "ThresholdBreached boiler-7 temperature of incoming/a.json",
            "unknown error: time out",
        ),
        ("alert", {"requestPayload": {"sweep": True}}, {}, "the sweep", "no error is recorded"),
        (
            "rule",
            REJECTED,
            {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not allowed"},
            "ReadingsRejected of incoming/b.json",
            "NO_PERMISSIONS: not allowed",
        ),
        ("schedule", {"sweep": True}, {"ERROR_CODE": "X"}, "the sweep", "X"),
        (
            "mail",
            {"Type": "Notification", "Subject": "[CRITICAL] boiler-7", "Message": "m"},
            {"ErrorMessage": "bounced"},
            "e-mail '[CRITICAL] boiler-7'",
            "bounced",
        ),
    ],
)
def test_a_message_says_what_it_is_about_and_what_went_wrong(
    queue: Queue, body: Any, attributes: dict[str, str], about: str, error: str
) -> None:
    failed = read(queue, message(body, **attributes))
    assert (failed.about, failed.error, failed.since) == (about, error, SENT)
    assert failed.payload is not None
    assert failed.matches(about[:8].upper())
    assert not failed.matches("nothing of the kind")


@pytest.mark.parametrize("body", ["no json", "[]", "null", '"text"'])
@pytest.mark.parametrize("queue", ["ingest", "rule", "mail"])
def test_a_message_that_is_none_of_ours_is_shown_and_cannot_be_redriven(queue: Queue, body: str) -> None:
    failed = read(queue, message(body))
    assert (failed.about, failed.payload) == ("unreadable", None)


@pytest.mark.parametrize(
    "payload", [{"Records": [{}]}, {"Records": [None]}, "text", {"detail": 3}, {"detail": {"object": 1}}]
)
def test_a_payload_of_any_shape_is_read(payload: Any) -> None:
    assert read("ingest", message({"requestPayload": payload, "responsePayload": []})).about
