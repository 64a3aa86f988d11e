"""A deployed pipeline: the names of its parts, read from the outputs of its stack."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from botocore.exceptions import ClientError

from sensorctl.embedded.access import Access
from sensorctl.errors import UserError


def stack_name(stage: str) -> str:
    """Return the name of the stage's stack."""
    return f"SensorFanout-{stage}"


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Names, ARNs and URLs; each field is the stack output of the same name in CamelCase."""

    landing_bucket: str
    readings_table: str
    alerts_table: str
    event_bus: str
    event_rule: str
    alert_topic: str
    thresholds_parameter: str
    ingest_function: str
    alert_function: str
    ingest_failures: str
    alert_failures: str
    rule_dead_letters: str
    mail_dead_letters: str
    schedule_dead_letters: str
    # The embedded AWS takes no archive from a template; `up` and `run` make it one.
    event_archive: str | None = None
    # Only a stage with `alarms_to_topic` has one.
    alarm_topic: str | None = None


_OPTIONAL = ("event_archive", "alarm_topic")


def find_pipeline(access: Access, *, stage: str) -> Pipeline:
    """Return the stage's pipeline. Raises UserError when it is not deployed, naming what is missing."""
    name = stack_name(stage)
    try:
        stack = access.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            where = access.endpoint or f"AWS ({access.region})"
            do = "deploy it with `make deploy` or `make up`, or name another region with --region"
            raise UserError(f"there is no stack {name} on {where}; {do}") from None
        raise
    return from_outputs(stack.get("Outputs", []), name=name)


def from_outputs(outputs: list[dict[str, Any]], *, name: str) -> Pipeline:
    """Read the outputs of stack `name`. Raises UserError when one is missing (another version's stack)."""
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    names = {field.name: _camel(field.name) for field in fields(Pipeline)}
    missing = [key for field, key in names.items() if key not in values and field not in _OPTIONAL]
    if missing:
        raise UserError(f"stack {name} has no output {missing[0]}; deploy this version of it with `make deploy`")
    return Pipeline(**{field: values[key] for field, key in names.items() if key in values})


def _camel(name: str) -> str:
    return re.sub(r"(?:^|_)(\w)", lambda match: match.group(1).upper(), name)
