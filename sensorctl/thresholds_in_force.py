"""The thresholds in force, for commands that can do without them: the rules, or what is wrong with them."""

from __future__ import annotations

from lambdas.shared.thresholds import Thresholds, ThresholdsError
from sensorctl import threshold_parameter
from sensorctl.embedded.access import Access
from sensorctl.errors import UserError
from sensorctl.pipeline import Pipeline


def thresholds_in_force(access: Access, pipeline: Pipeline) -> tuple[Thresholds | None, str | None]:
    """Return the rules of the parameter's document, or None and, in a sentence, why there are none."""
    name = pipeline.thresholds_parameter
    try:
        text = threshold_parameter.read(access.client("ssm"), parameter=name).text
        return Thresholds.parse(text, name=name), None
    except (ThresholdsError, UserError) as error:
        return None, str(error)
