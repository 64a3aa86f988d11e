"""`sensorctl preflight`: would a deployment fail, and on what."""

from __future__ import annotations

import json

import typer

from sensorctl import terminal
from sensorctl.options import ROOT, ListOptions, with_options


@with_options
def preflight(*, target: ListOptions) -> None:
    """Say what would make `make deploy` fail in this account and region, before it begins; it changes nothing.

    ok: nothing to do. attention: it can be deployed, but look at it. broken: the deployment would fail. unknown: these
    credentials may not ask, or this AWS does not know.

    Exit codes: 0 it can be deployed, 1 it would fail, 2 wrong use.
    """
    from constructs_lib.errors import SynthError  # noqa: PLC0415 after `--help`
    from constructs_lib.stage.settings import load_settings  # noqa: PLC0415
    from sensorctl.errors import UserError  # noqa: PLC0415
    from sensorctl.preflight.checks import can_deploy, checks_of  # noqa: PLC0415

    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    try:
        settings = load_settings({**context, "stage": target.stage}.get)
    except SynthError as error:
        raise UserError(str(error)) from None
    checks = checks_of(target.access(), settings)
    if target.as_json:
        terminal.say_json(*(check.to_json() for check in checks))
    else:
        for check in checks:
            terminal.say(f"{check.level:<10}{check.name}: {check.says}" + (f" -> {check.do}" if check.do else ""))
    raise typer.Exit(0 if can_deploy(checks) else 1)
