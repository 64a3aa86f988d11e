"""The thresholds document in Systems Manager: read with its version, written only over the version it was read as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lambdas.shared.names import THRESHOLDS_MAX_BYTES
from lambdas.shared.thresholds import validation
from lambdas.shared.thresholds.thresholds import Thresholds, ThresholdsError
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError


@dataclass(frozen=True, kw_only=True)
class InForce:
    """The text that both functions read, and its version in the parameter's history."""

    text: str
    version: int


def read(ssm: Any, *, parameter: str) -> InForce:
    """Return the document in force. Raises UserError when the parameter is gone."""
    try:
        found = ssm.get_parameter(Name=parameter)["Parameter"]
    except ssm.exceptions.ParameterNotFound:
        raise UserError(f"there is no parameter {parameter}; deploy the stage again to make it") from None
    return InForce(text=found["Value"], version=found["Version"])


def checked(text: str, *, name: str) -> Thresholds:
    """Return the rules of a document that may be written. Raises UserError saying what is wrong with it."""
    try:
        thresholds = Thresholds.parse(text, name=name)
    except ThresholdsError as error:
        raise UserError(str(error)) from None
    size = len(text.encode())
    if size > THRESHOLDS_MAX_BYTES:
        raise UserError(f"{name} has {size:,} bytes; a Systems Manager parameter holds {THRESHOLDS_MAX_BYTES:,}")
    return thresholds


def metrics_in_force(access: Access, pipeline: Pipeline) -> set[str]:
    """Return the metrics that have a rule, of whichever device; none where the document in force is bad."""
    name = pipeline.thresholds_parameter
    try:
        found = validation.read(read(access.client("ssm"), parameter=name).text, name=name)
    except (ThresholdsError, UserError):
        return set()
    rules: list[dict[str, object]] = [found["metrics"], *found["devices"].values()]
    return {metric for metrics in rules for metric in metrics}


def write(ssm: Any, *, parameter: str, text: str, over: InForce) -> int:
    """Put a document that passes every check over the one that was read; return the new version.

    PutParameter takes no condition (Systems Manager API Reference, "PutParameter"), so the version is compared right
    before it and once more in its answer. Raises UserError when the document is wrong or somebody else was faster.
    """
    checked(text, name="thresholds")
    now = read(ssm, parameter=parameter).version
    if now != over.version:
        raise UserError(
            f"the thresholds have been changed meanwhile (version {now}, yours began from {over.version}); nothing was "
            "written: look at them with `thresholds show` and do it again"
        )
    # The tier as deployed: free up to 4 KB, advanced above, and never down again, which PutParameter would refuse.
    answer = ssm.put_parameter(Name=parameter, Value=text, Type="String", Overwrite=True, Tier="Intelligent-Tiering")
    version: int = answer["Version"]
    if version != over.version + 1:
        raise UserError(
            f"somebody else wrote the thresholds in the same moment: yours are in force as version {version}, theirs "
            f"was version {version - 1}; `aws ssm get-parameter-history --name {parameter}` shows both"
        )
    return version


def thresholds_in_force(access: Access, pipeline: Pipeline) -> tuple[Thresholds | None, str | None]:
    """Return the rules of the parameter's document, or None and, in a sentence, why there are none."""
    name = pipeline.thresholds_parameter
    try:
        return Thresholds.parse(read(access.client("ssm"), parameter=name).text, name=name), None
    except (ThresholdsError, UserError) as error:
        return None, str(error)
