"""Two pipelines with thresholds of their own in one stack: ovens must be hot, freezers cold.

From the repository's root, after `make setup`:

    .venv/bin/python -m examples.two_pipelines                 # writes the template to .build/two-pipelines/
    .tools/node_modules/.bin/cdk deploy --app '.venv/bin/python -m examples.two_pipelines'   # needs AWS

Each pipeline has its own bucket, tables, topic, alarms and dashboard, under its own name; both put their events on one
bus, on which each takes only what is about its own bucket. The functions' bundle is one for both, and so is the
thresholds.json in it, which holds only until Systems Manager answers a function for the first time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from constructs_lib.app import ROOT, make_app
from constructs_lib.bundling.bundle import LAMBDA, Bundle, Bundler
from constructs_lib.pipeline import Existing, SensorPipeline
from constructs_lib.stage.settings import Settings, load_settings
from lambdas.shared.thresholds.thresholds import Thresholds

STACK = "KitchenSensors"
OVENS = {"unit": "Cel", "warning": {"above": 240}, "critical": {"above": 260}, "clear": {"below": 230}}
FREEZERS = {"unit": "Cel", "warning": {"above": -15}, "critical": {"above": -10}, "clear": {"below": -18}}


class KitchenSensors(cdk.Stack):
    """The attributes `ovens` and `freezers` are the pipelines; `bundle` gives the zip of a function."""

    def __init__(self, scope: Construct, id: str, *, settings: Settings, bundle: Callable[[str], Bundle]) -> None:
        super().__init__(scope, id, termination_protection=settings.keep_data)
        shared = Existing(bus=events.EventBus(self, "Bus", description="What both kinds of appliances report."))
        self.ovens = SensorPipeline(
            self,
            "Ovens",
            name="ovens",
            settings=settings,
            thresholds=temperature(OVENS),
            bundle=bundle,
            existing=shared,
        )
        self.freezers = SensorPipeline(
            self,
            "Freezers",
            name="freezers",
            settings=settings,
            thresholds=temperature(FREEZERS),
            bundle=bundle,
            existing=shared,
        )


def temperature(rule: Mapping[str, Any]) -> str:
    """Return a thresholds document with one rule, for temperature. Raises ThresholdsError if it is wrong."""
    document = json.dumps({"version": 1, "metrics": {"temperature": rule}})
    Thresholds.parse(document)
    return document


def main() -> None:
    """Synthesise; the CDK CLI says where to."""
    app = make_app({}, outdir=os.environ.get("CDK_OUTDIR", str(ROOT / ".build" / "two-pipelines")))
    bundler = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=LAMBDA)
    KitchenSensors(app, STACK, settings=load_settings(app.node.try_get_context), bundle=bundler.bundle)
    app.synth()


if __name__ == "__main__":
    main()
