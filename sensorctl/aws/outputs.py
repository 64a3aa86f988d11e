"""A deployed pipeline: the names of its parts, read from the outputs of its stack."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from botocore.exceptions import ClientError

from lambdas.shared.names import stack_name
from sensorctl.aws.access import Access
from sensorctl.errors import UserError

Queue = Literal["ingest", "rule", "alert", "mail", "schedule"]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Names, ARNs and URLs; each field is the stack output of the same name in CamelCase."""

    landing_bucket: str
    readings_table: str
    alerts_table: str
    event_bus: str
    event_rule: str
    alert_topic: str
    notification_topic: str
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

    @property
    def failure_queues(self) -> dict[Queue, str]:
        """The URLs of the failure and dead-letter queues, in the order of the flow."""
        return {
            "ingest": self.ingest_failures,
            "rule": self.rule_dead_letters,
            "alert": self.alert_failures,
            "mail": self.mail_dead_letters,
            "schedule": self.schedule_dead_letters,
        }


_OPTIONAL = ("event_archive", "alarm_topic")


def find_pipeline(access: Access, *, stage: str) -> Pipeline:
    """Return the stage's pipeline. Raises UserError when it is not deployed, naming what is missing."""
    name = stack_name(stage)
    try:
        stack = access.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            if access.endpoint is not None:
                do = "start anew with `make down` and `make up`, or deploy it with the CDK (docs/embedded.md)"
                raise UserError(f"the embedded AWS has no stack {name}; {do}") from None
            do = "deploy it with `make deploy`, or name another region with --region"
            raise UserError(f"there is no stack {name} on AWS ({access.region}); {do}") from None
        raise
    pipeline = from_outputs(stack.get("Outputs", []), name=name)
    if access.endpoint is not None and pipeline.event_archive is None:
        return replace(pipeline, event_archive=archive_name(pipeline.event_bus))
    return pipeline


def archive_name(bus: str) -> str:
    """Return the name of the archive that `up` and `run` make for an event bus."""
    return f"{bus}-archive"


def from_outputs(outputs: list[dict[str, Any]], *, name: str) -> Pipeline:
    """Read the outputs of stack `name`. Raises UserError when one is missing (another version's stack)."""
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    names = {field.name: field.name.title().replace("_", "") for field in fields(Pipeline)}
    missing = [key for field, key in names.items() if key not in values and field not in _OPTIONAL]
    if missing:
        raise UserError(f"stack {name} has no output {missing[0]}; deploy this version of it with `make deploy`")
    return Pipeline(**{field: values[key] for field, key in names.items() if key in values})
