"""The CDK app: settings, thresholds and functions in, a cloud assembly out.

It is offline once the functions' dependencies are cached: no account look-up, no Docker, no git. Unless the settings
name an account and a region, these are CloudFormation's own pseudo parameters: one template serves every account, every
region and the embedded AWS.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from constructs_lib.bundling import LAMBDA, Bundle, Bundler, host_target
from constructs_lib.errors import SynthError
from constructs_lib.pipeline_stack import PipelineStack
from constructs_lib.regions import check_region
from constructs_lib.settings import Settings, load_settings
from lambdas.shared.thresholds import Thresholds

ROOT = Path(__file__).resolve().parents[1]


def synthesise(overrides: dict[str, str], *, outdir: str) -> None:
    """Write the cloud assembly of one stage to `outdir`, once cdk-nag finds nothing open in it.

    `overrides` are context values that win over those of cdk.json. Raises SynthError and ThresholdsError, whose
    messages are for people.
    """
    check_region(os.environ.get("CDK_DEFAULT_REGION"))  # set by the CDK CLI, for its own commands
    app = make_app(overrides, outdir=outdir)
    settings = load_settings(app.node.try_get_context)
    target = LAMBDA if settings.bundle == "lambda" else host_target()
    bundler = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=target)
    make_stack(app, settings=settings, bundle=bundler.bundle)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
        raise SynthError("The findings above are open: mend each, or acknowledge it on its construct.") from error


def make_app(overrides: dict[str, str], *, outdir: str) -> cdk.App:
    """Return an app with the context of cdk.json, as the CDK CLI would pass it, and cdk-nag's checks."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(context=context, post_cli_context=overrides, outdir=outdir, analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return app


def make_stack(app: cdk.App, *, settings: Settings, bundle: Callable[[str], Bundle]) -> PipelineStack:
    """Return the pipeline's stack, with the thresholds of thresholds.json once they are checked."""
    document = ROOT / "thresholds.json"
    if not document.is_file():
        raise SynthError("thresholds.json is missing: the functions need it beside app.py.")
    thresholds = document.read_bytes()
    Thresholds.parse(thresholds)
    name = f"SensorFanout-{settings.stage}"
    return PipelineStack(app, name, settings=settings, thresholds=thresholds.decode(), bundle=bundle)
