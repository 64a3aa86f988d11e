"""What the command tests share: a stage on moto, and the command line as a user types it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from typer.testing import CliRunner

from lambdas.shared.document_reader import DocumentError
from sensorctl import cli
from sensorctl.aws import connection
from sensorctl.aws.access import Access
from sensorctl.aws.connection import Connection
from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError
from tests.deployed import table

PARAMETER = "/sensor-fanout/test/thresholds"
DOCUMENT = """{
  "version": 1,
  "metrics": {
    "temperature": {
      "unit": "Cel",
      "warning": {"above": 70},
      "critical": {"above": 85},
      "clear": {"below": 65}
    },
    "battery": {
      "warning": {"below": 20}
    }
  },
  "devices": {
    "freezer-*": {
      "temperature": {
        "warning": {"above": -15}
      }
    }
  },
  "silent_after": {"*": "15m", "freezer-*": "5m"}
}"""


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """How a command ended: `error` is the sentence of a UserError or DocumentError."""

    code: int
    out: str
    error: str


@cache
def kit_client(service: str) -> Any:
    """Return the one client of all tests that prepare something: making one takes longer than most of its calls."""
    make: Any = boto3.client
    return make(service)


def stage(*services: str) -> Pipeline:
    """Create the parts of a stage that are in these services; return their names."""
    names: dict[str, Any] = dict.fromkeys(Pipeline.__dataclass_fields__, "unused")
    names["alarm_topic"] = None
    if "sns" in services:
        names["alert_topic"] = kit_client("sns").create_topic(Name="alerts")["TopicArn"]
        names["notification_topic"] = kit_client("sns").create_topic(Name="notifications")["TopicArn"]
        names["mail_dead_letters"] = kit_client("sqs").create_queue(QueueName="mail-dead-letters")["QueueUrl"]
    if "ssm" in services:
        kit_client("ssm").put_parameter(Name=PARAMETER, Value=DOCUMENT, Type="String")
        names["thresholds_parameter"] = PARAMETER
    if "dynamodb" in services:
        kit_client("dynamodb").create_table(**{**table("Alerts"), "TableName": "alerts"})
        names["alerts_table"] = "alerts"
    return Pipeline(**names)


@dataclass(frozen=True, kw_only=True)
class OneSession(Access):
    """Access that reads the description of each service once, and not once a client."""

    def client(self, service: str, **_: Any) -> Any:
        make: Any = boto3.client
        return make(service)


def connect_to(pipeline: Pipeline, monkeypatch: Any) -> None:
    """Let every command find this pipeline, whatever its options say."""
    monkeypatch.setattr(connection, "connect", lambda **_: Connection(access=OneSession(), pipeline=pipeline))


@contextmanager
def calls_of_aws() -> Iterator[list[str]]:
    """List the operations that clients made from now on call, by their names."""
    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION
    called: list[str] = []

    def note(model: Any, **_: Any) -> None:
        called.append(model.name)

    session.events.register("before-call", note)
    yield called
    session.events.unregister("before-call", note)


def sensorctl(*arguments: str, answers: str = "") -> CommandResult:
    """Run a command; what would be a traceback fails the test."""
    result = CliRunner().invoke(cli.app, arguments, input=answers, env={"COLUMNS": "200"})
    if isinstance(result.exception, (UserError, DocumentError)):
        return CommandResult(code=2, out=result.output, error=str(result.exception))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return CommandResult(code=result.exit_code, out=result.output, error="")
