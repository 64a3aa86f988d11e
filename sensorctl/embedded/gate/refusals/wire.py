"""Parses requests as they go over the wire into calls, and writes a refusal as the service would."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from sensorctl.embedded.gate.refusals import check
from sensorctl.embedded.gate.refusals.key_attributes import KeysOf
from sensorctl.embedded.gate.refusals.refused import InvalidRequestError

# The X-Amz-Target of the services that speak JSON.
_TARGETS = {"DynamoDB_20120810": "dynamodb", "AWSEvents": "events", "AmazonSSM": "ssm", "AmazonSQS": "sqs"}


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """One HTTP request; names of headers in lower case, `path` as sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The answer to a request that is refused."""

    body: bytes
    content_type: str
    status: int = 400


def refusal(request: HttpRequest, *, keys_of: KeysOf) -> Refusal | None:
    """Return what the service would answer to a request that is not valid, or None."""
    call = read(request)
    if call is None:
        return None
    service, operation, params = call
    try:
        check(service, operation, params, keys_of=keys_of)
    except InvalidRequestError as error:
        return answer(service, error)
    return None


def read(request: HttpRequest) -> tuple[str, str, dict[str, Any]] | None:
    """Return service, operation and parameters, or None for a call that no rule is about."""
    target, _, operation = request.headers.get("x-amz-target", "").partition(".")
    if target in _TARGETS:
        return _TARGETS[target], operation, json.loads(request.body or b"{}")
    if "/s3/aws4_request" in request.headers.get("authorization", ""):
        return _of_s3(request)
    if request.method == "POST" and b"Action=Publish&" in request.body:
        return "sns", "Publish", of_form(dict(parse_qsl(request.body.decode(), keep_blank_values=True)))
    return None


def of_form(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of Publish, with its attributes by name (SNS speaks the AWS query protocol)."""
    attributes: dict[str, dict[str, str]] = {}
    number = 1
    while (name := form.get(f"MessageAttributes.entry.{number}.Name")) is not None:
        prefix = f"MessageAttributes.entry.{number}.Value."
        attributes[name] = {key.removeprefix(prefix): text for key, text in form.items() if key.startswith(prefix)}
        number += 1
    plain = {key: value for key, value in form.items() if "." not in key}
    return {**plain, "MessageAttributes": attributes}


def _of_s3(request: HttpRequest) -> tuple[str, str, dict[str, Any]] | None:
    path = unquote(request.path).lstrip("/")
    host = request.headers.get("host", "").split(":")[0]
    in_path = host.startswith(("s3.", "localhost", "127."))
    key = path.partition("/")[2] if in_path else path
    if request.method == "POST" and "delete" in dict(parse_qsl(request.query, keep_blank_values=True)):
        return "s3", "DeleteObjects", {"Delete": {"Objects": re.findall(rb"<Key>", request.body)}}
    if request.method in ("PUT", "GET") and key:
        return "s3", f"{request.method.title()}Object", {"Key": key}
    return None


def answer(service: str, error: InvalidRequestError) -> Refusal:
    """Return an error as the service writes it."""
    reason = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    if service == "s3":
        return Refusal(body=reason.encode(), content_type="application/xml")
    if service == "sns":
        return Refusal(body=f"<ErrorResponse>{reason}</ErrorResponse>".encode(), content_type="text/xml")
    body = json.dumps({"__type": f"com.amazonaws.{service}#{error.code}", "message": error.message})
    return Refusal(body=body.encode(), content_type="application/x-amz-json-1.0")
