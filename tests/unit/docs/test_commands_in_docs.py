"""Every command in the documentation exists, with the options given.

`sensorctl` is asked to parse it, `make` is looked up in the Makefile, and `aws` in botocore's models of the services. A
page with a command that needs AWS says so before the first of them.
"""

import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
from botocore import xform_name

from sensorctl.cli import app
from tests import ROOT
from tests.doc_commands import Command, commands, pages

PAGES = pages(ROOT)
# Of the AWS CLI's own making, with no operation of the same name.
AWS_S3 = {"cp", "ls", "rm", "sync"}
# Options of the AWS CLI itself (AWS CLI Command Reference, "Global options").
AWS_GLOBAL = {"--profile", "--region", "--query", "--output"}
# Typer carries its own copy of click, whose names are private.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
NEEDS_AWS = re.compile(r"\bcredentials\b")


def given() -> list[tuple[str, Command]]:
    return [(page.name, command) for page in PAGES for command in commands(page.read_text())]


def of(program: str) -> list[tuple[str, Command]]:
    return [(page, command) for page, command in given() if command.program == program]


def test_the_pages_have_commands_at_all() -> None:
    assert {command.program for _, command in given()} == {"sensorctl", "make", "aws"}
    assert len(of("sensorctl")) > 40
    assert len(of("make")) > 20


@pytest.mark.parametrize(("page", "command"), of("sensorctl"), ids=str)
def test_sensorctl_takes_what_the_page_says(page: str, command: Command) -> None:
    assert problem_of(command) is None


def problem_of(command: Command) -> str | None:
    """Return what sensorctl's own parser holds against a command; one that is just mentioned need not be complete."""
    node: Any = typer.main.get_command(app)
    words = list(command.words)
    while hasattr(node, "commands") and words and not words[0].startswith("-"):
        if words[0] not in node.commands:
            return f"{words[0]} is no command"
        node, words = node.commands[words[0]], words[1:]
    if not words and hasattr(node, "commands"):
        return None
    try:
        node.make_context(node.name, words)
    except UsageError as error:
        mentioned = type(error).__name__ == "MissingParameter" and not command.whole
        return None if mentioned else error.format_message()  # type: ignore[attr-defined]
    return None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("replai",), "replai is no command"),
        (("replay", "--form", "now"), "No such option: --form"),
        (("redrive", "--most", "none"), "Invalid value for '--most'"),
        (("readings",), "Missing argument"),
    ],
)
def test_a_wrong_command_would_be_noticed(words: tuple[str, ...], problem: str) -> None:
    found = problem_of(Command(program="sensorctl", words=words, whole=True))

    assert found is not None
    assert found.startswith(problem)


@pytest.mark.parametrize(("page", "command"), of("make"), ids=str)
def test_make_has_the_target_and_reads_the_variables(page: str, command: Command) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    variables = {word.partition("=")[0] for word in command.words if "=" in word}

    assert {word for word in command.words if "=" not in word} <= targets
    assert {name for name in variables if f"$${name}" not in makefile.replace("{", "")} == set()


@pytest.mark.parametrize(("page", "command"), of("aws"), ids=str)
def test_aws_has_the_operation_and_its_options(page: str, command: Command) -> None:
    service, operation, *rest = command.words
    if service == "s3":
        assert operation in AWS_S3
        return
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations
    members = model.operation_model(operations[operation]).input_shape.members  # type: ignore[union-attr]
    options = {f"--{xform_name(name, '-')}" for name in members}
    negated = {f"--no-{xform_name(name, '-')}" for name, shape in members.items() if shape.type_name == "boolean"}
    assert {word for word in rest if word.startswith("--")} <= options | negated | AWS_GLOBAL


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_so_before_the_first_command_that_needs_aws(page: Path) -> None:
    text = page.read_text()
    first = re.search(r"^ *(aws |make (deploy|destroy)\b)", text, re.MULTILINE)

    if first is not None:
        assert NEEDS_AWS.search(text[: first.start()])
