"""The SSM parameter with the thresholds, seeded from thresholds.json; operators change it without a deployment."""

from __future__ import annotations

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from constructs_lib.errors import SynthError
from constructs_lib.stage.settings import Settings
from constructs_lib.traced_function import TracedFunction
from lambdas.shared.names import THRESHOLDS_MAX_BYTES


class ThresholdsParameter(Construct):
    """`document` is the text of a thresholds document that has been checked."""

    def __init__(self, scope: Construct, id: str, *, document: str, settings: Settings) -> None:
        super().__init__(scope, id)
        size = len(document.encode())
        if size > THRESHOLDS_MAX_BYTES:
            raise SynthError(
                f"thresholds.json has {size} bytes; a Systems Manager parameter holds {THRESHOLDS_MAX_BYTES}."
            )
        self.name = f"/sensor-fanout/{settings.stage}/thresholds"
        self.parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=self.name,
            description="Thresholds of the sensor pipeline: defaults by metric, then by device.",
            string_value=document,
            # Standard, which costs nothing, up to 4 KB; advanced above.
            tier=ssm.ParameterTier.INTELLIGENT_TIERING,
        )

    def readable_by(self, *functions: TracedFunction) -> None:
        """Let the functions read the document."""
        for function in functions:
            function.add_environment(THRESHOLDS_PARAMETER=self.name)
            function.grant("ReadThresholds", "ssm:GetParameter", on=self.parameter.parameter_arn)
