"""`sensorctl preflight`: would a deployment fail, and on what."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sensorctl import terminal
from sensorctl.options import ROOT, Embedded, Profile, Region, Stage


def preflight(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one for each check.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Say what would make `make deploy` fail in this account and region, before it begins; it changes nothing.

    ok: nothing to do. attention: it can be deployed, but look at it. broken: the deployment would fail. unknown: these
    credentials may not ask, or this AWS does not know.

    Exit codes: 0 it can be deployed, 1 it would fail, 2 wrong use.
    """
    from constructs_lib.errors import SynthError  # noqa: PLC0415 after `--help`
    from constructs_lib.settings import load_settings  # noqa: PLC0415
    from sensorctl.connection import access_to  # noqa: PLC0415
    from sensorctl.errors import UserError  # noqa: PLC0415
    from sensorctl.preflight.checks import can_deploy  # noqa: PLC0415
    from sensorctl.preflight.checks import preflight as checks_of  # noqa: PLC0415

    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    try:
        settings = load_settings({**context, "stage": stage}.get)
    except SynthError as error:
        raise UserError(str(error)) from None
    checks = checks_of(access_to(root=ROOT, embedded=embedded, profile=profile, region=region), settings)
    for check in checks:
        if as_json:
            terminal.say(json.dumps(check.to_json()))
        else:
            terminal.say(f"{check.level:<10}{check.name}: {check.says}" + (f" -> {check.do}" if check.do else ""))
    raise typer.Exit(0 if can_deploy(checks) else 1)
