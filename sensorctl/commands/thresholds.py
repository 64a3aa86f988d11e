"""`sensorctl thresholds`: what is normal, looked at and changed without a deployment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import Embedded, Profile, Region, Stage, connected

if TYPE_CHECKING:
    from sensorctl.connection import Connection
    from sensorctl.threshold_parameter import InForce
    from sensorctl.threshold_views import Document

app = typer.Typer(
    help="Look at the thresholds and change them; ingest and alert follow within 60 seconds, with no deployment.",
    no_args_is_help=True,
)

_NUMBER = "NUMBER"
Device = Annotated[str | None, typer.Option(help="A device's id or a pattern such as freezer-*; else the default.")]
Limit = Annotated[str | None, typer.Option(metavar=_NUMBER, help="A value past it breaches; none takes it out.")]
Clear = Annotated[str | None, typer.Option(metavar=_NUMBER, help="Past it an alert ends; none takes it out.")]


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="The document itself, as `set --file` takes it.")] = False,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show the rules in force. Exit code 1 when the document is invalid (the functions then keep the last good one)."""
    from lambdas.shared.threshold_rules import ThresholdsError  # noqa: PLC0415
    from sensorctl import threshold_views as views  # noqa: PLC0415

    document = _in_force(connected(embedded=embedded, stage=stage, profile=profile, region=region))
    if as_json:
        terminal.say(*document.text.rstrip("\n").split("\n"))
    try:
        rules = views.Document.read(document.text, name="the thresholds in force")
    except ThresholdsError as error:
        terminal.say(f"sensorctl: {error}", err=True)
        raise typer.Exit(1) from None
    if not as_json:
        console = terminal.console()
        console.print(views.rule_table(rules))
        console.print()
        console.print(views.silence_table(rules))
        console.print(f"\nversion {document.version}", highlight=False)


@app.command()
def explain(
    device: Annotated[str, typer.Argument(help="The device's id.")],
    metric: Annotated[str, typer.Argument(help="The metric's name.")],
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Say which rule applies to a metric of a device, and why."""
    from sensorctl import threshold_views as views  # noqa: PLC0415

    document = _in_force(connected(embedded=embedded, stage=stage, profile=profile, region=region))
    for line in views.explain(_readable(document), device=device, metric=metric):
        terminal.say(line)


@app.command()
def edit(embedded: Embedded = False, stage: Stage = "dev", profile: Profile = None, region: Region = None) -> None:
    """Open the document in your editor ($VISUAL or $EDITOR); it is checked before it is put in force."""
    from sensorctl import threshold_editing as editing  # noqa: PLC0415

    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    document = _in_force(to)
    draft = editing.new_draft(document.text)
    try:
        text = editing.edited(
            draft,
            edit=editing.editor(os.environ),
            say=lambda sentence: terminal.say(sentence, err=True),
            again=lambda: typer.confirm("Edit again?", default=True, err=True),
        )
        _put(to, document, text)
    except (UserError, typer.Abort) as error:
        raise UserError(f"{str(error) or 'given up; nothing was written'}. Your draft stays in {draft}") from None
    draft.unlink()


@app.command("set")
def set_(  # noqa: PLR0913, PLR0917 typer: a parameter is an option
    metric: Annotated[str | None, typer.Argument(help="The metric's name.")] = None,
    device: Device = None,
    warning_above: Limit = None,
    warning_below: Limit = None,
    critical_above: Limit = None,
    critical_below: Limit = None,
    clear_above: Clear = None,
    clear_below: Clear = None,
    hold: Annotated[
        str | None, typer.Option("--for", help="How long a breach lasts before it alerts: 90s, 5m.")
    ] = None,
    remind_every: Annotated[str | None, typer.Option(help="The pause between reminders: 30m, 4h, 1d.")] = None,
    unit: Annotated[str | None, typer.Option(help="The metric's unit, such as Cel.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the whole rule out.")] = False,
    file: Annotated[Path | None, typer.Option(help="Replace the whole document by this file.")] = None,
    embedded: Embedded = False,
    stage: Stage = "dev",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Change one rule, or with --file the whole document. What is not named stays; `none` takes a member out.

    A rule of a device replaces the metric's default whole, it does not add to it.
    """
    from sensorctl import threshold_changes as changes  # noqa: PLC0415
    from sensorctl import threshold_views as views  # noqa: PLC0415

    limits = (warning_above, warning_below, critical_above, critical_below, clear_above, clear_below)
    given = dict(zip(changes.MEMBERS, (unit, *limits, hold, remind_every), strict=True))
    members: dict[str, float | int | str | None] = {
        name: changes.limit(text, option="--" + name.replace(".", "-"))
        if "." in name
        else (None if text == changes.NONE else text)
        for name, text in given.items()
        if text is not None
    }
    _one_thing(metric=metric, device=device, members=members, remove=remove, file=file)
    to = connected(embedded=embedded, stage=stage, profile=profile, region=region)
    document = _in_force(to)
    if metric is None:
        _put(to, document, _text(file))
        return
    _readable(document)
    if remove:
        text = changes.without_rule(document.text, metric=metric, device=device)
    else:
        text = changes.with_rule(document.text, metric=metric, device=device, members=members)
    terminal.say(changes.rule_path(metric=metric, device=device))
    _put(to, document, text)
    note = views.left_out(views.Document.read(text, name="thresholds"), device=device, metric=metric)
    if note is not None:
        terminal.say(f"Note: {note}")


def _one_thing(
    *,
    metric: str | None,
    device: str | None,
    members: dict[str, float | int | str | None],
    remove: bool,
    file: Path | None,
) -> None:
    """Refuse a command line that asks for nothing, or for two things. Raises UserError."""
    if file is not None and (metric or device or members or remove):
        raise UserError("--file replaces the whole document; leave out the metric and its options")
    if file is None and metric is None:
        raise UserError("name a metric, such as `thresholds set temperature --warning-above 70`, or give --file")
    if remove and members:
        raise UserError("--remove takes the whole rule out; leave out the other options")
    if file is None and not remove and not members:
        raise UserError("name what to change, such as --warning-above 70")


def _in_force(to: Connection) -> InForce:
    from sensorctl import threshold_parameter  # noqa: PLC0415

    return threshold_parameter.read(to.access.client("ssm"), parameter=to.pipeline.thresholds_parameter)


def _put(to: Connection, document: InForce, text: str) -> None:
    """Check `text`, show how it differs, write it if it does."""
    from sensorctl import threshold_changes, threshold_parameter  # noqa: PLC0415

    threshold_parameter.checked(text, name="thresholds")
    if text.strip() == document.text.strip():
        terminal.say("Nothing has changed; nothing was written.")
        return
    console = terminal.console()
    for line in threshold_changes.difference(document.text, text):
        console.print(Text(line, style={"-": "red", "+": "green"}.get(line[0], "")), soft_wrap=True)
    parameter = to.pipeline.thresholds_parameter
    version = threshold_parameter.write(to.access.client("ssm"), parameter=parameter, text=text, over=document)
    terminal.say(f"Version {version} is written; ingest and alert use it within 60 seconds.")


def _readable(document: InForce) -> Document:
    from lambdas.shared.threshold_rules import ThresholdsError  # noqa: PLC0415
    from sensorctl import threshold_views as views  # noqa: PLC0415

    try:
        return views.Document.read(document.text, name="the thresholds in force")
    except ThresholdsError as error:
        raise UserError(f"{error}. Mend it with `thresholds edit` or replace it with `thresholds set --file`") from None


def _text(file: Path | None) -> str:
    try:
        return file.read_text(encoding="utf-8-sig") if file is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
