"""Options that several commands share, declared once. Imports nothing heavy: `--help` is fast."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lambdas.shared import durations
from sensorctl.errors import UserError

if TYPE_CHECKING:
    from sensorctl.aws.access import Access
    from sensorctl.aws.connection import Connection

ROOT = Path(__file__).parents[1]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_which = partial(typer.Option, rich_help_panel="Which pipeline")


@dataclass(frozen=True, kw_only=True)
class StageOptions:
    """A stage on AWS, and the credentials to ask it with."""

    stage: Annotated[str, _which(help="The stage on AWS.")] = "dev"
    profile: Annotated[str | None, _which(help="An AWS profile.")] = None
    region: Annotated[
        str | None, _which(envvar="AWS_REGION", help="An AWS region; else the profile's, else us-east-1.")
    ] = None

    def access(self) -> Access:
        """Return how to reach AWS there. Raises UserError when there is no such profile."""
        from sensorctl.aws.connection import aws_access  # noqa: PLC0415 boto3 takes a third of a second to import

        return aws_access(profile=self.profile, region=self.region)


@dataclass(frozen=True, kw_only=True)
class PipelineOptions(StageOptions):
    """A deployed pipeline: a stage's on AWS, or the embedded one."""

    embedded: Annotated[
        bool, _which("--embedded", envvar="SENSORCTL_EMBEDDED", help="Ask the embedded AWS that `make up` started.")
    ] = False

    @property
    def name(self) -> str:
        """What people call it."""
        return "the embedded AWS" if self.embedded else f"stage {self.stage} on AWS"

    @property
    def given(self) -> str:
        """The options that name it, for another command to be copied."""
        if self.embedded:
            return "--embedded"
        named = {"--stage": self.stage, "--profile": self.profile, "--region": self.region}
        return shlex.join(word for name, value in named.items() if value is not None for word in (name, value))

    def access(self) -> Access:
        """Return how to reach its AWS, whatever is deployed there. Raises UserError as `connect` does."""
        from sensorctl.aws.connection import embedded_access  # noqa: PLC0415

        return embedded_access(ROOT) if self.embedded else super().access()

    def connect(self) -> Connection:
        """Return the pipeline. Raises UserError when it cannot be reached, saying what to do."""
        from sensorctl.aws import connection  # noqa: PLC0415

        return connection.connect(
            root=ROOT, embedded=self.embedded, stage=self.stage, profile=self.profile, region=self.region
        )


@dataclass(frozen=True, kw_only=True)
class ListOptions(PipelineOptions):
    """A pipeline, and whether its answer is for a program."""

    as_json: Json = False


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command as typer takes it: a parameter that is a dataclass becomes an option for each field of it."""
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for parameter in signature.parameters.values():
        kind = parameter.annotation
        if isinstance(kind, type) and is_dataclass(kind):
            groups[parameter.name] = kind
            parameters += inspect.signature(kind, eval_str=True).parameters.values()
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    # Typer keeps the line breaks of all paragraphs but the first, and a narrow terminal breaks the lines once more.
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    run.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return run


def is_named(context: typer.Context, name: str) -> bool:
    """Return whether a parameter was given, rather than left to its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def duration(text: str, option: str) -> timedelta:
    """Return a duration such as 500ms, 10s, 30m, 2h or 1d. Raises UserError naming the option."""
    length = durations.duration(text)
    if not length:
        raise UserError(f"{option} {text}: give a whole number and ms, s, m, h or d, such as 10s or 30m")
    return length


def instant(help: str, **more: Any) -> Any:
    """Return an option that takes an instant, or how long ago it was."""
    return typer.Option(parser=instant_of, metavar="INSTANT", help=help, **more)


def instant_of(text: str, *, now: datetime | None = None) -> datetime:
    """Return what `2026-11-22T10:00:00Z` (any offset, or none: UTC), `1h`, `7d`, `today` or `yesterday` means.

    Days begin at midnight in UTC. Raises typer.BadParameter.
    """
    now = now or datetime.now(UTC)
    days = {"today": 0, "yesterday": 1}
    if text in days:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days[text])
    if ago := durations.duration(text):
        return now - ago
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text}: give an instant such as 2026-11-22T10:00:00Z, how long ago, such as 1h or 7d, today or yesterday"
        ) from None


def confirm(question: str, *, yes: bool) -> None:
    """Ask on standard error unless `yes`; any other answer, or none, ends the command with 1."""
    if not yes:
        typer.confirm(question, abort=True, err=True)
