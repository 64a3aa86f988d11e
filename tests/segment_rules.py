"""What X-Ray demands of a document (X-Ray Developer Guide, "X-Ray segment documents"): what of it is violated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_ID = re.compile(r"[0-9a-f]{16}")
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_NAME = re.compile(r"[\w\s.:/%&#=+\\\-@]{1,200}")
_ANNOTATION = re.compile(r"[A-Za-z0-9_]{1,500}")
# 64 KB for a document, 50 annotations for a trace.
_MOST_BYTES, _MOST_ANNOTATIONS = 64 * 1024, 50
_FLAGS = ("error", "fault", "throttle", "in_progress")


def violations(document: dict[str, Any]) -> list[str]:
    """Return the rules that a segment, or a subsegment that was sent by itself, breaks; none for a good one."""
    found = list(_of_node(document, inside=False))
    if len(json.dumps(document)) > _MOST_BYTES:
        found.append("the document is over 64 KB")
    if sum(len(node.get("annotations", {})) for node in _walk(document)) > _MOST_ANNOTATIONS:
        found.append("over 50 annotations")
    ids = [node.get("id") for node in _walk(document)]
    if len(set(ids)) < len(ids):
        found.append("an id is used twice")
    return found


def _of_node(node: dict[str, Any], *, inside: bool) -> Iterator[str]:
    name = node.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"name {name!r}"
    if not _ID.fullmatch(str(node.get("id"))):
        yield f"id {node.get('id')!r} is not 16 hex digits"
    yield from _of_times(node)
    if not inside:
        if not _TRACE_ID.fullmatch(str(node.get("trace_id"))):
            yield f"trace_id {node.get('trace_id')!r}"
        if node.get("type") == "subsegment" and "parent_id" not in node:
            yield "a subsegment by itself has no parent_id"
    if "parent_id" in node and not _ID.fullmatch(str(node["parent_id"])):
        yield f"parent_id {node['parent_id']!r} is not 16 hex digits"
    for flag in _FLAGS:
        if flag in node and not isinstance(node[flag], bool):
            yield f"{flag} is not a boolean"
    for key, value in node.get("annotations", {}).items():
        if not _ANNOTATION.fullmatch(key):
            yield f"annotation key {key!r}"
        if not isinstance(value, str | int | float | bool) or (isinstance(value, str) and len(value) > 1000):
            yield f"annotation {key} is not a string of at most 1,000 characters, a number or a boolean"
    for child in node.get("subsegments", ()):
        yield from (f"{name} > {rule}" for rule in _of_node(child, inside=True))


def _of_times(node: dict[str, Any]) -> Iterator[str]:
    start, end = node.get("start_time"), node.get("end_time")
    if not isinstance(start, int | float) or start <= 0:
        yield "start_time is not a time in seconds"
    elif node.get("in_progress"):
        if end is not None:
            yield "in_progress and end_time exclude each other"
    elif not isinstance(end, int | float):
        yield "neither end_time nor in_progress"
    elif end < start:
        yield "it ends before it starts"


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("subsegments", ()):
        yield from _walk(child)
