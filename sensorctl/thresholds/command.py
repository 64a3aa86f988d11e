"""`sensorctl thresholds`: shows and changes the thresholds without a deployment."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sensorctl import terminal
from sensorctl.errors import UserError
from sensorctl.options import ROOT, ListOptions, PipelineOptions, Yes, confirm, instant, is_named, with_options

if TYPE_CHECKING:
    from lambdas.shared.thresholds.thresholds import Thresholds
    from sensorctl.aws.connection import Connection
    from sensorctl.thresholds.changes import Member
    from sensorctl.thresholds.parameter import InForce
    from sensorctl.thresholds.views import Document

app = typer.Typer(
    help="Look at the thresholds and change them; ingest and alert follow within 60 seconds, with no deployment.",
    no_args_is_help=True,
)

Limit = Annotated[str | None, typer.Option(metavar="NUMBER", help="A value past it is a breach; none takes it out.")]
Clear = Annotated[str | None, typer.Option(metavar="NUMBER", help="Past it an alert ends; none takes it out.")]
Valid = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="What is not past it is rejected; none takes it out."),
]


@dataclass(frozen=True, kw_only=True)
class RuleOptions:
    """The members of a rule, in the order of `changes.MEMBERS`."""

    unit: Annotated[str | None, typer.Option(help="The metric's unit, such as Cel.")] = None
    warning_above: Limit = None
    warning_below: Limit = None
    critical_above: Limit = None
    critical_below: Limit = None
    clear_above: Clear = None
    clear_below: Clear = None
    valid_above: Valid = None
    valid_below: Valid = None
    valid_not: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="What no sensor measures, such as 85,-127; none takes it out."),
    ] = None
    hold: Annotated[str | None, typer.Option("--for", help="How long a breach lasts before it alerts: 90s, 5m.")] = None
    clear_for: Annotated[str | None, typer.Option(help="How long it is clear before it ends: 5m, 1h.")] = None
    remind_every: Annotated[str | None, typer.Option(help="The pause between reminders: 30m, 4h, 1d.")] = None
    escalate_after: Annotated[
        str | None, typer.Option(help="After how long without an acknowledgement it is mailed as unattended: 30m, 2h.")
    ] = None
    runbook: Annotated[str | None, typer.Option(help="A line for the e-mails: a link, or what to do.")] = None

    def members(self) -> dict[str, Member]:
        """Return those that were given. Raises UserError for what is not valid."""
        from sensorctl.thresholds import changes  # noqa: PLC0415

        texts = zip(changes.MEMBERS, (getattr(self, field.name) for field in fields(RuleOptions)), strict=True)
        return {name: changes.member(name, text) for name, text in texts if text is not None}


@dataclass(frozen=True, kw_only=True)
class ChangeOptions(RuleOptions):
    """A change of one rule, or of the whole document."""

    device: Annotated[
        str | None, typer.Option(help="A device's id or a pattern such as freezer-*; else the default.")
    ] = None
    remove: Annotated[bool, typer.Option("--remove", help="Take the whole rule out.")] = False
    file: Annotated[Path | None, typer.Option(help="Replace the whole document by this file.")] = None

    def check(self, metric: str | None) -> None:
        """Refuse a command line that asks for nothing, or for two things. Raises UserError."""
        members = self.members()
        if self.file is not None and (metric or self.device or members or self.remove):
            raise UserError("--file replaces the whole document; leave out the metric and its options")
        if self.file is None and metric is None:
            raise UserError("name a metric, such as `thresholds set temperature --warning-above 70`, or give --file")
        if self.remove and members:
            raise UserError("--remove takes the whole rule out; leave out the other options")
        if self.file is None and not self.remove and not members:
            raise UserError("name what to change, such as --warning-above 70")


@dataclass(frozen=True, kw_only=True)
class TryFirst:
    """Whether a change is tried before it is written."""

    try_first: Annotated[
        bool, typer.Option("--try", help="Show first which e-mails it would have sent in the last 7 days, and ask.")
    ] = False
    yes: Yes = False


@dataclass(frozen=True, kw_only=True)
class TrialOptions:
    """Which readings thresholds are tried on, and what they are compared with."""

    since: Annotated[
        datetime | None, instant("Readings from then on: an instant, 1h, yesterday; of a stage 7d, of files all.")
    ] = None
    device: Annotated[str, typer.Option(metavar="GLOB", help="Only these devices: an id or a pattern.")] = "*"
    against: Annotated[
        Path | None, typer.Option(help="A document to compare with, instead of the thresholds in force.")
    ] = None
    mappings: Annotated[Path | None, typer.Option(help="For files: a mappings.json instead of the repository's.")] = (
        None
    )
    yes: Yes = False


@app.command()
@with_options
def show(*, target: ListOptions) -> None:
    """Show the rules in force; with --json the document itself, as `set --file` takes it.

    Exit code 1 when the document is invalid (the functions then keep the last good one).
    """
    from lambdas.shared.thresholds.rules import ThresholdsError  # noqa: PLC0415
    from sensorctl.thresholds import views  # noqa: PLC0415

    document = _in_force(target.connect())
    if target.as_json:
        terminal.say(*document.text.rstrip("\n").split("\n"))
    try:
        rules = views.Document.read(document.text, name="the thresholds in force")
    except ThresholdsError as error:
        terminal.say(f"sensorctl: {error}", err=True)
        raise typer.Exit(1) from None
    if not target.as_json:
        console = terminal.console()
        console.print(views.rule_table(rules))
        console.print()
        console.print(views.silence_table(rules))
        if rules.mutes:
            console.print()
            console.print(views.mute_table(rules, now=datetime.now(UTC)))
        if rules.route_by is not None:
            console.print(f"\nalerts are routed by the tag {rules.route_by}", highlight=False)
        console.print(f"\nversion {document.version}", highlight=False)


@app.command()
@with_options
def explain(
    device: Annotated[str, typer.Argument(help="The device's id.")],
    metric: Annotated[str, typer.Argument(help="The metric's name.")],
    *,
    target: PipelineOptions,
) -> None:
    """Say which rule applies to a metric of a device, and why."""
    from sensorctl.thresholds import views  # noqa: PLC0415

    document = _readable(_in_force(target.connect()))
    terminal.say(*views.explain(document, device=device, metric=metric, now=datetime.now(UTC)))


@app.command("try")
@with_options
def try_(
    context: typer.Context,
    document: Annotated[Path, typer.Argument(metavar="NEW.json", help="The thresholds to try.")],
    files: Annotated[
        list[str] | None, typer.Argument(help="Files of readings instead of a stage's; - is standard input.")
    ] = None,
    *,
    trial: TrialOptions,
    target: ListOptions,
) -> None:
    """Show which e-mails new thresholds would have sent, beside those of the present ones. Nothing is written or sent.

    The functions' own rules are run over stored readings, each at the time of its upload, or over files, each reading
    at its own time. With files the present thresholds are the repository's, unless --stage, --embedded or --against
    names others. Reading a stage costs one read unit for 8 KB: it asks first where that is over 250,000.
    """
    from sensorctl.backtest import trial as backtest  # noqa: PLC0415
    from sensorctl.thresholds import parameter  # noqa: PLC0415

    new = parameter.checked(_text(document), name=str(document))
    to = target.connect() if not files or target.embedded or is_named(context, "stage") else None
    if trial.against is not None or to is None:
        against = trial.against or ROOT / "thresholds.json"
        documents = backtest.Documents(present=parameter.checked(_text(against), name=str(against)), new=new)
    else:
        documents = backtest.Documents(present=_rules(_in_force(to)), new=new)
    now = datetime.now(UTC)
    if files:
        from sensorctl.backtest.files import mappings_of  # noqa: PLC0415

        mappings = mappings_of(trial.mappings) if trial.mappings is not None else None
        tried = backtest.on_files(files, documents, device=trial.device, since=trial.since, mappings=mappings, now=now)
    elif to is not None:
        if trial.mappings is not None:
            raise UserError("--mappings says how files are read; leave it out, or name files")
        since = trial.since or now - backtest.USUAL
        tried = backtest.on_stage(to, documents, device=trial.device, since=since, now=now, yes=trial.yes)
    if target.as_json:
        terminal.say_json(tried.to_json())
    else:
        from sensorctl.backtest import view  # noqa: PLC0415

        view.show(tried, console=terminal.console())


@app.command()
@with_options
def edit(*, first: TryFirst, target: PipelineOptions) -> None:
    """Open the document in your editor ($VISUAL or $EDITOR); it is checked before it is put in force."""
    from sensorctl.thresholds import editing  # noqa: PLC0415

    to = target.connect()
    document = _in_force(to)
    draft = editing.new_draft(document.text)
    try:
        _put(to, document, editing.edited(draft), first=first)
    except (UserError, typer.Abort) as error:
        raise UserError(f"{str(error) or 'given up; nothing was written'}. Your draft stays in {draft}") from None
    draft.unlink()


@app.command("set")
@with_options
def set_(
    metric: Annotated[str | None, typer.Argument(help="The metric's name.")] = None,
    *,
    change: ChangeOptions,
    first: TryFirst,
    target: PipelineOptions,
) -> None:
    """Change one rule, or with --file the whole document. What is not named stays; `none` takes a member out.

    A rule of a device replaces the metric's default whole, it does not add to it.
    """
    from sensorctl.thresholds import changes, views  # noqa: PLC0415

    change.check(metric)
    to, device = target.connect(), change.device
    document = _in_force(to)
    if metric is None:
        _put(to, document, _text(change.file), first=first)
        return
    _readable(document)
    if change.remove:
        text = changes.without_rule(document.text, metric=metric, device=device)
    else:
        text = changes.with_rule(document.text, metric=metric, device=device, members=change.members())
    terminal.say(changes.rule_path(metric=metric, device=device))
    _put(to, document, text, first=first)
    note = views.left_out(views.Document.read(text, name="thresholds"), device=device, metric=metric)
    if note is not None:
        terminal.say(f"Note: {note}")


def _in_force(to: Connection) -> InForce:
    from sensorctl.thresholds import parameter  # noqa: PLC0415

    return parameter.read(to.access.client("ssm"), parameter=to.pipeline.thresholds_parameter)


def _put(to: Connection, document: InForce, text: str, *, first: TryFirst) -> None:
    """Check `text`, show how it differs, write it if it does; if it is tried first, only if that is wanted then."""
    from sensorctl.thresholds import changes, parameter  # noqa: PLC0415

    new = parameter.checked(text, name="thresholds")
    if text.strip() == document.text.strip():
        terminal.say("Nothing has changed; nothing was written.")
        return
    console = terminal.console()
    for line in changes.difference(document.text, text):
        console.print(Text(line, style={"-": "red", "+": "green"}.get(line[0], "")), soft_wrap=True)
    if first.try_first:
        from sensorctl.backtest import trial, view  # noqa: PLC0415

        now = datetime.now(UTC)
        documents = trial.Documents(present=_rules(document), new=new)
        tried = trial.on_stage(to, documents, device="*", since=now - trial.USUAL, now=now, yes=first.yes)
        console.print()
        view.show(tried, console=console)
        confirm("Write them?", yes=first.yes)
    name = to.pipeline.thresholds_parameter
    version = parameter.write(to.access.client("ssm"), parameter=name, text=text, over=document)
    terminal.say(f"Version {version} is written; ingest and alert use it within 60 seconds.")


def _rules(document: InForce) -> Thresholds:
    from lambdas.shared.thresholds.thresholds import Thresholds  # noqa: PLC0415

    _readable(document)
    return Thresholds.parse(document.text)


def _readable(document: InForce) -> Document:
    from lambdas.shared.thresholds.rules import ThresholdsError  # noqa: PLC0415
    from sensorctl.thresholds import views  # noqa: PLC0415

    try:
        return views.Document.read(document.text, name="the thresholds in force")
    except ThresholdsError as error:
        raise UserError(f"{error}. Fix it with `thresholds edit` or replace it with `thresholds set --file`") from None


def _text(file: Path | None) -> str:
    try:
        return file.read_text(encoding="utf-8-sig") if file is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
