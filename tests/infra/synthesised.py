"""One stage's template, synthesised with a placeholder for the functions' bundles, and readable."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constructs_lib.app import make_app, make_stack
from constructs_lib.bundling.bundle import Bundle
from constructs_lib.stage.settings import load_settings
from security.template import plain, readable

STAGES = ("dev", "prod")
EMAILS = ("ops@example.org", "night@example.org")


@dataclass(frozen=True)
class Synthesised:
    """One stage's template, with logical ids as people know them: `StoreReadings`, not `StoreReadings489399F5`."""

    stage: str
    template: dict[str, Any]
    report: dict[str, Any]
    folder: Path

    def of_type(self, kind: str) -> dict[str, Any]:
        """Return the resources of one type by plain id, each whole."""
        return {plain(id): body for id, body in self.template["Resources"].items() if body["Type"] == kind}

    def properties(self, kind: str, id: str) -> Any:
        """Return one resource's properties with references written as `${StoreReadings.Arn}`."""
        return readable(self.of_type(kind)[id]["Properties"])

    def statements(self, policy: str) -> list[dict[str, Any]]:
        """Return the statements of an IAM policy, in the order written."""
        found: list[dict[str, Any]] = self.properties("AWS::IAM::Policy", policy)["PolicyDocument"]["Statement"]
        return found


def synthesise(stage: str, folder: Path, **context: Any) -> Synthesised:
    stand_in = folder / "function.zip"
    with zipfile.ZipFile(stand_in, "w") as archive:
        archive.writestr("thresholds.json", "{}")
    overrides = {"stage": stage, "alert_emails": ",".join(EMAILS), **context}
    app = make_app(overrides, outdir=str(folder / "cdk.out"))
    make_stack(
        app,
        settings=load_settings(app.node.try_get_context),
        bundle=lambda function: Bundle(function=function, path=stand_in, digest=function),
    )
    assembly = Path(app.synth().directory)
    return Synthesised(
        stage=stage,
        template=json.loads((assembly / f"SensorFanout-{stage}.template.json").read_text()),
        report=json.loads((assembly / "validation-report.json").read_text()),
        folder=assembly,
    )
