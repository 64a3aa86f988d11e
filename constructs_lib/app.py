"""The CDK app: settings, thresholds and functions in, a cloud assembly out.

It is offline once the functions' dependencies are cached: no account look-up, no Docker, no git. Unless the settings
name an account and a region, these are CloudFormation's own pseudo parameters: one template serves every account, every
region and the embedded AWS.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from constructs_lib.bundling.bundle import LAMBDA, Bundle, Bundler, Target, host_target
from constructs_lib.errors import SynthError
from constructs_lib.pipeline_stack import PipelineStack
from constructs_lib.stage.embedded import EMBEDDED_ACCOUNT
from constructs_lib.stage.regions import check_region
from constructs_lib.stage.settings import BundleTarget, Settings, load_settings
from lambdas.ingest.decoding.mapping import mappings as mapping_document
from lambdas.shared.names import stack_name
from lambdas.shared.thresholds.thresholds import Thresholds

ROOT = Path(__file__).resolve().parents[1]


def synthesise(overrides: dict[str, str], *, outdir: str) -> None:
    """Write the cloud assembly of one stage to `outdir`, once cdk-nag finds nothing open in it.

    `overrides` are context values that win over those of cdk.json. Raises SynthError and DocumentError, whose
    messages are for people.
    """
    check_region(os.environ.get("CDK_DEFAULT_REGION"))  # set by the CDK CLI, for its own commands
    app = make_app(overrides, outdir=outdir)
    settings = load_settings(app.node.try_get_context)
    # The account, too, is set by the CDK CLI, from the credentials that it deploys with.
    target = bundle_target(settings.bundle, account=os.environ.get("CDK_DEFAULT_ACCOUNT"))
    bundler = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=target, say=_say)
    make_stack(app, settings=settings, bundle=bundler.bundle)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
        raise SynthError("The findings above are open: fix each, or acknowledge it on its construct.") from error


def bundle_target(bundle: BundleTarget, *, account: str | None) -> Target:
    """Return what the functions are bundled for: the embedded AWS runs them on this machine, whoever deploys there."""
    return host_target() if bundle == "host" or account == EMBEDDED_ACCOUNT else LAMBDA


def make_app(overrides: dict[str, str], *, outdir: str) -> cdk.App:
    """Return an app with the context of cdk.json, as the CDK CLI would pass it, and cdk-nag's checks."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(context=context, post_cli_context=overrides, outdir=outdir, analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return app


def make_stack(app: cdk.App, *, settings: Settings, bundle: Callable[[str], Bundle]) -> PipelineStack:
    """Return the pipeline's stack, with the thresholds of thresholds.json once it and mappings.json are checked."""
    thresholds = _document("thresholds.json")
    Thresholds.parse(thresholds)
    mapping_document.parse(_document("mappings.json"))
    name = stack_name(settings.stage)
    return PipelineStack(app, name, settings=settings, thresholds=thresholds.decode(), bundle=bundle)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _document(name: str) -> bytes:
    path = ROOT / name
    if not path.is_file():
        raise SynthError(f"{name} is missing: the functions need it beside app.py.")
    return path.read_bytes()
