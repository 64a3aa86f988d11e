"""Saved queries over both functions' logs, in the Logs Insights console under the pipeline's name."""

from __future__ import annotations

from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.stage import embedded
from constructs_lib.stage.settings import Settings
from constructs_lib.traced_function import TracedFunction
from lambdas.shared.names import stack_name

# Lambda's own lines have `type` and `record` (Lambda Developer Guide, "Telemetry API Event schema reference"), those of
# the functions `level`, `message` and fields. What a handler raises is written by the runtime: `errorType` and
# `errorMessage`, with the level as `log_level`, and as `level` since aws-lambda-python-runtime-interface-client 4.0.4.
_FAILURES = """\
fields @timestamp, @log, coalesce(message, errorMessage, type) as what,
  coalesce(error, problem, errorType, record.errorType) as why, coalesce(key, object.key) as object_key, trace_id
| filter level = "ERROR" or log_level = "ERROR" or ispresent(errorType)
  or (type in ["platform.report", "platform.initReport"] and record.status != "success")
| sort @timestamp desc
| limit 100"""

_SLOWEST_OBJECTS = """\
fields @timestamp, ms, key, form, bytes, stored, rejected, breaches, trace_id
| filter message = "object ingested"
| sort ms desc
| limit 25"""

# One text to replace: a device, an object's key, a trace id, or an alert's id, with which its message ids begin.
_WHAT_BECAME_OF = """\
fields @timestamp, message, outcome, severity, subject, message_id,
  coalesce(key, object.key) as object_key, trace_id
| filter @message like "boiler-7" and ispresent(message)
| sort @timestamp asc
| limit 500"""


class LogQueries(Construct):
    """Failures, the slowest objects, and what became of one device, object or alert."""

    def __init__(self, scope: Construct, id: str, *, functions: tuple[TracedFunction, ...], settings: Settings) -> None:
        super().__init__(scope, id)
        groups = [function.log_group.log_group_name for function in functions]
        for title, query in (
            ("Failures", _FAILURES),
            ("Slowest objects", _SLOWEST_OBJECTS),
            ("What became of", _WHAT_BECAME_OF),
        ):
            saved = logs.CfnQueryDefinition(
                self,
                title.title().replace(" ", ""),
                # The part before the slash is a folder (CloudWatch Logs API Reference, PutQueryDefinition).
                name=f"{stack_name(settings.stage)}/{title}",
                query_string=query,
                log_group_names=groups,
            )
            embedded.only_on_aws(saved)
