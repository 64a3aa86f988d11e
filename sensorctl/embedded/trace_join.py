"""Joins trace documents into whole traces, as AWS does and the embedded AWS does not.

X-Ray documents as the functions and the uploader sent them become the segments of whole traces. Two things are added,
both of which AWS does itself:

* the function segment, which the Lambda service makes and of which the SDK only sends subsegments; its id is the
  `Parent` of the invocation's trace header (AWS X-Ray SDK for Python, "AWS Lambda" context);
* propagation: S3 hands the uploader's trace to ingest and EventBridge hands ingest's to alert (X-Ray Developer Guide,
  "Amazon S3", "Amazon EventBridge"). The emulator starts a new trace at each hop, so here the uploader's and alert's
  documents move into ingest's trace, the one that events and e-mails name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]

# Subsegments in each other beyond this are left out; the functions' own are three deep, and a chain of documents that
# another program sends must not be followed to its end.
DEEPEST = 16

_ORIGIN = "AWS::Lambda::Function"
# What the functions open first. Any other subsegment without its parent belongs to one that has not ended yet.
_TOP = ("ingest", "alert", "sweep")


def join(documents: Iterable[Document]) -> list[Document]:
    """Return the segments of `documents`, moved into the traces they belong to and with parents set."""
    uploads, invocations = _sort(documents)
    segments = {parent: _function_segment(parent, parts) for parent, parts in invocations.items()}
    ingest_of_object: dict[tuple[Any, Any], Document] = {}
    emit_of_trace: dict[str, str] = {}
    for segment in segments.values():
        for part in segment["subsegments"]:
            notes = part.get("annotations", {})
            if part["name"] == "ingest":
                ingest_of_object.setdefault((notes.get("object_key"), notes.get("version_id")), segment)
                emit_of_trace[segment["trace_id"]] = _named(part, "emit") or part["id"]
    for segment in segments.values():
        origin = _origin_trace(segment)
        if origin is not None:
            segment["trace_id"] = origin
            if origin in emit_of_trace:
                segment["parent_id"] = emit_of_trace[origin]
    for upload in uploads:
        notes = upload.get("annotations", {})
        ingest = ingest_of_object.get((notes.get("object_key"), notes.get("version_id")))
        if ingest is not None:
            upload["trace_id"] = ingest["trace_id"]
            ingest["parent_id"] = upload["id"]
    return [*uploads, *segments.values()]


def is_whole(document: Document) -> bool:
    """Whether the document is a segment in its own right, and not a subsegment of one that the service makes."""
    return document.get("type") != "subsegment"


def _sort(documents: Iterable[Document]) -> tuple[list[Document], dict[str, list[Document]]]:
    """Return whole segments, and the top subsegments of each invocation under the id of its function segment.

    The SDK sends each subsegment of a function as it ends, children before their parents, all apart.
    """
    copies = [dict(document) for document in documents]
    subsegments = {copy["id"]: copy for copy in copies if not is_whole(copy)}
    invocations: dict[str, list[Document]] = defaultdict(list)
    for copy in subsegments.values():
        parent = subsegments.get(copy["parent_id"])
        if copy["name"] in _TOP:
            invocations[copy["parent_id"]].append(copy)
        elif parent is not None:
            parent["subsegments"] = [*parent.get("subsegments", ()), copy]
    return [copy for copy in copies if is_whole(copy)], invocations


def _function_segment(parent: str, parts: list[Document]) -> Document:
    parts = sorted(parts, key=lambda part: float(part["start_time"]))
    failed = any(part.get("fault") for part in parts)
    segment = {
        "id": parent,
        "trace_id": parts[0]["trace_id"],
        "name": f"lambdas/{parts[0]['name']}",
        "origin": _ORIGIN,
        "start_time": parts[0]["start_time"],
        "end_time": max(float(part["end_time"]) for part in parts),
        "subsegments": [_inside(part) for part in parts],
    }
    return {**segment, "fault": True} if failed else segment


def _inside(part: Document, *, levels: int = DEEPEST) -> Document:
    """Return a subsegment as it is inside its segment: without the trace and parent, which the segment has."""
    kept = {key: value for key, value in part.items() if key not in ("trace_id", "parent_id", "type", "subsegments")}
    below = sorted(part.get("subsegments", ()), key=lambda child: float(child["start_time"]))
    if not below or levels == 0:
        return kept
    return {**kept, "subsegments": [_inside(child, levels=levels - 1) for child in below]}


def _origin_trace(segment: Document) -> str | None:
    for part in segment["subsegments"]:
        origin = part.get("annotations", {}).get("origin_trace_id")
        if isinstance(origin, str):
            return origin
    return None


def _named(part: Document, name: str) -> str | None:
    for child in part.get("subsegments", ()):
        if child["name"] == name:
            return str(child["id"])
    return None
