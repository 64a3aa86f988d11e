"""`python -m docs.events.generate`: writes the JSON Schemas of events and notifications, from their classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec

from lambdas.alert.mail.document import Notification
from lambdas.ingest.decoding.reading import Reason
from lambdas.shared.events import SCHEMA_VERSION, ReadingsRejected, ThresholdBreached
from lambdas.shared.names import EVENT_SOURCE

HERE = Path(__file__).parent
FILES: dict[str, type] = {
    "threshold-breached.schema.json": ThresholdBreached,
    "readings-rejected.schema.json": ReadingsRejected,
}


def notification_schema() -> dict[str, Any]:
    """Return the JSON Schema of what programs get of each alert."""
    whole = msgspec.json.schema(Notification)
    definitions = whole.pop("$defs")
    members = definitions.pop(Notification.__name__)
    members["properties"]["id"].pop("default")
    members["required"] = ["version", "source", "id", "schema", *members["required"]]
    members["description"] = f"{_line(members)} Consumers must ignore members that they do not know."
    return _document(members, definitions, source="lambdas/alert/mail/document.py")


def schema(event: type) -> dict[str, Any]:
    """Return the JSON Schema of an event's detail."""
    whole = msgspec.json.schema(event)
    definitions = whole.pop("$defs")
    members = definitions.pop(event.__name__)
    members["properties"] = {"schema": {"const": SCHEMA_VERSION}, **members["properties"]}
    members["required"] = ["schema", *members["required"]]
    members["description"] = (
        f"Detail of an event with source {EVENT_SOURCE} and detail-type {event.__name__}. "
        f"{_line(members)} "
        "Consumers must ignore members that they do not know."
    )
    if "reasons" in members["properties"]:
        members["properties"]["reasons"]["propertyNames"] = {"enum": list(get_args(Reason))}
    return _document(members, definitions, source="lambdas/shared/events.py")


def files() -> dict[str, str]:
    """Return the text of each file, by its name."""
    schemas = {name: schema(event) for name, event in FILES.items()}
    schemas["notification.schema.json"] = notification_schema()
    return {name: json.dumps(document, indent=2) + "\n" for name, document in schemas.items()}


def _document(members: dict[str, Any], definitions: dict[str, Any], *, source: str) -> dict[str, Any]:
    made_by = f"Made by docs/events/generate.py from {source}."
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "$comment": made_by, **members, "$defs": definitions}


def _line(members: dict[str, Any]) -> str:
    return " ".join(members["description"].split())


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text)
