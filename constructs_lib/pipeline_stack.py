"""A stack with one pipeline in it, which has the stack's names and outputs to itself."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.bundling.bundle import Bundle
from constructs_lib.pipeline import TRANSPARENT_ID, SensorPipeline
from constructs_lib.stage.settings import Settings


class PipelineStack(cdk.Stack):
    """`bundle` gives the zip of a function; `thresholds` is the text of a checked thresholds document."""

    def __init__(
        self, scope: Construct, id: str, *, settings: Settings, thresholds: str, bundle: Callable[[str], Bundle]
    ) -> None:
        super().__init__(
            scope,
            id,
            env=cdk.Environment(account=settings.account, region=settings.region),
            description="Sensor readings: S3 -> DynamoDB and EventBridge -> SNS e-mail",
            termination_protection=settings.keep_data,
        )
        self.pipeline = SensorPipeline(self, TRANSPARENT_ID, settings=settings, thresholds=thresholds, bundle=bundle)
