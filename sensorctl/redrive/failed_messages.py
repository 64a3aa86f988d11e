"""Parses a message of a failure or dead-letter queue: what it is about, what went wrong, since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from urllib.parse import unquote_plus

from sensorctl.aws.invoking import read_error
from sensorctl.aws.outputs import Queue

QUEUES: tuple[Queue, ...] = get_args(Queue)
# The function that processes a message; an e-mail that failed is published again, not run again.
WORKER: Mapping[Queue, Literal["ingest", "alert"] | None] = {
    "ingest": "ingest",
    "rule": "alert",
    "alert": "alert",
    "mail": None,
    "schedule": "alert",
}


@dataclass(frozen=True, kw_only=True)
class FailedMessage:
    """One message: `payload` is what to do again (an event, or the SNS notification); None if it cannot be read."""

    queue: Queue
    about: str
    error: str
    since: datetime
    payload: Any

    def to_json(self) -> dict[str, str]:
        """Return it for a program."""
        return {"queue": self.queue, "about": self.about, "error": self.error, "since": self.since.isoformat()}

    @property
    def trace_id(self) -> str | None:
        """The trace that its event names; an upload's names none."""
        found = self._detail.get("trace_id")
        return found if isinstance(found, str) else None

    @property
    def object_keys(self) -> list[str]:
        """The keys of the uploads that it is about, if it is about uploads."""
        records = self.payload.get("Records") if isinstance(self.payload, dict) else None
        try:
            return [unquote_plus(record["s3"]["object"]["key"]) for record in records or ()]
        except (KeyError, TypeError):
            return []

    @property
    def _detail(self) -> Mapping[str, Any]:
        detail = self.payload.get("detail") if isinstance(self.payload, dict) else None
        return detail if isinstance(detail, dict) else {}

    def matches(self, text: str) -> bool:
        """Return whether `text` occurs in what it is about or in its error, ignoring case."""
        return text.lower() in f"{self.about} {self.error}".lower()


def read(queue: Queue, message: Mapping[str, Any]) -> FailedMessage:
    """Read an SQS message, received with its SentTimestamp and its message attributes."""
    since = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    try:
        body = json.loads(message["Body"])
    except json.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        return FailedMessage(queue=queue, about="unreadable", error="no JSON object", since=since, payload=None)
    if queue in ("ingest", "alert"):
        # Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
        payload, error = body.get("requestPayload"), _destination_error(body)
    else:
        payload, error = body, _attribute_error(message.get("MessageAttributes", {}))
    return FailedMessage(queue=queue, about=_about(queue, payload), error=error, since=since, payload=payload)


def _destination_error(record: Mapping[str, Any]) -> str:
    response = record.get("responsePayload")
    if response:
        return read_error(response).words
    return str(record.get("requestContext", {}).get("condition", "no error is recorded"))


def _attribute_error(attributes: Mapping[str, Any]) -> str:
    """EventBridge and the scheduler name theirs ERROR_..., SNS Error... (their guides, "dead-letter queues")."""
    values = {name.replace("_", "").lower(): str(value.get("StringValue", "")) for name, value in attributes.items()}
    parts = [values[name] for name in ("errorcode", "errormessage") if values.get(name)]
    return ": ".join(parts) or "no error is recorded"


def _about(queue: Queue, payload: Any) -> str:
    if not isinstance(payload, dict):
        return "unreadable"
    if queue == "mail":
        if "alert_id" in payload:
            return f"document {payload['alert_id']} ({payload.get('kind')})"
        return f"e-mail {payload.get('Subject', 'without a subject')!r}"
    if payload.get("sweep"):
        return "the sweep"
    if isinstance(payload.get("Records"), list):
        return _objects(payload["Records"])
    detail = payload.get("detail") if isinstance(payload.get("detail"), dict) else {}
    kind = str(payload.get("detail-type", "an unknown event"))
    named = [detail[member] for member in ("device_id", "metric") if member in detail] if detail else []
    key = detail.get("object", {}).get("key") if detail and isinstance(detail.get("object"), dict) else None
    return " ".join([kind, *map(str, named), *([f"of {key}"] if key else [])])


def _objects(records: list[Any]) -> str:
    try:
        keys = [unquote_plus(record["s3"]["object"]["key"]) for record in records]
    except (KeyError, TypeError):
        return "unreadable"
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return f"{keys[0]}{more}" if keys else "no object"
